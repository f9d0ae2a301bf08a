import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Held, openStage, type Stage } from '../security/stage.ts';
import { putObject } from '../security/stored-object.ts';
import { newKey } from '../support/client.ts';

/** `GET /admin/v1/{tokens,audit}` and `/admin/v1/config`, as the contract has them. */

type Item = Readonly<Record<string, unknown>>;

let stage: Stage;
let admin: Held;
let platform: Held;
beforeAll(async () => {
  stage = await openStage();
  admin = await stage.adminOf(['security']);
  platform = await stage.adminOf(['platform']);
}, 60_000);
afterAll(() => stage?.stop());

const get = (path: string, { token, key }: Held = admin) => stage.client.call(path, { token, key });

const list = async (path: string): Promise<{ items: Item[]; next: string | null }> => {
  const { status, body } = await get(path);
  expect(status).toBe(200);
  return { items: body.items as Item[], next: body.next_cursor as string | null };
};

/** Every page of `limit`, from the first to the one without a cursor. */
const pages = async (path: string, limit: number): Promise<Item[][]> => {
  const all: Item[][] = [];
  let next: string | null = null;
  do {
    const cursor: string = next === null ? '' : `&cursor=${encodeURIComponent(next)}`;
    const page = await list(`${path}&limit=${limit}${cursor}`);
    all.push(page.items);
    next = page.next;
  } while (next !== null);
  return all;
};

describe('a list', () => {
  it('has every item once, newest first, over as many pages as it takes', async () => {
    const issued: string[] = [];
    for (let times = 0; times < 5; times += 1) {
      issued.push((await stage.tokenOf({ claims: { sub: 'paged' } })).id);
    }
    const [first] = (await list('/admin/v1/tokens?limit=1')).items;
    const path = `/admin/v1/tokens?user_id=${String(first?.user_id)}`;
    const found = await pages(path, 2);
    expect(found.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(found.flat().map((item) => item.token_id)).toEqual(issued.toReversed());
    // A last page that is full is known to be the last.
    expect((await pages(path, 5)).map((page) => page.length)).toEqual([5]);
  });

  it('goes on where it was, whatever has come since', async () => {
    const start = await list('/admin/v1/tokens?limit=1');
    const newer = await stage.tokenOf();
    const rest = await list(`/admin/v1/tokens?limit=200&cursor=${start.next}`);
    const ids = rest.items.map((item) => item.token_id);
    expect(ids).not.toContain(newer.id);
    expect(ids).not.toContain(start.items[0]?.token_id);
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'cursor=x',
    'cursor=',
    'unheard_of=1',
    'limit=1&limit=2',
  ])('refuses %s', async (query) => {
    for (const path of ['tokens', 'audit', 'revocations']) {
      const answer = await get(`/admin/v1/${path}?${query}`);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    }
  });
});

describe('a token on record', () => {
  it('has all that the contract names, and never the token', async () => {
    const key = newKey();
    const { id, token, answer } = await stage.tokenOf({ key });
    const { body, text } = await get(`/admin/v1/tokens/${id}`);
    expect(body).toMatchObject({
      token_id: id,
      app_id: 'where2eat',
      user_id: expect.stringMatching(/^u_[0-9a-z]{26}$/i),
      issuer: stage.sso.issuer('acme'),
      subject: expect.any(String),
      actors: [],
      device_id: `d_${key.jkt}`,
      scopes: answer.body.scopes,
      resource: 'bucket:project-123',
      binding: { method: 'dpop', jkt: key.jkt },
      parent_id: null,
      root_id: expect.any(String),
      issued_at: answer.body.issued_at,
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      status: 'active',
      ip: expect.any(String),
      policy: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(text).not.toContain(token);
    await stage.revoke({ token_id: id });
    expect((await get(`/admin/v1/tokens/${id}`)).body.status).toBe('revoked');
  });
});

describe('an upload', () => {
  it('is shown with its record to its tenant, and to no other', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'uploader' } });
    const [row] = await stage.query<{ user_id: string }>(
      'SELECT user_id FROM issued_token WHERE token_id = $1',
      [held.id],
    );
    const objectId = await putObject(stage, held, `where2eat/${row?.user_id}/a.png`);
    const path = `/admin/v1/uploads/${objectId}`;
    expect(await get(path)).toMatchObject({
      status: 200,
      body: { object_id: objectId, status: 'available', user_id: row?.user_id, tenant: 'acme' },
    });
    const { token, key } = await stage.tokenOf({
      claims: { iss: stage.sso.issuer('globex'), sub: 'g', aud: 'daypass', groups: ['security'] },
      body: { app_id: 'daypass-cli', resource: `${stage.issuer}/admin`, actions: ['admin'] },
    });
    expect(await stage.client.call(path, { token, key })).toMatchObject({ status: 404 });
    expect((await get('/admin/v1/uploads/ob_unheard_of')).status).toBe(404);
  });
});

