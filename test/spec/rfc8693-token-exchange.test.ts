import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ACCESS_TOKEN,
  BUCKET,
  EXCHANGE,
  FILES,
  type Form,
  ID_TOKEN,
  ORDERS,
  openTokenEndpoint,
  type TokenEndpoint,
} from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const violation = (field: string, rule: string) => [expect.objectContaining({ field, rule })];

describe('a request, RFC 8693', () => {
  it('§2.1 has a confidential app exchange the ID token of its user', async () => {
    const answer = await endpoint.exchange({ resource: ORDERS });
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
  });

  it('§2.1 takes the resource as `resource`, as `audience`, or alike as both', async () => {
    for (const target of [
      { resource: ORDERS },
      { audience: ORDERS },
      { resource: ORDERS, audience: ORDERS },
      { resource: [ORDERS, ORDERS] },
    ]) {
      expect(await endpoint.exchange(target)).toMatchObject({ status: 200 });
    }
  });

  it.each([
    ['resources', { resource: [ORDERS, BUCKET] }],
    ['audiences', { audience: [ORDERS, FILES] }],
    ['a resource and an audience', { resource: ORDERS, audience: BUCKET }],
  ] as const)('§2.1 refuses two different targets: %s', async (_, form) => {
    expect(await endpoint.exchange(form)).toMatchObject({
      status: 400,
      body: { error: 'invalid_target', violations: violation('resource', 'one_target') },
    });
  });

  it('§2.1 takes the only requested_token_type there is', async () => {
    const answer = await endpoint.exchange({
      resource: ORDERS,
      requested_token_type: ACCESS_TOKEN,
    });
    expect(answer).toMatchObject({ status: 200, body: { issued_token_type: ACCESS_TOKEN } });
  });

  it.each([
    'urn:ietf:params:oauth:token-type:refresh_token',
    ID_TOKEN,
    JWT,
    'urn:ietf:params:oauth:token-type:saml2',
    'access_token',
  ])('§2.1 refuses requested_token_type %s', async (requested_token_type) => {
    expect(await endpoint.exchange({ resource: ORDERS, requested_token_type })).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_request',
        violations: violation('requested_token_type', 'token_type'),
      },
    });
  });

  it.each([
    ['subject_token', { subject_token: [] }, 'required'],
    ['subject_token', { subject_token: '' }, 'required'],
    ['subject_token_type', { subject_token_type: [] }, 'required'],
    ['subject_token_type', { subject_token_type: JWT }, 'token_type'],
    ['subject_token_type', { subject_token_type: 'id_token' }, 'token_type'],
  ])('§2.1 requires a usable %s: %j', async (field, form, rule) => {
    expect(await endpoint.exchange({ resource: ORDERS, ...form })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', violations: violation(field, rule) },
    });
  });

  it.each([
    ['an actor_token_type without its token', { actor_token_type: ACCESS_TOKEN }, 'actor_token'],
    ['an actor_token without its type', { actor_token: 'x' }, 'actor_token_type'],
  ])('§2.1 refuses %s', async (_, form, field) => {
    expect(await endpoint.exchange({ resource: ORDERS, ...form })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', violations: violation(field, 'together') },
    });
  });

  it('§2.1 takes an actor, and says in the token who acts for whom (§4.1)', async () => {
    const own = await endpoint.credentials({ scope: 'orders:read' }, { as: 'portal' });
    const actor = { actor_token: String(own.body.access_token), actor_token_type: ACCESS_TOKEN };
    const { status, body } = await endpoint.exchange({ resource: ORDERS, ...actor });
    expect(status).toBe(200);
    const [, payload = ''] = String(body.access_token).split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      act: { sub: 'portal', iss: endpoint.issuer },
    });
  });

  it('§2.1 refuses to bind to another key what is bound to none', async () => {
    const answer = await endpoint.exchange({ resource: ORDERS, dpop_binding_proof: 'e30.e30.e30' });
    expect(answer).toMatchObject({
      status: 400,
      body: { violations: violation('dpop_binding_proof', 'bound_subject') },
    });
  });

  it('§2.1 gives all that is held where no scope is asked for', async () => {
    expect(await endpoint.exchange({ resource: ORDERS })).toMatchObject({
      body: { scope: 'orders:read orders:list' },
    });
  });
});

