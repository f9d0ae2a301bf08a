import { randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  EXCHANGE,
  type Form,
  ID_TOKEN,
  ORDERS,
  ORIGIN,
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

const form: Form = { grant_type: 'client_credentials', resource: ORDERS };
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The shape every refusal has; `request_id` is the header's. */
const refusal = (error: string, field: string, rule: string) => ({
  error,
  error_description: expect.stringMatching(/./),
  violations: [
    { field, rule, message: expect.stringMatching(/./), remedy: expect.stringMatching(/./) },
  ],
  request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
});

const unauthenticated = refusal('invalid_client', 'client_id', 'client_authentication');

describe('client authentication, RFC 6749', () => {
  it('§2.3.1 takes a secret in the header, form-encoded and then in Base64, or in the body', async () => {
    for (const by of ['basic', 'post'] as const) {
      expect(await endpoint.credentials({}, { by })).toMatchObject({ status: 200 });
    }
  });

  it('§2.3 takes one mechanism only', async () => {
    const answer = await endpoint.credentials({ client_secret: SECRET });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(refusal('invalid_request', 'client_id', 'one_mechanism'));
  });

  const headers = (authorization: string): PostOptions => ({ headers: { authorization } });

  it.each<[string, Form, PostOptions]>([
    ['a wrong secret', {}, { as: 'reports', secret: 'wrong' }],
    ['an unknown client', {}, { as: 'nobody' }],
    ['a client that is not in service', {}, { as: 'retired' }],
    ['a public client with a secret', {}, { as: 'where2eat' }],
    ['a client whose credential is a key, with a secret', {}, { as: 'signer' }],
    ['another client in the body', { client_id: 'portal' }, { as: 'reports' }],
    ['a scheme that is not Basic', {}, headers('Bearer something')],
    ['a header that is not Base64', {}, headers('Basic %%%')],
    ['a header without a colon', {}, headers(`Basic ${Buffer.from('reports').toString('base64')}`)],
    [
      'a header without a secret',
      {},
      headers(`Basic ${Buffer.from('reports:').toString('base64')}`),
    ],
  ])('§5.2 answers %s with 401 and the scheme that was used', async (_, more, options) => {
    const answer = await endpoint.post({ ...form, ...more }, options);
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual(unauthenticated);
    expect(answer.headers.get('www-authenticate')).toBe(`Basic realm="${endpoint.issuer}"`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each<[string, Form, PostOptions]>([
    ['no client at all', {}, {}],
    ['a wrong secret in the body', {}, { as: 'reports', by: 'post', secret: 'wrong' }],
    ['an unknown client in the body', {}, { as: 'nobody', by: 'post' }],
    ['a confidential client that only says its name', {}, { as: 'reports', by: 'none' }],
    [
      'an assertion that is not one',
      { client_assertion: 'x', client_assertion_type: ASSERTION_TYPE },
      {},
    ],
  ])(
    '§5.2 answers %s with 401, and no challenge a browser would show',
    async (_, more, options) => {
      const answer = await endpoint.post({ ...form, ...more }, options);
      expect(answer.status).toBe(401);
      expect(answer.body).toEqual(unauthenticated);
      expect(answer.headers.get('www-authenticate')).toBeNull();
    },
  );

  it('§5.2 answers all of them alike', async () => {
    const answers = await Promise.all([
      endpoint.post(form, { as: 'reports', secret: 'wrong' }),
      endpoint.post(form, { as: 'nobody' }),
      endpoint.post(form, { as: 'retired' }),
    ]);
    const texts = answers.map(({ body: { request_id: _, ...body } }) => JSON.stringify(body));
    expect(new Set(texts).size).toBe(1);
  });
});

describe('private_key_jwt, RFC 7523', () => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = () => Math.floor(endpoint.broker.ledger.clock.now().getTime() / 1000);

  const assertion = (claims: object = {}, header: object = {}) => {
    const input = [
      encode({ alg: 'ES256', kid: signer.kid, ...header }),
      encode({
        iss: 'signer',
        sub: 'signer',
        aud: endpoint.issuer,
        jti: randomUUID(),
        iat: now(),
        exp: now() + 60,
        ...claims,
      }),
    ].join('.');
    const key = { key: signer.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  };

  const present = (client_assertion: string) =>
    endpoint.post(
      { ...form, client_assertion, client_assertion_type: ASSERTION_TYPE },
      { key: endpoint.newKey() },
    );

  it('§3 takes an assertion for the issuer, once', async () => {
    await endpoint.credentials({}, { key: endpoint.newKey() }); // for the nonce
    const once = assertion();
    expect(await present(once)).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(await present(once)).toMatchObject({ status: 401, body: unauthenticated });
    expect(await present(assertion({ aud: [endpoint.issuer] }))).toMatchObject({ status: 200 });
  });

  it('§3 takes one of two that come at once', async () => {
    await endpoint.credentials({}, { key: endpoint.newKey() }); // for the nonce
    const once = assertion();
    const answers = await Promise.all([1, 2, 3, 4].map(() => present(once)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401, 401, 401]);
  });

  it.each<[string, () => string]>([
    ['another audience', () => assertion({ aud: 'https://other.example' })],
    ['the token endpoint as audience', () => assertion({ aud: `${endpoint.issuer}/token` })],
    ['a further audience', () => assertion({ aud: [endpoint.issuer, 'https://other.example'] })],
    ['no audience', () => assertion({ aud: undefined })],
    ['another subject', () => assertion({ sub: 'reports' })],
    ['another issuer', () => assertion({ iss: 'reports' })],
    ['no end', () => assertion({ exp: undefined })],
    ['an end far ahead', () => assertion({ exp: now() + 3600 })],
    ['an end that is not a number', () => assertion({ exp: 'soon' })],
    ['an end that has come', () => assertion({ exp: now() - 60 })],
    ['a future issue', () => assertion({ iat: now() + 120, exp: now() + 180 })],
    ['no id', () => assertion({ jti: undefined })],
    ['alg none', () => `${assertion({}, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`],
    ['another alg', () => assertion({}, { alg: 'HS256' })],
    ['a changed signature', () => `${assertion().slice(0, -6)}AAAAAA`],
  ])('§3 refuses one with %s', async (_, make) => {
    const answer = await present(make());
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual(unauthenticated);
  });

  it('§3 goes by the ledger’s clock', async () => {
    const before = assertion({ exp: now() + 30 });
    endpoint.broker.advance(60);
    expect(await present(before)).toMatchObject({ status: 401, body: unauthenticated });
    endpoint.broker.advance(-60);
  });
});

describe('an error of the token endpoint, RFC 6749', () => {
  it('§5.2 says unauthorized_client where the app may not use the grant', async () => {
    const answer = await endpoint.post(form, { as: 'where2eat', by: 'none' });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(refusal('unauthorized_client', 'grant_type', 'grant_of_app'));
  });

  it.each(['password', 'implicit', 'x\0y', '__proto__'])(
    '§5.2 says unsupported_grant_type for %j',
    async (grant_type) => {
      const answer = await endpoint.credentials({ grant_type });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(refusal('unsupported_grant_type', 'grant_type', 'unknown_grant'));
    },
  );

  it('§5.2 says invalid_request where grant_type is missing, or empty (§3.2)', async () => {
    for (const grant_type of [[], '']) {
      const answer = await endpoint.credentials({ grant_type });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(refusal('invalid_request', 'grant_type', 'required'));
    }
  });

  it.each([
    'grant_type',
    'client_id',
    'client_secret',
    'scope',
    'subject_token',
    'subject_token_type',
    'requested_token_type',
    'authorization_details',
  ])('§3.2 refuses %s twice', async (name) => {
    const subject = { subject_token: 'x', subject_token_type: ID_TOKEN };
    const given: Form = { grant_type: EXCHANGE, resource: ORDERS, ...subject };
    const own: Form = { client_id: 'reports', client_secret: SECRET };
    const first = String({ ...given, ...own }[name] ?? 'x');
    const answer = await endpoint.post({ ...given, ...own, [name]: [first, first] });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(refusal('invalid_request', name, 'once'));
  });

  it('§3.2 ignores what it does not know', async () => {
    expect(await endpoint.credentials({ colour: ['green', 'blue'] })).toMatchObject({
      status: 200,
    });
  });

  it.each(['orders:write', 'orders:read orders:write', 'ORDERS:READ', 'read'])(
    '§5.2 says invalid_scope for more than is held: %s',
    async (scope) => {
      expect(await endpoint.credentials({ scope })).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope', violations: [{ rule: 'not_held' }] },
      });
    },
  );

  it.each(['orders:read  orders:list', ' orders:read', 'orders:read\torders:list', 'a"b', 'ä'])(
    '§3.3 says invalid_scope for what is not one: %j',
    async (scope) => {
      const answer = await endpoint.credentials({ scope });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(refusal('invalid_scope', 'scope', 'scope_syntax'));
    },
  );

  it('§5.1 names the scope that is given, also where none was asked for (§3.3)', async () => {
    expect(await endpoint.credentials()).toMatchObject({
      body: { scope: 'orders:read orders:list', expires_in: 300, token_type: 'Bearer' },
    });
    expect(await endpoint.credentials({ scope: 'orders:list' })).toMatchObject({
      body: { scope: 'orders:list' },
    });
  });

  it('§4.4.3 gives a client no more than its tokens: nothing to refresh, nothing exchanged', async () => {
    const { body } = await endpoint.credentials();
    expect(Object.keys(body).toSorted()).toEqual(
      ['access_token', 'expires_in', 'scope', 'token_id', 'token_type'].toSorted(),
    );
  });
});

describe('the request itself, RFC 6749', () => {
  it('§3.2 answers POST alone', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = await fetch(`${endpoint.issuer}/token`, { method });
      expect({ method, status: response.status }).toEqual({ method, status: 405 });
      expect(response.headers.get('allow')).toBe('POST');
      if (method !== 'HEAD') {
        expect(await response.json()).toEqual(refusal('method_not_allowed', 'method', 'method'));
      }
    }
  });

  it('§3.2 reads no parameter from the query', async () => {
    const response = await fetch(
      `${endpoint.issuer}/token?grant_type=client_credentials&client_id=reports&client_secret=${encodeURIComponent(SECRET)}`,
      { method: 'POST', body: new URLSearchParams() },
    );
    expect(response.status).toBe(401);
  });

  it.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain;charset=UTF-8'])(
    '§3.2 takes a form, not %s, and says where JSON goes',
    async (type) => {
      const raw = JSON.stringify({ ...form, client_id: 'reports' });
      const answer = await endpoint.post({}, { raw, headers: { 'content-type': type } });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(refusal('invalid_request', 'Content-Type', 'form'));
    },
  );

  it('§3.2 refuses a body larger than 56 KiB without reading on', async () => {
    const answer = await endpoint.credentials({ scope: 'x'.repeat(60 * 1024) });
    expect(answer.status).toBe(413);
    expect(answer.body).toEqual(refusal('payload_too_large', 'body', 'max_size'));
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('§3.2 refuses NUL in every parameter, before anything is recorded', async () => {
    for (const name of ['scope', 'resource', 'audience', 'authorization_details', 'lawful_basis']) {
      const answer = await endpoint.credentials({ [name]: 'a\0b' });
      expect({ name, status: answer.status }).toEqual({ name, status: 400 });
      expect(answer.body.violations).toHaveLength(1);
    }
    const names = ['subject_token', 'subject_token_type', 'requested_token_type', 'resource'];
    for (const name of [...names, 'actor_token', 'actor_token_type', 'dpop_binding_proof']) {
      const answer = await endpoint.exchange({ resource: ORDERS, [name]: 'a\0b' });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(refusal('invalid_request', name, 'text'));
    }
    for (const name of ['client_id', 'client_secret', 'client_assertion']) {
      const answer = await endpoint.post({ ...form, client_id: 'reports', [name]: 'a\0b' });
      expect({ name, status: answer.status }).toEqual({ name, status: 401 });
    }
  });

  it('§3.2 survives what is not UTF-8, and names no member `__proto__`', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const raw of [
      'grant_type=client_credentials&client_id=%ff%fe',
      '__proto__=x&constructor=y&grant_type=client_credentials',
      '&&&===&',
      '%',
    ]) {
      const { status, body } = await endpoint.post({}, { raw, headers: type });
      expect({ raw, status }).toEqual({ raw, status: 401 });
      expect(body).toEqual(unauthenticated);
    }
  });

  it('§5.2 answers in JSON, also to who prefers HTML', async () => {
    const answer = await endpoint.post(form, { headers: { accept: 'text/html' } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.body).toEqual(unauthenticated);
  });
});

