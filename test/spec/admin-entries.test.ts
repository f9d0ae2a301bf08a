import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { refuses } from '../security/refusal.ts';
import { eventually, type Held, openStage, type Stage } from '../security/stage.ts';

/** CRUD on each configured kind: `/admin/v1/{apps,buckets,resource_servers,issuers,tenants}`, `admins`, `limits`. */

let stage: Stage;
let platform: Held;
let ofAcme: Held;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  platform = await stage.adminOf(['platform']);
  ofAcme = await stage.adminOf(['tenant-platform']);
}, 60_000);
afterAll(() => stage?.stop());

interface Options {
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly by?: Held;
  readonly at?: Stage['client'];
}

const call = (method: string, path: string, { by = platform, at, ...rest }: Options = {}) =>
  (at ?? stage.client).call(`/admin/v1${path}`, { method, token: by.token, key: by.key, ...rest });
const get = (path: string, options: Options = {}) => call('GET', path, options);
const put = (path: string, body: object, options: Options = {}) =>
  call('PUT', path, { body, ...options });
const remove = (path: string, options: Options = {}) => call('DELETE', path, options);

const grantOf = (resource: string) => ({ resource, actions: ['read'] });

let made = 0;
const newId = (): string => {
  made += 1;
  return `made-${made}`;
};
const appOf = (more: object = {}) => ({
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'entries',
  expires: '2099-01-01',
  type: 'service',
  grants: [],
  ...more,
});
const tagOf = ({ headers }: { headers: Headers }): string => headers.get('etag') ?? '';
const versions = async (): Promise<number> => {
  const [row] = await stage.query<{ count: string }>('SELECT count(*) FROM configuration');
  return Number(row?.count);
};

