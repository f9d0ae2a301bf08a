import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { startTarget } from '../unit/egress/target.ts';

/** A corporate SSO whose keys the test holds: it says whatever the attack needs said. */

export interface SigningKey {
  readonly kid: string;
  readonly alg: 'ES256' | 'RS256';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const newSigningKey = (kid: string, alg: SigningKey['alg'] = 'ES256'): SigningKey => ({
  kid,
  alg,
  ...(alg === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 })),
});

export type Claims = Readonly<Record<string, unknown>>;

/** JSON, or text that is to stand as it is; undefined members are left out. */
export const part = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A JWS over anything at all. */
export const signJwt = (
  key: SigningKey,
  payload: Claims | string,
  header: Record<string, unknown> = {},
): string => {
  const input = `${part({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })}.${part(payload)}`;
  const signature = sign('sha256', Buffer.from(input), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
};

export const thumbprintOf = (key: KeyObject): string => {
  const { crv, kty, x, y } = key.export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
};

export const startCorporateSso = async () => {
  const keys = [newSigningKey('ec'), newSigningKey('rsa', 'RS256')] as const;
  const jwks = {
    keys: keys.map(({ publicKey, kid, alg }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      alg,
      use: 'sig',
    })),
  };
  let isDown = false;
  // One server, an issuer for each tenant: the first segment of the path is its name.
  const target = await startTarget((request, response) => {
    const [, name] = (request.url ?? '').split('/');
    const issuer = `${target.origin}/${name}`;
    if (isDown) response.writeHead(503).end();
    else if (request.url?.endsWith('/jwks')) response.end(JSON.stringify(jwks));
    else response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks` }));
  });

  return {
    keys,
    jwks,
    issuer: (name = 'acme') => `${target.origin}/${name}`,
    requests: target.requests,
    /** Whether it answers 503 to whatever it is asked. */
    setDown: (down: boolean): void => {
      isDown = down;
    },
    /** An ID token of `ana` for where2eat at `now`, except for what is overridden. */
    idToken: (
      now: number,
      overrides: Claims = {},
      header: Record<string, unknown> = {},
      key: SigningKey = keys[0],
    ): string =>
      signJwt(
        key,
        {
          iss: `${target.origin}/acme`,
          sub: 'ana',
          aud: 'where2eat',
          iat: now,
          exp: now + 3600,
          jti: randomUUID(),
          dept: 'marketing',
          region: 'eu',
          ...overrides,
        },
        header,
      ),
    stop: () => target.close(),
  };
};

export type CorporateSso = Awaited<ReturnType<typeof startCorporateSso>>;
