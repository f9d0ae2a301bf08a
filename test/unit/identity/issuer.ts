import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { CompactSign, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { createFetch } from '../../../src/egress/fetch.ts';
import { createIdTokenVerifier, type TrustedIssuer } from '../../../src/identity/verifier.ts';
import { startTarget } from '../egress/target.ts';

/** The moment at which all these tests begin. */
export const START = new Date('2026-03-01T12:00:00Z');
export const after = (seconds: number): Date => new Date(START.getTime() + seconds * 1000);
export const epoch = (date: Date): number => date.getTime() / 1000;

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const pairFor = (alg: string) => {
  switch (alg) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'EdDSA':
    case 'Ed25519':
      return generateKeyPairSync('ed25519');
    default:
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
};

export const newKey = (alg = 'ES256', kid = `${alg}-key`): SigningKey => ({
  alg,
  kid,
  ...pairFor(alg),
});

export const jwkOf = ({ publicKey, kid, alg }: SigningKey): Record<string, unknown> => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  alg,
  use: 'sig',
});

/** Signs `payload`, which may be text or bytes that are to stand as they are. */
export const signJwt = (
  key: SigningKey,
  payload: JWTPayload | string | Buffer,
  header: Record<string, unknown> = {},
): Promise<string> => {
  const merged = JSON.parse(JSON.stringify({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header }));
  const asItStands = typeof payload === 'string' || Buffer.isBuffer(payload);
  const bytes = Buffer.from(asItStands ? payload : JSON.stringify(payload));
  return new CompactSign(bytes)
    .setProtectedHeader(merged as JWTHeaderParameters)
    .sign(key.privateKey, { crit: { 'urn:x': true } });
};

/** A part of a JWS, from a value or from text as it stands. */
export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** An identity provider on loopback, reached through the real egress, that counts who asks. */
export const startIssuer = async (keys: SigningKey[] = [newKey()], timeoutMs = 5000) => {
  const answers: {
    jwks: () => unknown;
    metadata: (origin: string) => unknown;
    respond?: (path: string, response: ServerResponse) => boolean;
  } = {
    jwks: () => ({ keys: keys.map(jwkOf) }),
    metadata: (origin) => ({ issuer: origin, jwks_uri: `${origin}/jwks` }),
  };
  const target = await startTarget((request, response) => {
    const path = request.url ?? '';
    if (answers.respond?.(path, response)) return;
    if (path === '/jwks') response.end(JSON.stringify(answers.jwks()));
    else response.end(JSON.stringify(answers.metadata(target.origin)));
  });
  const fetch = createFetch({ allowLoopback: true, timeoutMs });
  const trusted: TrustedIssuer = {
    id: 'corp',
    issuer: target.origin,
    tenant: 'acme',
    audiences: ['where2eat', 'daypass'],
    algorithms: ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'],
    maxIdTokenAge: 3600,
    claims: { roles: 'groups', department: 'dept' },
  };
  const claims = (overrides: JWTPayload = {}): JWTPayload => ({
    iss: target.origin,
    sub: 'ana',
    aud: 'where2eat',
    iat: epoch(START),
    exp: epoch(START) + 300,
    ...overrides,
  });

  return {
    answers,
    keys,
    trusted,
    claims,
    requests: target.requests,
    fetchesOfKeys: () => target.requests.filter((path) => path === '/jwks').length,
    close: () => target.close(),
    /** A verifier that has fetched nothing yet. */
    verifier: (overrides: Partial<TrustedIssuer> = {}) =>
      createIdTokenVerifier({ issuers: () => [{ ...trusted, ...overrides }], fetch }),
    token: (
      overrides: JWTPayload = {},
      header: Record<string, unknown> = {},
      key: SigningKey = keys[0]!,
    ) => signJwt(key, claims(overrides), header),
  };
};

export type Issuer = Awaited<ReturnType<typeof startIssuer>>;

/** The code and the public message a promise is refused with. */
export const refusalOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'accepted',
    ({ code, message, status }: { code?: string; message: string; status?: number }) => ({
      code,
      message,
      status,
    }),
  );

export const UNPROVEN = {
  code: 'invalid_token',
  message: 'the token is not acceptable: sign in again and present a fresh one',
  status: 401,
};
