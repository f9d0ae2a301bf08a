import { createHash } from 'node:crypto';
import { createDpop, createNonces, type ProvenRequest } from '../../../src/identity/dpop.ts';
import { epoch, newKey, type SigningKey, START, signJwt } from './issuer.ts';

export const nonces = createNonces(Buffer.alloc(32, 7));
export const TOKEN_ENDPOINT = 'https://daypass.example/token';
export const request: ProvenRequest = { method: 'POST', url: TOKEN_ENDPOINT, beside: 'request' };
export const athOf = (token: string): string =>
  createHash('sha256').update(token).digest('base64url');

/** A proof with everything right, except what is overridden. */
export const proofBy = (
  key: SigningKey,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> =>
  signJwt(
    key,
    {
      jti: 'proof-1',
      htm: 'POST',
      htu: TOKEN_ENDPOINT,
      iat: epoch(START),
      nonce: nonces.issue(START),
      ...claims,
    },
    { typ: 'dpop+jwt', kid: undefined, jwk: key.publicKey.export({ format: 'jwk' }), ...header },
  );

export const clientKey = newKey('ES256');
export const dpop = createDpop({ nonces });

/** What `verify` answers or throws, as a value. */
export const outcomeOf = (
  header: string | string[] | undefined,
  { at = START, ...overrides }: Partial<ProvenRequest> & { at?: Date } = {},
): {
  code?: string;
  status?: number;
  message?: string;
  detail?: string;
  headers?: Record<string, string>;
  jkt?: string;
  replayId?: string;
  keepUntil?: Date;
} => {
  try {
    return dpop.verify(header, { ...request, ...overrides }, at);
  } catch (error) {
    return error as Error;
  }
};
