import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Answer, newKey } from '../support/client.ts';
import { nameOf, ROUTES, type Route } from './callers.ts';
import { mustHaveOneWinner, mustRefuse, refuses, refusesEverywhere } from './refusal.ts';
import { type Held, openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

/** The routes of a kind of the configuration. */
function entriesOf(kind: string, read: string, write: string) {
  const [list, one] = [`/admin/v1/${kind}`, `/admin/v1/${kind}/{id}`];
  const [reading, writing] = [
    { roles: ['security', 'platform', 'auditor'], reach: read },
    { roles: ['platform'], reach: write },
  ];
  return {
    [`GET ${list}`]: reading,
    [`POST ${list}`]: writing,
    [`GET ${one}`]: reading,
    [`PUT ${one}`]: writing,
    [`DELETE ${one}`]: writing,
  };
}

/** Who may come in where: a route that is not written down here fails, and so does one that is open to others. */
const DOOR: Record<string, { readonly roles: readonly string[]; readonly reach: string }> = {
  'POST /admin/v1/revocations': { roles: ['security'], reach: 'tenant' },
  'GET /admin/v1/revocations': { roles: ['security', 'auditor'], reach: 'tenant' },
  'GET /admin/v1/revocations/{id}': { roles: ['security', 'auditor'], reach: 'tenant' },
  'DELETE /admin/v1/revocations/{id}': { roles: ['security'], reach: 'tenant' },
  'GET /admin/v1/tokens': { roles: ['security', 'auditor'], reach: 'tenant' },
  'GET /admin/v1/tokens/{token_id}': { roles: ['security', 'auditor'], reach: 'tenant' },
  'GET /admin/v1/audit': { roles: ['security', 'auditor'], reach: 'tenant' },
  'GET /admin/v1/uploads': { roles: ['security', 'auditor'], reach: 'tenant' },
  'GET /admin/v1/uploads/{id}': { roles: ['security', 'auditor'], reach: 'tenant' },
  'POST /admin/v1/uploads/{id}/quarantine': { roles: ['security'], reach: 'tenant' },
  'POST /admin/v1/uploads/{id}/release': { roles: ['security'], reach: 'tenant' },
  'DELETE /admin/v1/uploads/{id}': { roles: ['security'], reach: 'tenant' },
  'GET /admin/v1/config': { roles: ['security', 'platform', 'auditor'], reach: 'deployment' },
  'PUT /admin/v1/config': { roles: ['platform'], reach: 'deployment' },
  ...entriesOf('apps', 'tenant', 'tenant'),
  'POST /admin/v1/apps/{id}/secrets': { roles: ['platform'], reach: 'tenant' },
  'DELETE /admin/v1/apps/{id}/secrets/{hash}': { roles: ['platform'], reach: 'tenant' },
  ...entriesOf('buckets', 'tenant', 'deployment'),
  ...entriesOf('resource_servers', 'tenant', 'deployment'),
  ...entriesOf('issuers', 'deployment', 'deployment'),
  ...entriesOf('tenants', 'deployment', 'deployment'),
  'GET /admin/v1/admins': { roles: ['security', 'platform', 'auditor'], reach: 'deployment' },
  'PUT /admin/v1/admins': { roles: ['platform'], reach: 'deployment' },
  'GET /admin/v1/limits': { roles: ['security', 'platform', 'auditor'], reach: 'deployment' },
  'PUT /admin/v1/limits': { roles: ['platform'], reach: 'deployment' },
  'GET /admin/v1/keys': { roles: ['security', 'platform', 'auditor'], reach: 'deployment' },
  'POST /admin/v1/keys/rotate': { roles: ['security', 'platform'], reach: 'deployment' },
  'POST /admin/v1/keys/{kid}/revoke': { roles: ['security'], reach: 'deployment' },
};

const adminRoutes = ROUTES.filter(({ path }) => path.startsWith('/admin'));
const named = adminRoutes.map((route) => [nameOf(route), route] as const);

/** A call that would do no harm if it came through: ids that do not exist, a body nothing accepts. */
const knock = (route: Route, options: object, through = stage.client): Promise<Answer> =>
  through.call(route.path.replaceAll(/\{\w+\}/g, 'tk_01ARZ3NDEKTSV4RRFFQ69G5FAV'), {
    method: route.method,
    ...(route.body && { body: { unheard_of: true } }),
    ...options,
  });

const invalidToken = { status: 401, error: 'invalid_token' } as const;
const denied = { status: 403, error: 'access_denied', audited: true } as const;

describe('A01 the door of every admin route', () => {
  it('A01 has a row for each route under /admin, as the route says of itself', () => {
    const declared = Object.fromEntries(
      adminRoutes.map((route) => [nameOf(route), route.authentication]),
    );
    expect(declared).toEqual(DOOR);
  });

  it('A01 leaves no other route to admins, and no admin route to others', () => {
    for (const { path, authentication } of ROUTES) {
      expect({ path, isForAdmins: typeof authentication === 'object' }).toEqual({
        path,
        isForAdmins: path.startsWith('/admin/'),
      });
    }
  });

  it.each(named)('A01 %s refuses whoever has no admin token', async (_, route) => {
    const user = await stage.tokenOf({ claims: { groups: ['security', 'platform'] } });
    const unbound = await stage.unboundToken();
    const strangers: [object, boolean][] = [
      [{}, false],
      [{ headers: { authorization: 'Basic YTpi' } }, false],
      [{ token: 'nonsense' }, false],
      [{ token: `dp_at_${'a'.repeat(38)}` }, false],
      [{ token: stage.idToken({ aud: 'daypass', groups: ['security'] }) }, false],
      [{ token: user.token, key: user.key }, true],
      [{ token: unbound.token }, true],
    ];
    for (const [options, audited] of strangers) {
      await refuses(stage, { ...invalidToken, audited }, () => knock(route, options));
    }
  });

  it.each(named)('A01 %s refuses an admin token without its key', async (_, route) => {
    const { token, key } = await stage.adminOf(['security', 'platform', 'auditors']);
    await refuses(stage, { ...invalidToken, audited: false }, () => knock(route, { token }));
    await refuses(stage, { ...invalidToken, audited: false }, () =>
      knock(route, { token, key: newKey() }),
    );
    const dpop = await stage.proofFor(key, {
      url: `${stage.issuer}/elsewhere`,
      accessToken: token,
    });
    await refuses(stage, { status: 401, error: 'invalid_dpop_proof', audited: false }, () =>
      knock(route, { headers: { authorization: `DPoP ${token}`, dpop } }),
    );
  });

  const HOLDERS: Record<string, { role: string; reach: 'tenant' | 'deployment'; claims?: object }> =
    {
      security: { role: 'security', reach: 'deployment' },
      platform: { role: 'platform', reach: 'deployment' },
      auditors: { role: 'auditor', reach: 'tenant' },
      'tenant-security': { role: 'security', reach: 'tenant' },
      'tenant-platform': { role: 'platform', reach: 'tenant' },
    };
  const holders = new Map<string, Held>();

  it.each(named)(
    'A01 %s lets in exactly the roles it names, as far as they reach',
    async (name, route) => {
      const { roles, reach: needed } = DOOR[name] ?? { roles: [], reach: 'none' };
      for (const [group, { role, reach }] of Object.entries(HOLDERS)) {
        const held = holders.get(group) ?? (await stage.adminOf([group]));
        holders.set(group, held);
        const { token, key } = held;
        const mayEnter = roles.includes(role) && (needed === 'tenant' || reach === 'deployment');
        if (mayEnter) {
          const { status } = await knock(route, { token, key });
          expect({ group, status }).toEqual({
            group,
            status: route.body ? 400 : route.path.includes('{') ? 404 : 200,
          });
        } else {
          await refusesEverywhere(stage, denied, (through) =>
            knock(route, { token, key }, through),
          );
        }
      }
    },
  );

  it('A01 refuses an admin of another tenant whatever belongs to the deployment', async () => {
    const globex = { iss: stage.sso.issuer('globex'), groups: ['security'] };
    const { token, key } = await stage.adminOf(['globex'], globex);
    const ofDeployment = adminRoutes.filter((route) => DOOR[nameOf(route)]?.reach === 'deployment');
    for (const route of ofDeployment) {
      await refuses(stage, denied, () => knock(route, { token, key }));
    }
  });

  it('A01 refuses an admin token that has expired or was revoked, on every instance', async () => {
    const { token, key, id } = await stage.adminOf(['security']);
    const tokens = adminRoutes.find((route) => nameOf(route) === 'GET /admin/v1/tokens')!;
    expect((await knock(tokens, { token, key })).status).toBe(200);
    await stage.revoke({ token_id: id });
    await refusesEverywhere(stage, { ...invalidToken, audited: true }, (through) =>
      knock(tokens, { token, key }, through),
    );
    const late = await stage.adminOf(['security']);
    await stage.advance(301);
    for (const [, route] of named) {
      await refuses(stage, { ...invalidToken, audited: false }, () =>
        knock(route, { token: late.token, key: late.key }),
      );
    }
  });

  it('A01 takes a role away from tokens already out when its rule is gone', async () => {
    const { token, key } = await stage.adminOf(['auditors']);
    const tokens = adminRoutes.find((route) => nameOf(route) === 'GET /admin/v1/tokens')!;
    expect((await knock(tokens, { token, key })).status).toBe(200);
    await stage.reconfigure((draft) => {
      draft.admins = draft.admins.filter(({ value }) => value !== 'auditors');
    });
    try {
      await refuses(stage, denied, () => knock(tokens, { token, key }));
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });
});

describe('the sign-in that opens the admin door', () => {
  const admin = { aud: 'daypass', sub: 'sam', groups: ['security'] };
  const enter = (options: Parameters<Stage['exchange']>[0] = {}, through = stage.client) =>
    stage.exchange(
      {
        key: newKey(),
        claims: admin,
        ...options,
        body: {
          app_id: 'daypass-cli',
          resource: `${stage.issuer}/admin`,
          actions: ['admin'],
          ...options?.body,
        },
      },
      through,
    );

  it('opens it once: never again with the same ID token, with any key, on any instance', async () => {
    const [token, key] = [stage.idToken(admin), newKey()];
    expect((await enter({ token, key })).status).toBe(200);
    for (const again of [key, newKey()]) {
      await refusesEverywhere(
        stage,
        { ...invalidToken, audited: true, secrets: [token] },
        (through) => enter({ token, key: again }, through),
      );
    }
  });

  it('opens it for one of 20 concurrent uses', async () => {
    const [token, key] = [stage.idToken(admin), newKey()];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => enter({ token, key }, stage.clients[n % 2])),
    );
    mustHaveOneWinner(answers);
  });

  it('is at most 300 s old, by auth_time where there is one', async () => {
    const now = stage.now();
    const old = [
      { ...admin, iat: now - 302 },
      { ...admin, auth_time: now - 302 },
      { ...admin, iat: now, auth_time: now - 3_000 },
    ];
    for (const claims of old) {
      await refuses(stage, { ...denied, rule: 'sign_in_age' }, () => enter({ claims }));
    }
    expect((await enter({ claims: { ...admin, iat: now - 290 } })).status).toBe(200);
  });

  it('is too old once time has passed', async () => {
    const token = stage.idToken(admin);
    await stage.advance(302);
    await refuses(stage, { ...denied, rule: 'sign_in_age' }, () => enter({ token }));
  });

  it.each<[string, object]>([
    ["an app's sign-in", { ...admin, aud: 'where2eat' }],
    ['one for Daypass and another', { ...admin, aud: ['daypass', 'where2eat'], azp: 'daypass' }],
    ['a person without a role', { ...admin, groups: ['builders'] }],
    ['a person without groups', { ...admin, groups: undefined }],
    ['a group that begins like one', { ...admin, groups: ['security2', 'Security', 'security '] }],
    ['groups in one text', { ...admin, groups: 'security,platform' }],
    ['roles of our own naming', { ...admin, groups: [], role: 'security', roles: ['security'] }],
  ])('is refused for %s', async (_, claims) => {
    await refuses(stage, { ...denied, rule: 'no_admin_role' }, () =>
      enter({ claims: { ...claims } }),
    );
  });

  it('needs a proof, and is refused without one', async () => {
    const token = stage.idToken(admin);
    await refuses(stage, { status: 400, error: 'invalid_dpop_proof', audited: true }, () =>
      stage.client.call('/exchange', {
        token,
        body: { app_id: 'daypass-cli', resource: `${stage.issuer}/admin`, actions: ['admin'] },
      }),
    );
  });

  it.each<[string, object, string]>([
    ['another action', { actions: ['admin', 'read'] }, 'invalid_scope'],
    ['a bucket', { resource: 'bucket:project-123', actions: ['read'] }, 'invalid_target'],
    [
      'an API',
      { resource: 'https://orders.acme.example', actions: ['orders:read'] },
      'invalid_target',
    ],
    ['a door of another issuer', { resource: 'https://evil.example/admin' }, 'invalid_target'],
  ])('opens nothing else: %s', async (_, body, error) => {
    await refuses(stage, { status: 400, error, audited: true }, () => enter({ body }));
  });

  it('gives a token that is good at the admin door alone, and for no further token', async () => {
    const { token, key } = await stage.adminOf(['security', 'platform']);
    const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };
    await refuses(stage, { ...invalidToken, audited: true }, () =>
      stage.client.call('/request-upload', { body: upload, token, key }),
    );
    await refuses(stage, { ...invalidToken, audited: true }, () =>
      stage.client.call('/objects', { token, key }),
    );
    for (const body of [
      {},
      { resource: 'bucket:project-123' },
      { resource: `${stage.issuer}/admin` },
    ]) {
      const answer = await stage.client.call('/exchange', { body, token, key });
      mustRefuse(answer, { status: [400, 401] });
    }
  });
});