describe('a successful answer, RFC 8693', () => {
  it('§2.2.1 has every member that is required, and is nobody’s to cache', async () => {
    const { status, headers, body } = await endpoint.exchange({
      resource: ORDERS,
      scope: 'orders:read',
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'orders:read',
      token_id: expect.stringMatching(/^tk_/),
    });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('§2.2.1 says `DPoP` where the token is bound, and `Bearer` where it is not', async () => {
    const bound = await endpoint.exchange({ resource: ORDERS }, { key: endpoint.newKey() });
    expect(bound.body).toMatchObject({ token_type: 'DPoP' });
    expect((await endpoint.exchange({ resource: ORDERS })).body).toMatchObject({
      token_type: 'Bearer',
    });
  });

  it('§2.2.1 gives a storage scope as it was asked for, and what it means beside it', async () => {
    const scope = `storage:${BUCKET}:read:prefix=/portal/${await userId()}/:max_size=1000:types=image/png`;
    const { status, body } = await endpoint.exchange({ scope });
    expect({ status, scope: body.scope }).toEqual({ status: 200, scope });
    expect(body.authorization_details).toMatchObject([{ locations: [BUCKET], max_size: 1000 }]);
    expect(body.access_token).toMatch(/^dp_at_/);
  });
});

/** From the prefix of a token that holds all of its app's grant. */
const userId = async (): Promise<string> => {
  const { body } = await endpoint.exchange({ resource: BUCKET });
  return /\/portal\/(u_[0-9a-z]{26})\//i.exec(String(body.scope))?.[1] ?? '';
};

describe('an error, RFC 8693', () => {
  const acceptable = {
    error: 'invalid_request',
    violations: violation('subject_token', 'not_acceptable'),
  };

  it('§2.2.2 answers every unacceptable subject token alike, with invalid_request', async () => {
    const ofAnother = await endpoint.signIn('reports');
    const old = await endpoint.signIn('portal');
    const forged = `${old.slice(0, -8)}AAAAAAAA`;
    const own = (await endpoint.exchange({ resource: BUCKET })).body.access_token as string;
    const answers = await Promise.all(
      [
        { subject_token: ofAnother },
        { subject_token: forged },
        { subject_token: 'not a token' },
        { subject_token: own }, // an access token that is said to be an ID token
        { subject_token: old, subject_token_type: ACCESS_TOKEN },
        { subject_token: 'dp_at_0', subject_token_type: ACCESS_TOKEN },
      ].map((form: Form) => endpoint.exchange({ resource: BUCKET, ...form })),
    );
    for (const answer of answers) expect(answer).toMatchObject({ status: 400, body: acceptable });
    const texts = answers.map(({ body: { request_id: _, ...body } }) => JSON.stringify(body));
    expect(new Set(texts).size).toBe(1);
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store');
  });

  it('§2.2.2 answers an unknown target with invalid_target', async () => {
    for (const resource of [
      'https://unknown.example',
      'bucket:unknown',
      FILES, // known, and not granted
      'not a target',
      `${ORDERS}#fragment`,
      `${endpoint.issuer}/admin`,
    ]) {
      expect(await endpoint.exchange({ resource })).toMatchObject({
        status: 400,
        body: { error: 'invalid_target', violations: [expect.anything()] },
      });
    }
  });

  it('§2.2.2 answers a target that policy refuses with invalid_target or, for what is asked, invalid_request', async () => {
    expect(await endpoint.exchange({ resource: 'bucket:vault' })).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_request',
        violations: violation('lawful_basis', 'lawful_basis_stated'),
      },
    });
    expect(
      await endpoint.exchange({ resource: 'bucket:vault', lawful_basis: 'contract' }),
    ).toMatchObject({ status: 200 });
  });

  it('§2.2.2 says why, and in which request', async () => {
    const { body, headers } = await endpoint.exchange({ resource: 'bucket:unknown' });
    expect(body).toEqual({
      error: 'invalid_target',
      error_description: expect.any(String),
      violations: [
        {
          field: 'resource',
          rule: 'not_granted',
          message: expect.any(String),
          remedy: expect.any(String),
        },
      ],
      request_id: headers.get('x-request-id'),
    });
  });
});