describe('an entry', () => {
  it('is created, read, replaced and deleted, each time as a configuration of its own', async () => {
    const id = newId();
    const before = await versions();
    const created = await put(`/apps/${id}`, appOf());
    expect(created).toMatchObject({ status: 201, body: { id, purpose: 'entries' } });
    const read = await get(`/apps/${id}`);
    expect(read).toMatchObject({ status: 200, body: created.body });
    expect(tagOf(read)).toBe(tagOf(created));
    const replaced = await put(`/apps/${id}`, { id, ...appOf({ purpose: 'other' }) });
    expect(replaced).toMatchObject({ status: 200, body: { id, purpose: 'other' } });
    expect(tagOf(replaced)).not.toBe(tagOf(created));
    expect((await remove(`/apps/${id}`)).status).toBe(204);
    expect((await get(`/apps/${id}`)).status).toBe(404);
    expect(await versions()).toBe(before + 3);
  });

  it('is created by POST to its kind as well, once, and named by its id', async () => {
    const entry = { id: newId(), ...appOf() };
    const post = (body: object, by?: Held) => call('POST', '/apps', { body, ...(by && { by }) });
    const created = await post(entry);
    expect(created).toMatchObject({ status: 201, body: entry });
    const location = created.headers.get('location') ?? '';
    expect(location).toBe(`/admin/v1/apps/${entry.id}`);
    const read = await get(location.slice('/admin/v1'.length));
    expect([read.body, tagOf(read)]).toEqual([created.body, tagOf(created)]);
    for (const by of [platform, ofAcme]) {
      const expected = { status: 409, error: 'conflict', rule: 'duplicate_id', audited: true };
      await refuses(stage, expected, () => post({ ...entry, purpose: 'another' }, by));
      await refuses(stage, expected, () => post({ ...entry, id: 'globex-app' }, by));
    }
    for (const id of [undefined, '', 5, null, ['a']]) {
      const expected = { status: 400, error: 'invalid_request', rule: 'required', audited: true };
      await refuses(stage, expected, () => post({ ...entry, id }));
    }
    const api = { id: `https://${newId()}.example/api`, tenant: 'acme' };
    const server = await call('POST', '/resource_servers', { body: { ...api, scopes: ['a'] } });
    expect([server.status, server.headers.get('location')]).toEqual([
      201,
      `/admin/v1/resource_servers/${encodeURIComponent(api.id)}`,
    ]);
  });

  it('is in force on every instance, and gone on every instance', async () => {
    const id = newId();
    const ask = (at: Stage['client']) =>
      at.call('/token', {
        form: { grant_type: 'client_credentials', resource: 'https://orders.acme.example' },
        headers: { authorization: `Basic ${Buffer.from(`${id}:a-secret`).toString('base64')}` },
      });
    const grants = [{ resource: 'https://orders.acme.example', actions: ['orders:read'] }];
    await put(
      `/apps/${id}`,
      appOf({ secret_hash: [`sha256:${hash('sha256', 'a-secret')}`], grants }),
    );
    for (const at of stage.clients) await eventually(async () => (await ask(at)).status === 200);
    await remove(`/apps/${id}`);
    for (const at of stage.clients) expect((await ask(at)).status).toBeGreaterThanOrEqual(400);
  });

  it('changes nothing where it says what is in force already', async () => {
    const id = newId();
    const created = await put(`/apps/${id}`, appOf());
    const before = await versions();
    const again = await put(`/apps/${id}`, appOf());
    expect(again.status).toBe(200);
    expect(tagOf(again)).toBe(tagOf(created));
    expect(await versions()).toBe(before);
  });

  it('is on record: who changed what, and which members', async () => {
    const id = newId();
    await put(`/apps/${id}`, appOf());
    await put(`/apps/${id}`, appOf({ owner: 'ops@acme.example' }));
    const events = await stage.query<{ detail: { changes: object[] }; user_id: string }>(
      `SELECT user_id, detail FROM audit_event
       WHERE action = 'configuration.apply' ORDER BY at DESC, event_id DESC LIMIT 1`,
    );
    expect(events[0]?.user_id).toMatch(/^u_/);
    expect(events[0]?.detail.changes).toEqual([
      { kind: 'app', id, change: 'update', fields: ['owner'] },
    ]);
  });

  describe('of several tenants', () => {
    interface Event {
      readonly tenant_id: string;
      readonly user_id: string;
      readonly detail: { readonly changes: readonly { id: string }[]; readonly elsewhere?: number };
    }
    const last = (count: number) =>
      stage.query<Event>(
        `SELECT tenant_id, user_id, detail FROM audit_event WHERE action = 'configuration.apply'
         ORDER BY event_id DESC LIMIT ${count}`,
      );
    const idsOf = ({ detail }: Event) => detail.changes.map(({ id }) => id);

    it('is on record for the tenant whose it is, and for no other', async () => {
      const id = newId();
      await put(`/apps/${id}`, appOf({ tenant: 'globex' }));
      const [event, before] = await last(2);
      expect(event).toMatchObject({ tenant_id: 'globex', user_id: expect.stringMatching(/^u_/) });
      expect(idsOf(event!)).toEqual([id]);
      expect(JSON.stringify(before)).not.toContain(id);
      const { text } = await get('/audit', { by: await stage.adminOf(['auditors']) });
      expect(text).not.toContain(id);
      await remove(`/apps/${id}`);
    });

    it('applied at once are on record for each, without a word of the others', async () => {
      const { body } = await get('/config');
      const [mine, theirs] = [newId(), newId()];
      const added = [
        { ...appOf(), id: mine },
        { ...appOf({ tenant: 'globex' }), id: theirs },
      ];
      const apps = [...(body.apps as object[]), ...added];
      expect((await put('/config', { ...body, apps })).status).toBe(200);
      const events = (await last(2)).toSorted((a, b) => (a.tenant_id < b.tenant_id ? -1 : 1));
      expect(events.map(({ tenant_id }) => tenant_id)).toEqual(['acme', 'globex']);
      expect(events.map(idsOf)).toEqual([[mine], [theirs]]);
      expect(events.map(({ detail }) => detail.elsewhere)).toEqual([1, undefined]);
      await remove(`/apps/${theirs}`);
    });
  });

  it.each<[string, string, object]>([
    ['tenants', 'initech', { residency: 'eu' }],
    [
      'issuers',
      'other-sso',
      { issuer: 'https://sso.other.example', tenant: 'umbrella', audiences: [] },
    ],
    ['buckets', 'more', { tenant: 'acme', provider: 'local' }],
    [
      'resource_servers',
      encodeURIComponent('https://more.acme.example/v1'),
      { tenant: 'acme', scopes: ['a'] },
    ],
  ])('may be one of the %s', async (kind, id, body) => {
    await put('/tenants/umbrella', {});
    expect((await put(`/${kind}/${id}`, body)).status).toBe(201);
    const read = await get(`/${kind}/${id}`);
    expect(read).toMatchObject({ status: 200, body: { id: decodeURIComponent(id), ...body } });
    expect((await remove(`/${kind}/${id}`, { headers: { 'if-match': tagOf(read) } })).status).toBe(
      204,
    );
    expect((await get(`/${kind}/${id}`)).status).toBe(404);
  });

  it('is checked as in the file, and told by its own members', async () => {
    const id = newId();
    const before = await versions();
    const body = appOf({ owner: ' ', typo: 1, grants: [{ resource: 'bucket:b', actions: [] }] });
    const { status, body: refused } = await put(`/apps/${id}`, body);
    expect({ status, error: refused.error }).toEqual({ status: 400, error: 'invalid_request' });
    const fields = (refused.violations as { field: string }[]).map(({ field }) => field);
    expect(fields.toSorted()).toEqual(['grants[0].actions', 'owner', 'typo']);
    expect(await versions()).toBe(before);
  });

  it.each([
    ['another id than the path', { ...appOf(), id: 'elsewhere' }, 'id'],
    ['an app without an owner', { ...appOf(), owner: undefined }, 'owner'],
    ['an app that has expired', appOf({ expires: '2020-01-01' }), 'expires'],
    ['a tenant there is none of', appOf({ tenant: 'nobody' }), 'tenant'],
    [
      'a redirect URI with a tab',
      appOf({ type: 'web', redirect_uris: ['https://a.example/\tcb'] }),
      'redirect_uris[0]',
    ],
  ])('is refused with %s', async (_, body, field) => {
    const answer = await put(`/apps/${newId()}`, body);
    expect(answer.status).toBe(400);
    expect(answer.body.violations).toEqual([expect.objectContaining({ field })]);
  });

  it('is refused under an id that looks like that of another app', async () => {
    const { status, body } = await put('/apps/Where2eat', appOf());
    expect(status).toBe(400);
    expect(body.violations).toEqual([
      expect.objectContaining({ field: 'id', rule: 'confusable_id' }),
    ]);
  });

  it('refuses the id of the built-in client', async () => {
    expect((await put('/apps/daypass-cli', appOf())).status).toBe(400);
  });
});