describe('A03 what belongs to other tenants', () => {
  const globexAdmin = () =>
    stage.adminOf(['security'], { iss: stage.sso.issuer('globex'), sub: 'gil' });

  it('A03 answers for another tenant’s token as for one that never was', async () => {
    const { id } = await stage.tokenOf();
    const { token, key } = await globexAdmin();
    const ids = [
      id,
      id.toLowerCase(),
      `${id}0`,
      id.replace('tk_', 'TK_'),
      'tk_01ARZ3NDEKTSV4RRFFQ69G5FAV',
      'ｔk_1',
    ];
    const texts = new Set<string>();
    for (const each of ids) {
      const answer = await refuses(stage, { status: 404, error: 'not_found', audited: true }, () =>
        stage.client.call(`/admin/v1/tokens/${encodeURIComponent(each)}`, { token, key }),
      );
      texts.add(JSON.stringify({ ...answer.body, request_id: '' }));
    }
    expect([...texts]).toHaveLength(1);
  });

  it('A03 lists nothing of another tenant: tokens, audit, revocations', async () => {
    await stage.tokenOf();
    const user = await stage.tokenOf();
    await stage.revoke({ token_id: user.id });
    const { token, key } = await globexAdmin();
    for (const path of ['/admin/v1/tokens', '/admin/v1/audit', '/admin/v1/revocations']) {
      const { body, status } = await stage.client.call(`${path}?limit=200`, { token, key });
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toMatch(/acme|where2eat/);
    }
    const filtered = await stage.client.call('/admin/v1/tokens?app_id=where2eat', { token, key });
    expect(filtered.body).toMatchObject({ items: [] });
  });

  it('A03 revokes and lifts nothing of another tenant', async () => {
    const held = await stage.tokenOf();
    const receipt = await stage.revoke({ token_id: (await stage.tokenOf()).id });
    const [user] = await stage.query<{ user_id: string }>(
      'SELECT user_id FROM issued_token WHERE token_id = $1',
      [held.id],
    );
    const { token, key } = await globexAdmin();
    const notFound = { status: 404, error: 'not_found', audited: true } as const;
    for (const target of [
      { token_id: held.id },
      { app_id: 'where2eat' },
      { user_id: user?.user_id },
      { app_id: 'nothing' },
    ]) {
      await refuses(stage, notFound, () =>
        stage.client.call('/admin/v1/revocations', { body: { target, reason: 'x' }, token, key }),
      );
    }
    const id = receipt.body.revocation_id as string;
    await refuses(stage, notFound, () =>
      stage.client.call(`/admin/v1/revocations/${id}`, { method: 'DELETE', token, key }),
    );
    await refuses(stage, notFound, () =>
      stage.client.call(`/admin/v1/revocations/${id}`, { token, key }),
    );
    expect((await stage.client.call('/objects', { token: held.token, key: held.key })).status).toBe(
      200,
    );
  });
});