describe('narrowing a token of Daypass, RFC 8693', () => {
  const held = async (key = endpoint.newKey()) => {
    const { body } = await endpoint.exchange({ resource: BUCKET }, { key });
    return { token: body.access_token as string, id: body.token_id, body, key };
  };
  const narrow = (token: string, form: Form = {}) => ({
    grant_type: EXCHANGE,
    subject_token: token,
    subject_token_type: ACCESS_TOKEN,
    ...form,
  });

  it('§1.1 gives a part of what is held, with the key it is bound to', async () => {
    const { token, key } = await held();
    const answer = await endpoint.post(narrow(token, { resource: BUCKET, scope: 'read' }), {
      as: 'portal',
      key,
      proving: token,
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP', authorization_details: [{ actions: ['read'] }] },
    });
    expect(answer.body.access_token).not.toBe(token);
  });

  it('§1.1 never gives more than is held, nor for another target', async () => {
    const { token, key } = await held();
    const as = { as: 'portal', key, proving: token };
    const read = await endpoint.post(narrow(token, { scope: 'read' }), as);
    const narrowed = read.body.access_token as string;
    const wider = { as: 'portal', key, proving: narrowed };
    expect(await endpoint.post(narrow(narrowed, { scope: 'read write' }), wider)).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    expect(await endpoint.post(narrow(narrowed, { resource: ORDERS }), wider)).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    });
  });

  it('§1.1 asks for the key of a bound token: no proof, another key, and a proof of something else are refused', async () => {
    const { token, key } = await held();
    const without = await endpoint.post(narrow(token), { as: 'portal' });
    const other = await endpoint.post(narrow(token), {
      as: 'portal',
      key: endpoint.newKey(),
      proving: token,
    });
    for (const answer of [without, other]) {
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    }
    expect(await endpoint.post(narrow(token), { as: 'portal', key })).toMatchObject({
      status: 400,
      body: { error: 'invalid_dpop_proof' }, // without `ath`
    });
  });

  it('§1.1 gives nothing for the token of another app', async () => {
    const { token, key } = await held();
    const answer = await endpoint.post(narrow(token), { as: 'reports', key, proving: token });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('§1.1 never outlives what it comes from', async () => {
    const { token, key, body } = await held();
    endpoint.broker.advance(100);
    const answer = await endpoint.post(narrow(token), { as: 'portal', key, proving: token });
    expect(answer.status).toBe(200);
    expect(Number(answer.body.expires_in)).toBeLessThanOrEqual(Number(body.expires_in) - 100);
  });
});

describe('a public app, RFC 8693', () => {
  const form = async (audience: string) => ({
    grant_type: EXCHANGE,
    subject_token: await endpoint.signIn(audience),
    subject_token_type: ID_TOKEN,
    resource: BUCKET,
  });

  it('§5 exchanges an ID token issued to it, with a proof', async () => {
    const answer = await endpoint.post(await form('where2eat'), {
      as: 'where2eat',
      by: 'none',
      key: endpoint.newKey(),
    });
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  it.each(['where2eat', 'lowcode'])('§5 gets nothing without a proof: %s', async (as) => {
    expect(await endpoint.post(await form(as), { as, by: 'none' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_dpop_proof', violations: violation('DPoP', 'required') },
    });
  });

  it('§5 gets nothing for an ID token of another app', async () => {
    const answer = await endpoint.post(await form('portal'), {
      as: 'where2eat',
      by: 'none',
      key: endpoint.newKey(),
    });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('§5 narrows its own token, and nobody else’s', async () => {
    const key = endpoint.newKey();
    const as = { as: 'where2eat', by: 'none', key } as const;
    const first = await endpoint.post(await form('where2eat'), as);
    const token = first.body.access_token as string;
    const again = { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN };
    const narrowed = await endpoint.post({ ...again, scope: 'read' }, { ...as, proving: token });
    expect(narrowed).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    const stolen = await endpoint.post(again, { as: 'lowcode', by: 'none', key, proving: token });
    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });
});
