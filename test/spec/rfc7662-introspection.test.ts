import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import {
  ACCESS_TOKEN,
  BUCKET,
  FILES,
  type Form,
  ORDERS,
  openTokenEndpoint,
  type PostOptions,
  SECRET,
  signer,
  type TokenEndpoint,
} from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const PATH = '/introspect';
const INACTIVE = { active: false };

const introspect = (token: string, options: PostOptions = {}, form: Form = {}): Promise<Answer> =>
  endpoint.post({ token, ...form }, { path: PATH, as: 'orders-api', ...options });

/** A JWT for ORDERS, an opaque token for FILES: of the app `reports`, for itself. */
const tokenFor = async (resource: string, options: PostOptions = {}): Promise<Answer['body']> => {
  const { status, body, text } = await endpoint.credentials({ resource }, options);
  if (status !== 200) throw new Error(text);
  return body;
};
const jwt = () => tokenFor(ORDERS);
const opaque = () => tokenFor(FILES);
const textOf = ({ access_token }: Answer['body']): string => access_token as string;

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

const mustRefuse = (answer: Answer, status: number, error: string): void => {
  expect(answer).toMatchObject({ status, body: { error, violations: expect.any(Array) } });
  expect(answer.body).not.toHaveProperty('active');
};

describe('introspection, RFC 7662', () => {
  it('§2.2 describes a JWT exactly as it describes itself, to the API it is for', async () => {
    const token = textOf(await jwt());
    const { status, headers, body } = await introspect(token);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({ active: true, token_type: 'Bearer', ...claimsOf(token) });
    expect(body).toMatchObject({
      iss: endpoint.issuer,
      aud: ORDERS,
      sub: 'reports',
      client_id: 'reports',
      scope: 'orders:read orders:list',
      tenant: 'acme',
      app_id: 'reports',
      jti: expect.stringMatching(/^tk_/),
      policy: expect.any(String),
    });
  });

  it('§2.2 describes an opaque token in the same words, and never repeats its value', async () => {
    const issued = await opaque();
    const { status, body, text } = await introspect(textOf(issued));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      active: true,
      aud: FILES,
      scope: 'files:read',
      client_id: 'reports',
      jti: issued.token_id,
      token_type: 'Bearer',
    });
    expect((body.exp as number) - (body.iat as number)).toBe(issued.expires_in);
    expect(text).not.toContain(textOf(issued));
  });

  it('§2.2 names the person, the key and the device of a bound token (RFC 9449 §6.2)', async () => {
    const key = endpoint.newKey();
    const { body: issued } = await endpoint.exchange({ resource: ORDERS }, { key });
    const { body } = await introspect(textOf(issued));
    expect(body).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: key.jkt },
      device_id: `d_${key.jkt}`,
      sub: expect.stringMatching(/^u_[0-9a-z]{26}$/),
      client_id: 'portal',
    });
  });

  it('§2.2 names storage by authorization_details (RFC 9396 §9.2), to the app that holds it', async () => {
    const { body: issued } = await endpoint.exchange({ resource: BUCKET });
    const { body } = await introspect(textOf(issued), { as: 'portal' });
    expect(body).toMatchObject({
      active: true,
      aud: BUCKET,
      authorization_details: issued.authorization_details,
    });
    expect((await introspect(textOf(issued))).body).toEqual(INACTIVE);
  });

  it('§2.2 names who acts, the whole chain (RFC 8693 §4.1)', async () => {
    const own = await endpoint.credentials({ resource: ORDERS }, { as: 'portal' });
    const { status, body: issued } = await endpoint.exchange({
      resource: ORDERS,
      scope: 'orders:read',
      actor_token: textOf(own.body),
      actor_token_type: ACCESS_TOKEN,
    });
    expect(status).toBe(200);
    const { body } = await introspect(textOf(issued));
    expect(body).toMatchObject({ active: true, act: { sub: 'portal' } });
    expect(body).toEqual({ active: true, token_type: 'Bearer', ...claimsOf(textOf(issued)) });
  });

  it.each(['access_token', 'refresh_token', 'urn:ietf:params:oauth:token-type:jwt', 'nonsense'])(
    '§2.1 takes the hint %s for a hint',
    async (token_type_hint) => {
      for (const issued of [await jwt(), await opaque()]) {
        const { body } = await introspect(textOf(issued), {}, { token_type_hint });
        expect(body).toMatchObject({ active: true });
      }
    },
  );

  it('§2.1 asks the caller to authenticate, in any of the ways of the token endpoint', async () => {
    const token = textOf(await jwt());
    for (const by of ['basic', 'post'] as const) {
      expect((await introspect(token, { by })).body).toMatchObject({ active: true });
    }
    const asserted = await endpoint.post({ token, ...assertion() }, { path: PATH });
    expect(asserted.body).toMatchObject({ active: true });
  });

  it.each<[string, PostOptions, Form]>([
    ['no client', { as: '', by: 'none' }, {}],
    ['a client id alone', { by: 'none' }, {}],
    ['a public client', { as: 'where2eat', by: 'none' }, {}],
    ['a wrong secret', { secret: 'wrong' }, {}],
    ['a client out of service', { as: 'retired' }, {}],
    ['a stranger', { as: 'nobody' }, {}],
  ])('§2.1, §4 answers 401 invalid_client to %s', async (_, options, form) => {
    const answer = await introspect(textOf(await jwt()), options, form);
    mustRefuse(answer, 401, 'invalid_client');
  });

  it('§2.1 takes no assertion twice, nor one for another endpoint', async () => {
    const token = textOf(await jwt());
    const form = { token, ...assertion() };
    expect(await endpoint.post(form, { path: PATH })).toMatchObject({ status: 200 });
    mustRefuse(await endpoint.post(form, { path: PATH }), 401, 'invalid_client');
    const misdirected = { token, ...assertion({ aud: `${endpoint.issuer}${PATH}` }) };
    mustRefuse(await endpoint.post(misdirected, { path: PATH }), 401, 'invalid_client');
  });

  it('§2.1 takes one way of authenticating, and each parameter once (RFC 6749 §2.3, §3.2)', async () => {
    const token = textOf(await jwt());
    mustRefuse(await introspect(token, {}, { client_secret: SECRET }), 400, 'invalid_request');
    mustRefuse(await introspect(token, {}, { ...assertion() }), 400, 'invalid_request');
    mustRefuse(
      await introspect(token, { by: 'post' }, { client_secret: [SECRET, SECRET] }),
      400,
      'invalid_request',
    );
    mustRefuse(await introspect(token, {}, { token: [token, token] }), 400, 'invalid_request');
  });

  it.each([
    ['no token', { token: [] }],
    ['an empty token', { token: '' }],
    ['a token with a NUL', { token: 'dp_at_\0' }],
  ])('§2.1 refuses a request with %s', async (_, form) => {
    mustRefuse(await introspect('', {}, form), 400, 'invalid_request');
  });

  it('§2.1 is POST with a form', async () => {
    const token = textOf(await jwt());
    const get = await fetch(`${endpoint.issuer}${PATH}?token=${token}`);
    expect(get.status).toBe(405);
    expect(get.headers.get('allow')).toBe('POST');
    const headers = { 'content-type': 'application/json' };
    const raw = JSON.stringify({ token });
    mustRefuse(await introspect('', { raw, headers }), 400, 'invalid_request');
  });

  it('§2.2 says nothing but inactive to a client the token does not concern', async () => {
    const issued = [await jwt(), await opaque()];
    for (const token of issued.map(textOf)) {
      const answer = await introspect(token, { as: 'portal' });
      expect(answer).toMatchObject({ status: 200, body: INACTIVE });
      expect(answer.text).toBe('{"active":false}');
    }
    // An introspection client of one API is a stranger to the other's tokens.
    const { body } = await endpoint.post(
      { token: textOf(issued[1] ?? {}), ...assertion() },
      { path: PATH },
    );
    expect(body).toEqual(INACTIVE);
  });

  it('§2.2 says inactive of what is no token of ours, whatever it looks like', async () => {
    const token = textOf(await jwt());
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const foreign = sign('sha256', Buffer.from(`${header}.${payload}`), {
      key: signer.privateKey,
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url');
    const swapped = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const none = swapped({ alg: 'none', typ: 'at+jwt' });
    const tokens = [
      'x',
      'dp_at_',
      `dp_at_${'0'.repeat(38)}`,
      'é🙂',
      `${token}x`,
      token.slice(0, -2),
      `${header}.${payload}.${foreign}`,
      `${none}.${payload}.`,
      `${header}.${swapped({ ...claimsOf(token), scope: 'orders:write' })}.${signature}`,
      'a'.repeat(50_000),
      `${'a.'.repeat(20_000)}a`,
      await endpoint.signIn('portal'),
    ];
    for (const each of tokens) {
      expect(await introspect(each)).toMatchObject({ status: 200, body: INACTIVE });
    }
  });

  it('§2.1 reads no more of a form than the token endpoint does', async () => {
    mustRefuse(await introspect('a'.repeat(64 * 1024)), 413, 'payload_too_large');
  });

  it('§2.2 says inactive of a token that has expired', async () => {
    const issued = [await jwt(), await opaque()];
    const before = endpoint.broker.shift() / 1000;
    endpoint.broker.advance(Number(issued[0]?.expires_in));
    try {
      for (const token of issued.map(textOf)) {
        expect((await introspect(token)).body).toEqual(INACTIVE);
      }
    } finally {
      endpoint.broker.advance(before - endpoint.broker.shift() / 1000);
    }
  });

  it('§4 is signed by the key the API would verify offline with', async () => {
    // What introspection believes is what /jwks publishes: no second source of truth.
    const token = textOf(await jwt());
    const { keys } = (await (await fetch(`${endpoint.issuer}/jwks`)).json()) as {
      keys: { kid: string }[];
    };
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
    const key = createPublicKey({
      key: keys.find((one) => one.kid === kid) as never,
      format: 'jwk',
    });
    const isSigned = verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    expect(isSigned).toBe(true);
  });
});

let assertions = 0;

/** Of the app `signer` (RFC 7523). */
const assertion = (claims: object = {}): Form => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = Math.floor(endpoint.broker.ledger.clock.now().getTime() / 1000);
  const jti = createHash('sha256').update(`${now}:${assertions++}`).digest('hex');
  const header = { alg: 'ES256', kid: signer.kid };
  const all = { iss: 'signer', sub: 'signer', aud: endpoint.issuer, jti, exp: now + 60, ...claims };
  const input = `${encode(header)}.${encode(all)}`;
  const key = { key: signer.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return {
    client_assertion: `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  };
};
