import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ORDERS } from '../security/deployment.ts';
import { mustRefuse, refuses } from '../security/refusal.ts';
import { basic, eventually, openStage, type Stage } from '../security/stage.ts';

/** Dynamic client registration (RFC 7591): off unless a tenant turns it on, and never more than it gives. */

const TOKEN = 'initial-access-token-of-acme-0123456789-abc';
const OTHER = 'initial-access-token-that-ends-0123456789-a';
const hashed = (secret: string) => `sha256:${hash('sha256', secret)}`;
const GRANTS = [{ resource: ORDERS, actions: ['orders:read'], max_ttl: '10m' }];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

type Registration = Readonly<Record<string, unknown>>;

const turnOn = (more: Registration = {}) =>
  stage.reconfigure((draft) => {
    Object.assign(draft.tenants[0]!, {
      registration: {
        initial_access_tokens: [hashed(TOKEN)],
        types: ['browser', 'native', 'web', 'service'],
        grants: GRANTS,
        ...more,
      },
    });
  });

const PAGE = {
  client_name: 'menus on a screen',
  contacts: ['dana@acme.example'],
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://menus.acme.example/callback'],
};
const SERVICE = { client_name: 'nightly copy', contacts: ['ops@acme.example'] };

const register = (body: unknown, token: string | undefined = TOKEN, through = stage.client) =>
  through.call('/register', { body, ...(token !== undefined && { token }) });
const issue = (id: string, secret: string, scope = 'orders:read') =>
  stage.client.call('/token', {
    form: { grant_type: 'client_credentials', resource: ORDERS, scope },
    headers: { authorization: basic(id, secret) },
  });
const endpointIn = async (through = stage.client) =>
  (await through.call('/.well-known/oauth-authorization-server')).body.registration_endpoint;
const appOf = async (id: unknown) => {
  const { token, key } = await stage.adminOf(['platform']);
  return (await stage.client.call(`/admin/v1/apps/${id}`, { token, key })).body;
};

/** There is no person and no app yet: the record has the tenant, and which of its tokens it was. */
const refusesRegistrant = async (expected: { status: number; error: string }, body: object) => {
  const answer = await register(body);
  mustRefuse(answer, expected);
  const rows = await stage.query(
    'SELECT action, outcome, tenant_id, detail FROM audit_event WHERE request_id = $1',
    [answer.body.request_id],
  );
  expect(rows).toEqual([
    {
      action: 'client.register',
      outcome: 'denied',
      tenant_id: 'acme',
      detail: { by: `registration:acme/${hash('sha256', TOKEN).slice(0, 12)}` },
    },
  ]);
  return answer;
};

describe('registration that nobody has turned on', () => {
  it('is no endpoint, and metadata names none', async () => {
    await refuses(stage, { status: 404, error: 'not_found', audited: false }, () =>
      register(SERVICE),
    );
    expect(await endpointIn()).toBeUndefined();
  });
});