describe('the audit trail', () => {
  it('is searched by what happened, to whom, how it came out and when', async () => {
    const since = new Date(stage.now() * 1000).toISOString();
    const held = await stage.tokenOf({ claims: { sub: 'searched' } });
    const wide = { token: held.token, key: held.key };
    const refused = await stage.client.call('/exchange', {
      body: { actions: ['admin'] },
      ...wide,
    });
    expect(refused.status).toBe(400);

    const of = (query: string) => list(`/admin/v1/audit?${query}`).then(({ items }) => items);
    const [granted] = await of(`token_id=${held.id}&outcome=granted`);
    expect(granted).toMatchObject({
      event_id: expect.any(String),
      action: 'token.issue',
      outcome: 'granted',
      token_id: held.id,
      app_id: 'where2eat',
      tenant_id: 'acme',
      resource: 'bucket:project-123',
      policy: expect.stringMatching(/^sha256:/),
      reason: null,
    });
    const user = `user_id=${String(granted?.user_id)}`;
    const denied = await of(`${user}&outcome=denied`);
    expect(denied).toEqual([
      expect.objectContaining({ request_id: refused.body.request_id, reason: expect.any(String) }),
    ]);
    expect(await of(`${user}&action=token.issue&outcome=granted`)).toEqual([granted]);
    expect(await of(`${user}&action=upload.request`)).toEqual([]);
    expect(await of(`${user}&since=${since}`)).toHaveLength(2);
    expect(await of(`${user}&until=${since}`)).toEqual([]);
    expect(await of(`${user}&app_id=lowcode`)).toEqual([]);
    const [byPages] = [await pages(`/admin/v1/audit?${user}`, 1)];
    expect(byPages.map((page) => page.length)).toEqual([1, 1]);
  });

  it('is searched by what was revoked, and of what a block was lifted', async () => {
    const { id } = await stage.tokenOf({ claims: { sub: 'target' } });
    await stage.revoke({ token_id: id });
    const { body } = await stage.revoke({ app_id: 'lowcode' });
    const { token, key } = await stage.adminOf(['security']);
    const path = `/admin/v1/revocations/${String(body.revocation_id)}`;
    expect((await stage.client.call(path, { method: 'DELETE', token, key })).status).toBe(204);

    const of = async (target: string) =>
      (await list(`/admin/v1/audit?target=${target}`)).items.map(({ action }) => action);
    expect(await of(`token:${id}`)).toEqual(['revocation.create']);
    expect(await of('app:lowcode')).toEqual(['revocation.lift', 'revocation.create']);
    expect(await of('app:where2eat')).toEqual([]);
    const refused = await get('/admin/v1/audit?target=lowcode');
    expect(refused).toMatchObject({
      status: 400,
      body: { violations: [{ field: 'target', rule: 'target' }] },
    });
  });

  it('says who administered, and what policy permitted it', async () => {
    const { id } = await stage.tokenOf();
    await stage.revoke({ token_id: id });
    const { items } = await list('/admin/v1/audit?action=revocation.create&limit=1');
    expect(items).toMatchObject([
      {
        outcome: 'granted',
        app_id: 'daypass-cli',
        policies: ['permit_admin'],
        detail: { target: `token:${id}`, reason: 'an attack' },
      },
    ]);
  });
});

describe('the configuration', () => {
  const put = (document: object, query = '') =>
    stage.client.call(`/admin/v1/config${query}`, {
      method: 'PUT',
      body: document,
      token: platform.token,
      key: platform.key,
    });
  const changed = (purpose: string) => {
    const draft = structuredClone(stage.document);
    for (const app of draft.apps) if (app.id === 'lowcode') app.purpose = purpose;
    return draft;
  };

  it('is planned with dry_run, and applied without: what is read back means what was put', async () => {
    const before = await get('/admin/v1/config', platform);
    expect(before.status).toBe(200);
    // It may come back in another order, and means what it meant.
    expect((await put(before.body, '?dry_run=true')).body.changes).toEqual([]);
    expect((await put(stage.document, '?dry_run=true')).body.changes).toEqual([]);

    const plan = await put(changed('forms'), '?dry_run=true');
    expect(plan.status).toBe(200);
    expect(plan.body.version).toBeUndefined();
    expect(JSON.stringify(plan.body.changes)).toContain('lowcode');
    const meanwhile = await get('/admin/v1/config', platform);
    expect(meanwhile.body).toEqual(before.body);
    expect(meanwhile.headers.get('etag')).toBe(before.headers.get('etag'));

    const applied = await put(changed('forms'));
    expect(applied.status).toBe(200);
    expect(applied.body.changes).toEqual(plan.body.changes);
    const after = await get('/admin/v1/config', platform);
    const apps = after.body.apps as { id: string; purpose: string }[];
    expect(apps.find(({ id }) => id === 'lowcode')?.purpose).toBe('forms');
    expect(after.headers.get('etag')).toBe(`"${String(applied.body.version)}"`);
    expect((await put(changed('forms'), '?dry_run=true')).body.changes).toEqual([]);
  });

  it('is refused as a whole, with everything that is wrong with it and where', async () => {
    const before = await get('/admin/v1/config', platform);
    const wrong = { ...stage.document, apps: [], unheard_of: 1, issuers: 'none' };
    for (const query of ['', '?dry_run=true']) {
      const answer = await put(wrong, query);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
      const fields = (answer.body.violations as { field: string }[]).map(({ field }) => field);
      expect(fields).toEqual(
        expect.arrayContaining(['issuers', expect.stringContaining('unheard_of')]),
      );
    }
    const after = await get('/admin/v1/config', platform);
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'));
  });
});