describe('a page that calls the token endpoint, Fetch standard', () => {
  const exchange = async (origin?: string) =>
    endpoint.post(
      {
        grant_type: EXCHANGE,
        subject_token: await endpoint.signIn('where2eat'),
        subject_token_type: ID_TOKEN,
        resource: ORDERS,
      },
      {
        as: 'where2eat',
        by: 'none',
        key: endpoint.newKey(),
        headers: origin === undefined ? {} : { origin },
      },
    );

  it('§3.2 may read the answer, its nonce and its request id from an origin of the app', async () => {
    const { status, headers } = await exchange(ORIGIN);
    expect(status).toBe(200);
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(headers.get('access-control-expose-headers')).toMatch(/DPoP-Nonce.*X-Request-Id/);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toMatch(/Origin/);
    expect(headers.get('dpop-nonce')).toMatch(/./);
    expect(headers.get('x-request-id')).toMatch(/./);
  });

  it('§3.2 may read a refusal as well', async () => {
    const answer = await endpoint.post(form, { headers: { origin: ORIGIN } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  });

  it('§3.2 gets nothing from the origin of another app, and no say from an unknown one', async () => {
    expect(await exchange('http://localhost:5174')).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', violations: [{ field: 'Origin' }] },
    });
    for (const origin of ['https://evil.example', 'null']) {
      const answer = await exchange(origin);
      expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('§3.2 is allowed nothing where no page asks', async () => {
    const { status, headers } = await exchange();
    expect(status).toBe(200);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});