describe('registration with an initial access token', () => {
  beforeAll(async () => {
    await turnOn();
    for (const through of stage.clients)
      await eventually(async () => (await endpointIn(through)) === `${stage.issuer}/register`);
  });

  it('§3.2.1 makes a service app with a secret of its own, which works at once', async () => {
    const { status, body, headers } = await register(SERVICE);
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toContain('no-store');
    const ninetyDays = stage.now() + 90 * 24 * 60 * 60;
    expect(body).toMatchObject({
      client_id: expect.stringMatching(/^c-[0-9a-z]{26}$/),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: expect.any(Number),
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: expect.arrayContaining(['client_credentials']),
      response_types: [],
    });
    expect(Math.abs(Number(body.client_secret_expires_at) - ninetyDays)).toBeLessThan(10);
    const issued = await issue(String(body.client_id), String(body.client_secret));
    expect(issued.status).toBe(200);
  });

  it('§2 makes a browser app of a client without authentication, with the origins of its pages', async () => {
    const { status, body } = await register(PAGE);
    expect(status).toBe(201);
    expect(body).not.toHaveProperty('client_secret');
    expect(await appOf(body.client_id)).toMatchObject({
      tenant: 'acme',
      owner: 'dana@acme.example',
      purpose: 'menus on a screen',
      type: 'browser',
      origins: ['https://menus.acme.example'],
      redirect_uris: PAGE.redirect_uris,
      grants: GRANTS,
    });
  });

  it.each([
    ['native', { ...PAGE, application_type: 'native', redirect_uris: ['http://127.0.0.1/cb'] }],
    ['web', { ...PAGE, token_endpoint_auth_method: 'client_secret_post' }],
  ])('§2 makes a %s app', async (type, body) => {
    const made = await register(body);
    expect(made.status).toBe(201);
    expect(await appOf(made.body.client_id)).toMatchObject({ type });
  });

  it('gives nothing that is asked for beyond what the tenant gives', async () => {
    const greedy = {
      ...SERVICE,
      grants: [{ resource: 'bucket:project-123', actions: ['read'] }],
      scope: 'orders:write',
      trusted: true,
      tenant: 'globex',
      id: 'where2eat',
      client_id: 'where2eat',
      owner: 'nobody',
      expires: '2199-01-01',
      dpop: 'optional',
      limits: {},
      subject_audiences: ['where2eat'],
    };
    const { status, body } = await register(greedy);
    expect(status).toBe(201);
    const app = await appOf(body.client_id);
    expect(app).toMatchObject({ tenant: 'acme', owner: 'ops@acme.example', grants: GRANTS });
    for (const name of ['trusted', 'dpop', 'limits', 'subject_audiences'])
      expect(app).not.toHaveProperty(name);
    const more = await issue(String(body.client_id), String(body.client_secret), 'orders:write');
    expect(more).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  });

  it('is on record: who let it in, and which app came of it; no secret is', async () => {
    const { body } = await register(SERVICE);
    const [event] = await stage.query<{ tenant_id: string; detail: object }>(
      `SELECT tenant_id, detail FROM audit_event
       WHERE action = 'configuration.apply' AND app_id = $1`,
      [body.client_id],
    );
    expect(event).toMatchObject({
      tenant_id: 'acme',
      detail: {
        by: expect.stringMatching(/^registration:acme\/[0-9a-f]{12}$/),
        changes: [{ kind: 'app', id: body.client_id, change: 'create' }],
      },
    });
    const all = JSON.stringify([
      await stage.query('SELECT * FROM audit_event'),
      await stage.query('SELECT * FROM app'),
      await stage.query('SELECT * FROM tenant'),
    ]);
    expect(all).not.toContain(body.client_secret);
    expect(all).not.toContain(TOKEN);
  });

  it.each([
    ['no token', undefined],
    ['another token', 'initial-access-token-of-nobody-0123456789-a'],
    ['its hash', hashed(TOKEN).slice('sha256:'.length)],
  ])('§3 refuses %s, and says nothing of the body', async (_, token) => {
    await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
      token === undefined
        ? stage.client.call('/register', { body: {} })
        : register({ nothing: true }, token),
    );
  });

  const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
  it.each<[string, object, string, string]>([
    ['no contact', { client_name: 'x' }, 'invalid_client_metadata', 'contacts'],
    ['no name', { contacts: ['a@b.example'] }, 'invalid_client_metadata', 'client_name'],
    ['a blank owner', { ...SERVICE, contacts: [' '] }, 'invalid_client_metadata', 'owner'],
    [
      'http elsewhere',
      { ...PAGE, redirect_uris: ['http://evil.example/'] },
      'invalid_redirect_uri',
      'redirect_uris[0]',
    ],
    [
      'a script for a redirect URI',
      { ...PAGE, redirect_uris: ['javascript:alert(1)'] },
      'invalid_redirect_uri',
      'redirect_uris[0]',
    ],
    [
      'a redirect URI with a line break',
      { ...PAGE, redirect_uris: ['https://menus.acme.example/callback\n'] },
      'invalid_redirect_uri',
      'redirect_uris[0]',
    ],
    [
      'a redirect URI that names a user',
      { ...PAGE, redirect_uris: ['https://ana@menus.acme.example/callback'] },
      'invalid_redirect_uri',
      'redirect_uris[0]',
    ],
    [
      'a backslash in where people go after signing out',
      { ...PAGE, post_logout_redirect_uris: ['https://menus.acme.example\\bye'] },
      'invalid_client_metadata',
      'post_logout_redirect_uris[0]',
    ],
    [
      'keys that would have to be fetched',
      {
        ...SERVICE,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://a.example/jwks',
      },
      'invalid_client_metadata',
      'jwks_uri',
    ],
    [
      'no keys where there must be some',
      { ...SERVICE, token_endpoint_auth_method: 'private_key_jwt' },
      'invalid_client_metadata',
      'jwks',
    ],
    [
      'a private key',
      {
        ...SERVICE,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...KEY, d: 'd' }] },
      },
      'invalid_client_metadata',
      'jwks.keys[0]',
    ],
    [
      'an implicit grant',
      { ...PAGE, response_types: ['token'] },
      'invalid_client_metadata',
      'response_types.0',
    ],
    [
      'a logout URI inside',
      { ...PAGE, backchannel_logout_uri: 'http://169.254.169.254/' },
      'invalid_client_metadata',
      'backchannel_logout_uri',
    ],
  ])('§3.2.2 refuses %s', async (_, body, error, field) => {
    const answer = await refusesRegistrant({ status: 400, error }, body);
    const violations = answer.body.violations as { field: string }[];
    expect(violations.map((violation) => violation.field)).toContain(field);
  });

  it('answers POST alone', async () => {
    expect((await stage.client.call('/register')).status).toBe(405);
  });
});