describe('what others refer to', () => {
  it.each([
    ['buckets/project-123', /^apps\[(where2eat|lowcode|portal)\]\.grants\[0\]\.resource$/],
    ['apps/orders-api', /^resource_servers\[https:\/\/.+\]\.introspection_clients\[0\]$/],
    ['issuers/globex-sso', /^(admins\[5\]\.issuer|apps\[globex-app\]\.subject_audiences\[0\])$/],
    ['tenants/globex', /\.tenant$/],
  ])('keeps %s from being deleted, and is named', async (path, field) => {
    const answer = await remove(`/${path}`);
    expect(answer).toMatchObject({ status: 409, body: { error: 'conflict' } });
    const violations = answer.body.violations as { field: string }[];
    expect(violations.length).toBeGreaterThan(0);
    for (const violation of violations) expect(violation.field).toMatch(field);
    expect((await get(`/${path}`)).status).toBe(200);
  });

  it('keeps an entry from becoming what they cannot go with', async () => {
    const scopes = ['orders:write'];
    const path = `/resource_servers/${encodeURIComponent('https://orders.acme.example')}`;
    const { body } = await get(path);
    const answer = await put(path, { ...body, scopes });
    expect(answer).toMatchObject({ status: 409, body: { error: 'conflict' } });
  });
});