describe('A04 what cannot be done by accident, or undone', () => {
  it.each<[string, object]>([
    ['no target', { reason: 'x' }],
    ['an empty target', { target: {}, reason: 'x' }],
    ['two targets', { target: { app_id: 'where2eat', token_id: 'tk_1' }, reason: 'x' }],
    ['everything', { target: 'all', reason: 'x' }],
    ['a list of targets', { target: [{ app_id: 'where2eat' }], reason: 'x' }],
    ['a target it does not know', { target: { everything: true }, reason: 'x' }],
    ['no reason', { target: { app_id: 'where2eat' } }],
    ['an empty reason', { target: { app_id: 'where2eat' }, reason: '' }],
    ['an endless reason', { target: { app_id: 'where2eat' }, reason: 'x'.repeat(1001) }],
  ])('A04 refuses to revoke with %s', async (_, body) => {
    const { token, key } = await stage.adminOf(['security']);
    await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
      stage.client.call('/admin/v1/revocations', { body, token, key }),
    );
  });

  it('A04 revokes nothing by a pattern', async () => {
    const { token, key } = await stage.adminOf(['security']);
    for (const id of ['*', '%', '%25', '', 'where2ea_', "' OR 1=1 --"]) {
      const answer = await stage.client.call('/admin/v1/revocations', {
        body: { target: { app_id: id }, reason: 'x' },
        token,
        key,
      });
      mustRefuse(answer, { status: [400, 404] });
    }
  });

  it('A04 has no way to change or remove what is on record', async () => {
    const { token, key } = await stage.adminOf(['security', 'platform']);
    for (const method of ['DELETE', 'PUT', 'POST', 'PATCH']) {
      for (const path of ['/admin/v1/audit', '/admin/v1/audit/ev_1']) {
        const answer = await stage.client.call(path, { method, token, key });
        mustRefuse(answer, { status: [404, 405] });
      }
    }
  });

  it('A04 leaves even the database role of the broker no way', async () => {
    const client = new pg.Client({
      connectionString: stage.broker.databaseUrl,
      options: '-c role=daypass_app',
    });
    await client.connect();
    try {
      const statements = [
        'DELETE FROM audit_event',
        "UPDATE audit_event SET reason = 'nothing happened'",
        'TRUNCATE audit_event',
        'DROP TABLE audit_event',
        'ALTER TABLE audit_event DISABLE TRIGGER ALL',
        'CREATE TABLE mine ()',
      ];
      for (const statement of statements) {
        await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
      }
    } finally {
      await client.end();
    }
  });
});
