import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { BUCKET, FILES, ORDERS, openTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

/** As a resource server verifies it (RFC 9068 §4), offline but for the key set. */
const verify = async (token: unknown, audience = ORDERS): Promise<JWTPayload> => {
  const keys = createRemoteJWKSet(new URL(`${endpoint.issuer}/jwks`));
  const options = { issuer: endpoint.issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] };
  return (await jwtVerify(String(token), keys, options)).payload;
};

const now = () => Math.floor(endpoint.broker.ledger.clock.now().getTime() / 1000);

describe('a JWT access token, RFC 9068', () => {
  it('§2.1 says what it is, and which key signed it', async () => {
    const { body } = await endpoint.credentials();
    const published = await fetch(`${endpoint.issuer}/jwks`);
    const { keys } = (await published.json()) as { keys: { kid: string }[] };
    expect(decodeProtectedHeader(String(body.access_token))).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: keys[0]?.kid,
    });
  });

  it('§2.2 has the claims of a user, through an app', async () => {
    const before = now();
    const { body } = await endpoint.exchange({ resource: ORDERS, scope: 'orders:read' });
    const claims = await verify(body.access_token);
    expect(claims).toEqual({
      iss: endpoint.issuer,
      status: {
        status_list: {
          idx: expect.any(Number),
          uri: expect.stringMatching(/\/status\/\d+$/),
        },
      },
      sub: expect.stringMatching(/^u_[0-9a-z]{26}$/),
      aud: ORDERS,
      client_id: 'portal',
      jti: body.token_id,
      iat: expect.any(Number),
      exp: expect.any(Number),
      scope: 'orders:read',
      tenant: 'acme',
      app_id: 'portal',
      policy: expect.stringMatching(/^(sha256:)?[0-9a-zA-Z_-]{43,64}$/),
    });
    expect(claims.iat).toBeGreaterThanOrEqual(before);
    expect(claims.iat).toBeLessThanOrEqual(now());
    expect(Number(claims.exp) - Number(claims.iat)).toBe(body.expires_in);
  });

  it('§2.2 has the client as subject where it acts for itself', async () => {
    const { body } = await endpoint.credentials();
    expect(await verify(body.access_token)).toMatchObject({
      sub: 'reports',
      client_id: 'reports',
      app_id: 'reports',
    });
  });

  it('§2.2 names one user alike to every app, and two users apart', async () => {
    const subjectOf = async (user: string, app: string) => {
      const subject_token = await endpoint.signIn(app, user);
      const { body } = await endpoint.exchange({ resource: ORDERS, subject_token }, { as: app });
      return (await verify(body.access_token)).sub;
    };
    expect(await subjectOf('ana', 'portal')).toBe(await subjectOf('ana', 'reports'));
    expect(await subjectOf('ana', 'portal')).not.toBe(await subjectOf('uma', 'portal'));
  });

  it('§2.2.3 has the scope that was given, also where none was asked for', async () => {
    const { body } = await endpoint.credentials();
    expect((await verify(body.access_token)).scope).toBe('orders:read orders:list');
    expect(body.scope).toBe('orders:read orders:list');
  });

  it('§2.2 is confirmed by a key where one was proved (RFC 9449 §6.1), and by none where not', async () => {
    const key = endpoint.newKey();
    const { body } = await endpoint.credentials({}, { key });
    const claims = await verify(body.access_token);
    expect(claims.cnf).toEqual({ jkt: key.jkt });
    expect(claims.device_id).toBe(`d_${key.jkt}`);
    const unbound = await verify((await endpoint.credentials()).body.access_token);
    expect(unbound).not.toHaveProperty('cnf');
    expect(unbound).not.toHaveProperty('device_id');
  });

  it('§3 is for one audience, and for no other', async () => {
    const { body } = await endpoint.credentials();
    await expect(verify(body.access_token, FILES)).rejects.toThrow(/aud/);
  });

  it('§4 has an id of its own, which is on record before it is answered', async () => {
    const first = await endpoint.credentials();
    const second = await endpoint.credentials();
    expect(first.body.token_id).not.toBe(second.body.token_id);
    for (const { body } of [first, second]) {
      const kept = await endpoint.broker.ledger.tokens.find(String(body.token_id));
      expect(kept?.token).toMatchObject({ appId: 'reports', resource: ORDERS, format: 'jwt' });
    }
  });

  it('§6 is no credential for Daypass itself', async () => {
    const { body } = await endpoint.exchange({ resource: ORDERS });
    const answer = await endpoint.client.call('/objects?resource=bucket:project-123', {
      token: String(body.access_token),
    });
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });

  it('§1 is for resource servers that chose it: others, and Daypass, take opaque ones', async () => {
    const opaque = /^dp_at_[0-9A-Za-z]{38}$/;
    const files = await endpoint.credentials({ resource: FILES });
    expect(files.body.access_token).toMatch(opaque);
    expect((await endpoint.exchange({ resource: BUCKET })).body.access_token).toMatch(opaque);
  });
});