describe('conditions', () => {
  it('let nobody overwrite what they have not seen', async () => {
    const id = newId();
    const only = { headers: { 'if-none-match': '*' } };
    const first = await put(`/apps/${id}`, appOf(), only);
    expect(first.status).toBe(201);
    const refused = { status: 412, error: 'precondition_failed', audited: true } as const;
    await refuses(stage, refused, () => put(`/apps/${id}`, appOf({ purpose: 'b' }), only));
    const mine = { headers: { 'if-match': tagOf(first) } };
    expect((await put(`/apps/${id}`, appOf({ purpose: 'c' }), mine)).status).toBe(200);
    await refuses(stage, refused, () => put(`/apps/${id}`, appOf({ purpose: 'd' }), mine));
    await refuses(stage, refused, () => remove(`/apps/${id}`, mine));
    const weak = { headers: { 'if-match': `W/${tagOf(await get(`/apps/${id}`))}` } };
    await refuses(stage, refused, () => remove(`/apps/${id}`, weak));
    const gone = { headers: { 'if-match': '*' } };
    await refuses(stage, refused, () => put(`/apps/${newId()}`, appOf(), gone));
    expect((await get(`/apps/${id}`)).body).toMatchObject({ purpose: 'c' });
  });

  it('are heeded for the configuration as a whole too', async () => {
    const before = await get('/config');
    await put(`/apps/${newId()}`, appOf());
    const headers = { 'if-match': tagOf(before) };
    const late = await put('/config', before.body, { headers });
    expect(late).toMatchObject({ status: 412, body: { error: 'precondition_failed' } });
    const now = await get('/config');
    const same = await put('/config', now.body, { headers: { 'if-match': tagOf(now) } });
    expect(same).toMatchObject({ status: 200, body: { changes: [] } });
    expect(tagOf(same)).toBe(tagOf(now));
  });

  it('count the tags of a list, and not its empty elements (RFC 9110 §5.6.1.2)', async () => {
    const id = newId();
    const tag = tagOf(await put(`/apps/${id}`, appOf()));
    const headers = { 'if-match': `, "other",, ${tag} ,` };
    expect((await put(`/apps/${id}`, appOf({ purpose: 'b' }), { headers })).status).toBe(200);
    expect((await put(`/apps/${id}`, appOf({ purpose: 'c' }), { headers })).status).toBe(412);
  });

  it.each(['unquoted', '', ' ', ',', '"a" "b"'])(
    'written %j are refused, not ignored',
    async (tag) => {
      const headers = { 'if-match': tag };
      const answer = await put(`/apps/${newId()}`, appOf(), { headers });
      expect(answer).toMatchObject({ status: 400, body: { violations: [{ field: 'If-Match' }] } });
    },
  );

  it('lets one of several win that have all seen the same', async () => {
    const id = newId();
    const headers = { 'if-match': tagOf(await put(`/apps/${id}`, appOf())) };
    const answers = await Promise.all(
      [0, 1, 2, 3].map((n) =>
        put(`/apps/${id}`, appOf({ purpose: `by ${n}` }), { headers, at: stage.clients[n % 2]! }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412, 412, 412]);
  });
});

describe('changes at once', () => {
  it('of different entries all come to pass, on both instances', async () => {
    const ids = Array.from({ length: 24 }, newId);
    const before = await versions();
    const answers = await Promise.all(
      ids.map((id, n) => put(`/apps/${id}`, appOf(), { at: stage.clients[n % 2]! })),
    );
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 201));
    expect(await versions()).toBe(before + ids.length);
    for (const id of ids) expect((await get(`/apps/${id}`)).status).toBe(200);
  });
});

describe('what is accepted and worth a word', () => {
  const credentials = { access_key_id_env: 'A', secret_access_key_env: 'B' };
  const bucket = {
    tenant: 'acme',
    provider: 's3',
    bucket: 'acme-standing',
    region: 'eu-west-1',
    credentials,
  };
  const told = { field: 'credentials.access_key_id_env', message: expect.stringContaining('key') };
  const missing = (variable: string, member: string, at = '') => ({
    field: `${at}credentials.${member}`,
    message: expect.stringMatching(`names ${variable}, which is not set where the broker runs`),
  });
  const lacking = (at?: string) => [
    missing('A', 'access_key_id_env', at),
    missing('B', 'secret_access_key_env', at),
  ];
  const noticesOf = ({ headers }: { headers: Headers }): unknown =>
    JSON.parse(decodeURIComponent(headers.get('daypass-notices') ?? '[]'));

  it('comes with a bucket, as with the configuration it stands in', async () => {
    const answer = await put('/buckets/standing', bucket);
    expect([answer.status, noticesOf(answer)]).toEqual([201, [told, ...lacking()]]);
    expect(noticesOf(await put('/buckets/standing', { ...bucket, credentials: {} }))).toEqual([]);
    await remove('/buckets/standing');
    const made = await call('POST', '/buckets', { body: { ...bucket, id: 'standing' } });
    expect([made.status, noticesOf(made)]).toEqual([201, [told, ...lacking()]]);
    await remove('/buckets/standing');

    const { body } = await get('/config');
    const before = body.buckets as object[];
    const whole = { ...body, buckets: [...before, { ...bucket, id: 'standing' }] };
    const at = `buckets[${before.length}].`;
    const planned = await put('/config?dry_run=true', whole);
    expect(planned.body.notices).toEqual([
      { ...told, field: `${at}${told.field}` },
      ...lacking(at),
    ]);
    expect((await put('/config', body)).body.notices).toEqual([]);
  });
});

