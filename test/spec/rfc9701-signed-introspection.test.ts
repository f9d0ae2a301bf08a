import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import { ORDERS, openTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const SIGNED = 'application/token-introspection+jwt';

const introspect = (token: string, accept: string, as = 'orders-api'): Promise<Answer> =>
  endpoint.post({ token }, { path: '/introspect', as, headers: { accept } });

const token = async (): Promise<string> =>
  (await endpoint.credentials({ resource: ORDERS })).body.access_token as string;

const part = (text: string | undefined) =>
  JSON.parse(Buffer.from(text ?? '', 'base64url').toString());

const decode = async (jwt: string) => {
  const [header, payload, signature] = jwt.split('.') as [string, string, string];
  const response = await fetch(`${endpoint.issuer}/jwks`);
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  const jwk = keys.find(({ kid }) => kid === part(header).kid);
  const key = createPublicKey({ key: jwk as never, format: 'jwk' });
  const isSigned = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  return { header: part(header), payload: part(payload), isSigned };
};

describe('signed introspection, RFC 9701', () => {
  it('§5 is a JWT for the caller, with the answer as one claim', async () => {
    const value = await token();
    const { status, headers, text } = await introspect(value, SIGNED);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/token-introspection\+jwt/);
    expect(headers.get('cache-control')).toBe('no-store');

    const { header, payload, isSigned } = await decode(text);
    expect(isSigned).toBe(true);
    expect(header).toMatchObject({ typ: 'token-introspection+jwt', alg: 'ES256' });
    const { body: plain } = await introspect(value, 'application/json');
    const now = endpoint.broker.ledger.clock.now().getTime() / 1000;
    expect(payload).toEqual({
      iss: endpoint.issuer,
      aud: 'orders-api',
      iat: expect.any(Number),
      token_introspection: plain, // §5: nothing of the token at the top
    });
    expect(Math.abs(payload.iat - now)).toBeLessThan(5);
    expect(plain).toMatchObject({ active: true });
  });

  it('§5 says no more than inactive to whom the token does not concern, signed for them', async () => {
    const { text } = await introspect(await token(), SIGNED, 'portal');
    const { payload } = await decode(text);
    expect(payload).toMatchObject({ aud: 'portal', token_introspection: { active: false } });
    expect(payload.token_introspection).toEqual({ active: false });
  });

  it.each([
    ['*/*', /^application\/json/],
    ['application/json', /^application\/json/],
    ['text/html', /^application\/json/],
    [`application/json;q=0.5, ${SIGNED}`, /token-introspection\+jwt/],
    [`application/json, ${SIGNED};q=0.1`, /^application\/json/],
  ])('§4 is asked for by Accept: %s', async (accept, type) => {
    const { headers, status } = await introspect(await token(), accept);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(type);
  });

  it('§4 needs a client that authenticated, and is refused in JSON like everything else', async () => {
    const answer = await endpoint.post(
      { token: await token() },
      { path: '/introspect', as: 'orders-api', secret: 'wrong', headers: { accept: SIGNED } },
    );
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  it('§8.1 is no access token, nor a subject token, though the same key signed it', async () => {
    const { text: jwt } = await introspect(await token(), SIGNED);
    expect((await introspect(jwt, 'application/json')).body).toEqual({ active: false });
    const { status } = await endpoint.exchange({ subject_token: jwt });
    expect(status).toBe(400);
  });
});