describe('the bounds of registration', () => {
  it('are the types that the tenant lists', async () => {
    await turnOn({ types: ['browser'] });
    expect((await register(PAGE)).status).toBe(201);
    const refused = await register(SERVICE);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } });
  });

  it('are as many apps as the tenant allows, of which those that expired are none', async () => {
    await turnOn({ max_apps: 2, max_age: '1h' });
    const made = [await register(SERVICE), await register(SERVICE)];
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    await refusesRegistrant({ status: 403, error: 'access_denied' }, SERVICE);
    const [first] = made;
    const { client_id, client_secret } = first!.body as Record<string, string>;
    await stage.advance(3_601);
    expect((await issue(client_id!, client_secret!)).status).toBe(401);
    expect((await register(SERVICE)).status).toBe(201);
    expect(await appOf(client_id)).toMatchObject({ error: 'not_found' });
  });

  it('end with the token, and with the tenant', async () => {
    const expires = new Date((stage.now() + 60) * 1000).toISOString();
    await turnOn({ initial_access_tokens: [hashed(TOKEN), { hash: hashed(OTHER), expires }] });
    expect((await register(SERVICE, OTHER)).status).toBe(201);
    await stage.advance(61);
    await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
      register(SERVICE, OTHER),
    );
    expect((await register(SERVICE)).status).toBe(201);
    await stage.reconfigure(() => undefined);
    for (const through of stage.clients)
      await eventually(async () => (await register(SERVICE, TOKEN, through)).status === 404);
  });

  it('are looked at when they are written', async () => {
    const { token, key } = await stage.adminOf(['platform']);
    const put = (registration: object) =>
      stage.client.call('/admin/v1/tenants/acme', {
        method: 'PUT',
        body: { residency: 'eu', registration },
        token,
        key,
      });
    const initial_access_tokens = [hashed(TOKEN)];
    const write = { resource: 'bucket:project-123', actions: ['write'], prefix: '/all/' };
    const refused = await put({ initial_access_tokens, grants: [write] });
    expect(refused.status).toBe(400);
    expect(refused.body.violations).toEqual([
      expect.objectContaining({ field: 'registration.grants[0].prefix', rule: 'user_prefix' }),
    ]);
    const dangling = await put({
      initial_access_tokens,
      grants: [{ resource: 'bucket:globex-files', actions: ['read'] }],
    });
    expect(dangling.text).toContain('same_tenant');
    expect((await put({ initial_access_tokens: [] })).status).toBe(400);
  });
});