describe('a list', () => {
  it('has each entry once, by id, over as many pages as it takes', async () => {
    const all = (await get('/apps?limit=200')).body.items as { id: string }[];
    const ids = all.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
    expect(ids).toEqual(expect.arrayContaining(['globex-app', 'where2eat']));
    const found: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await get(`/apps?limit=3${next}`);
      found.push(...(body.items as { id: string }[]).map(({ id }) => id));
      cursor = body.next_cursor as string | null;
    }
    expect(found).toEqual(ids);
  });

  it('goes on after the id of an API, which is a URL', async () => {
    const { body } = await get('/resource_servers?limit=1');
    const next = await get(`/resource_servers?limit=1&cursor=${String(body.next_cursor)}`);
    expect(next.status).toBe(200);
    expect(next.body.items).not.toEqual(body.items);
  });

  it('is of one tenant, or of one owner, where that is asked for', async () => {
    const { body } = await get('/apps?tenant=globex');
    const ids = (body.items as { id: string }[]).map(({ id }) => id);
    expect(ids).toEqual(['globex-app', 'globex-service']);
    const id = newId();
    await put(`/apps/${id}`, appOf({ owner: 'leaver@acme.example' }));
    const owned = await get('/apps?owner=leaver@acme.example');
    expect(owned.body.items).toEqual([expect.objectContaining({ id })]);
  });

  it.each(['limit=0', 'cursor=%20', 'cursor=x', 'expired=maybe', 'ownerless=true'])(
    'refuses %s',
    async (query) => {
      expect((await get(`/apps?${query}`)).status).toBe(400);
    },
  );
});

describe('an app that has expired since', () => {
  const late = newId();

  it('is listed as such, gets nothing, and keeps nobody from changing others', async () => {
    const soon = new Date((stage.now() + 60) * 1000).toISOString();
    const hash = `sha256:${'0'.repeat(64)}`;
    await put(`/apps/${late}`, appOf({ expires: soon, secret_hash: [hash] }));
    expect((await get('/apps?expired=true')).body.items).toEqual([]);
    await stage.advance(61);
    platform = await stage.adminOf(['platform']);
    ofAcme = await stage.adminOf(['tenant-platform']);
    const listed = await get('/apps?expired=true');
    expect(listed.body.items).toEqual([expect.objectContaining({ id: late })]);
    const others = (await get('/apps?expired=false&limit=200')).body.items as { id: string }[];
    expect(others.map(({ id }) => id)).not.toContain(late);

    expect((await put(`/apps/${newId()}`, appOf())).status).toBe(201);
    const { body } = await get(`/apps/${late}`);
    const touched = await put(`/apps/${late}`, { ...body, purpose: 'touched' });
    expect(touched).toMatchObject({ status: 400, body: { violations: [{ field: 'expires' }] } });
    const renewed = await put(`/apps/${late}`, { ...body, expires: '2099-01-01' });
    expect(renewed.status).toBe(200);
  });
});

describe('a platform engineer of one tenant', () => {
  const denied = { status: 403, error: 'access_denied', audited: true } as const;
  const notFound = { status: 404, error: 'not_found', audited: true } as const;

  it('registers, changes and removes apps of that tenant', async () => {
    const id = newId();
    expect((await put(`/apps/${id}`, appOf(), { by: ofAcme })).status).toBe(201);
    expect((await put(`/apps/${id}`, appOf({ owner: 'x' }), { by: ofAcme })).status).toBe(200);
    expect((await remove(`/apps/${id}`, { by: ofAcme })).status).toBe(204);
  });

  it('A03 sees and touches nothing of another tenant', async () => {
    const listed = await get('/apps?limit=200', { by: ofAcme });
    expect(listed.text).not.toContain('globex');
    expect((await get('/buckets', { by: ofAcme })).text).not.toContain('globex');
    expect((await get('/resource_servers', { by: ofAcme })).text).not.toContain('globex');
    await refuses(stage, notFound, () => get('/apps/globex-app', { by: ofAcme }));
    await refuses(stage, notFound, () => remove('/apps/globex-app', { by: ofAcme }));
    await refuses(stage, notFound, () => put('/apps/globex-app', appOf(), { by: ofAcme }));
  });

  it('gives no app to another tenant, nor takes what is another’s for one of its own', async () => {
    const id = newId();
    const foreign = appOf({ tenant: 'globex' });
    await refuses(stage, denied, () => put(`/apps/${id}`, foreign, { by: ofAcme }));
    await put(`/apps/${id}`, appOf(), { by: ofAcme });
    await refuses(stage, denied, () => put(`/apps/${id}`, foreign, { by: ofAcme }));
    const grants = [{ resource: 'bucket:globex-files', actions: ['read'] }];
    await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
      put(`/apps/${id}`, appOf({ grants }), { by: ofAcme }),
    );
  });

  it.each<[string, string, (near: string) => object]>([
    ['bucket', 'globex-files', (near) => ({ grants: [grantOf(`bucket:${near}`)] })],
    ['API', 'https://api.globex.example', (near) => ({ grants: [grantOf(near)] })],
    [
      'issuer',
      'globex-sso',
      (near) => ({ subject_audiences: [{ issuer: near, audience: 'globex-app' }] }),
    ],
  ])('is told of another’s %s as of one that does not exist', async (_, name, more) => {
    const id = newId();
    const told = async (written: string) => {
      const answer = await put(`/apps/${id}`, appOf(more(written)), { by: ofAcme });
      expect(answer.status).toBe(400);
      return answer.text.replaceAll(written, '').replace(/"request_id":"[^"]+"/, '');
    };
    const near = name.slice(0, -1);
    expect(await told(name)).toBe(await told(name.replace('globex', 'qzqzqzqz')));
    expect(await told(near)).not.toContain('globex');
    const all = await put(`/apps/${id}`, appOf(more(near)));
    expect(all.text).toContain(`did you mean ${name}?`);
  });

  it('gives nobody a role, and no place in storage', async () => {
    await refuses(stage, denied, () => put('/admins', { items: [] }, { by: ofAcme }));
    const bucket = { tenant: 'acme', provider: 'local' };
    await refuses(stage, denied, () => put('/buckets/mine', bucket, { by: ofAcme }));
  });
});

describe('what there is one of', () => {
  it('limits are read, and replaced as a whole', async () => {
    const before = await get('/limits');
    const answer = await put(
      '/limits',
      { max_actors: 2 },
      { headers: { 'if-match': tagOf(before) } },
    );
    expect(answer).toMatchObject({ status: 200, body: { max_actors: 2 } });
    const wrong = await put('/limits', { ttl: { floor: '2h' } });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain('ttl.');
    expect((await put('/limits', before.body)).status).toBe(200);
  });

  it('rules that give roles are read, and replaced as a whole', async () => {
    const before = await get('/admins');
    const items = before.body.items as object[];
    expect(items).toContainEqual(expect.objectContaining({ value: 'auditors', role: 'auditor' }));
    const fewer = items.filter((rule) => (rule as { value: string }).value !== 'auditors');
    expect((await put('/admins', { items: fewer })).status).toBe(200);
    const wrong = await put('/admins', { items: [...fewer, { issuer: 'none' }] });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain(`[${fewer.length}].`);
    expect((await put('/admins', { items: [] })).status).toBe(400);
    const headers = { 'if-match': tagOf(before) };
    expect((await put('/admins', { items }, { headers })).status).toBe(412);
    expect((await put('/admins', { items })).status).toBe(200);
  });
});

describe('a role that is gone', () => {
  it('changes nothing more, on the instance that has not heard of it either', async () => {
    const held = await stage.adminOf(['tenant-platform']);
    const rules = (await get('/admins')).body.items as { value: string }[];
    const items = rules.filter(({ value }) => value !== 'tenant-platform');
    await put('/admins', { items });
    for (const at of stage.clients) {
      const answer = await put(`/apps/${newId()}`, appOf(), { by: held, at });
      expect(answer.status).toBe(403);
    }
    await put('/admins', { items: rules });
  });
});
