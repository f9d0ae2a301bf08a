import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newKey } from '../support/client.ts';
import { signJwt } from './corporate-sso.ts';
import { PORTAL_SECRET, signerKey } from './deployment.ts';
import {
  ACCESS_TOKEN,
  basic,
  eventually,
  type Held,
  ID_TOKEN,
  openStage,
  type Stage,
  unique,
} from './stage.ts';
import { putObject } from './stored-object.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const folderOf = async ({ id }: Held): Promise<string> => {
  const [row] = await stage.query<{ user_id: string }>(
    'SELECT user_id FROM issued_token WHERE token_id = $1',
    [id],
  );
  return `where2eat/${row?.user_id}/`;
};

const statusOf = async (objectId: string): Promise<unknown> =>
  (await stage.query('SELECT status FROM stored_object WHERE object_id = $1', [objectId]))[0];

/** Begins `request`, and revokes the token between its proof at the door and the step it asks for. */
const revokedMeanwhile = async <Answer>(
  { id }: Held,
  request: () => Promise<Answer>,
): Promise<Answer> => {
  const desk = new pg.Client({ connectionString: stage.broker.databaseUrl });
  await desk.connect();
  try {
    await desk.query('BEGIN');
    await desk.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`token:${id}`]);
    let answered = false;
    const answer = request().finally(() => {
      answered = true;
    });
    await eventually(async () => answered || (await isWaiting()));
    await desk.query(
      `INSERT INTO lock (revocation_id, target, tenant_id, block, reason, killed, residual, effective_at, revoked_by)
       VALUES ($1, $2, 'acme', false, 'an attack', '{}', '[]', $3, 'the desk')`,
      [`rv_${id}`, `token:${id}`, new Date(stage.now() * 1000)],
    );
    await desk.query('COMMIT');
    return await answer;
  } finally {
    await desk.end();
  }
};

const isWaiting = async (): Promise<boolean> => {
  const waiting = await stage.query(
    `SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database
     WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted`,
  );
  return waiting.length > 0;
};

describe('a token that is revoked while its request is under way', () => {
  it('deletes nothing, also where another token made the object', async () => {
    const claims = { sub: 'deleter' };
    const maker = await stage.tokenOf({ claims });
    const held = await stage.tokenOf({ claims });
    const objectId = await putObject(stage, maker, `${await folderOf(maker)}a.png`);

    const path = `/objects/${objectId}`;
    const answer = await revokedMeanwhile(held, () =>
      stage.client.call(path, { method: 'DELETE', token: held.token, key: held.key }),
    );
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
    expect(await statusOf(objectId)).toEqual({ status: 'available' });
    const again = { method: 'DELETE', token: maker.token, key: maker.key };
    expect((await stage.client.call(path, again)).status).toBe(204);
  });

  it('completes no upload', async () => {
    const claims = { sub: 'completer' };
    const maker = await stage.tokenOf({ claims });
    const held = await stage.tokenOf({ claims });
    const { body } = await stage.client.call('/request-upload', {
      body: { filename: 'a.txt', size: 4, contentType: 'text/plain' },
      token: maker.token,
      key: maker.key,
    });
    const headers = body.headers as Record<string, string>;
    await fetch(String(body.uploadUrl), { method: 'PUT', headers, body: 'soup' });

    const path = `/uploads/${String(body.objectId)}/complete`;
    const answer = await revokedMeanwhile(held, () =>
      stage.client.call(path, { method: 'POST', token: held.token, key: held.key }),
    );
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
  });
});

describe('what only reads, for a token that is revoked while it does', () => {
  it('lists nothing, and records no listing', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'lister' } });
    await putObject(stage, held, `${await folderOf(held)}a.png`);
    const path = '/objects';
    const list = () => stage.client.call(path, { token: held.token, key: held.key });
    expect((await list()).body.items).toHaveLength(1);
    const answer = await revokedMeanwhile(held, list);
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
    const rows = await stage.query(
      'SELECT action, outcome FROM audit_event WHERE request_id = $1',
      [answer.body.request_id],
    );
    expect(rows).toEqual([{ action: 'object.list', outcome: 'denied' }]);
  });

  it('does not say what became of an upload', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'curious' } });
    const objectId = await putObject(stage, held, `${await folderOf(held)}a.png`);
    const path = `/uploads/${objectId}`;
    const look = () => stage.client.call(path, { token: held.token, key: held.key });
    expect((await look()).status).toBe(200);
    const answer = await revokedMeanwhile(held, look);
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
  });
});

describe('an admin who is revoked while the request is under way', () => {
  it('changes no configuration', async () => {
    const slow = await stage.adminOf(['platform']);
    const config = { token: slow.token, key: slow.key };
    const before = await stage.client.call('/admin/v1/config', config);
    const draft = structuredClone(before.body) as { apps: { id: string; purpose: string }[] };
    for (const app of draft.apps) app.purpose = 'too late';
    const put = () =>
      stage.client.call('/admin/v1/config', { ...config, method: 'PUT', body: draft });
    const answer = await revokedMeanwhile(slow, put);
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
    const other = await stage.adminOf(['platform']);
    const after = await stage.client.call('/admin/v1/config', other);
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'));
    expect(after.text).not.toContain('too late');
  });

  it('lifts no block', async () => {
    const blocked = await stage.tokenOf({ claims: { sub: 'blocked' } });
    const [row] = await stage.query<{ user_id: string }>(
      'SELECT user_id FROM issued_token WHERE token_id = $1',
      [blocked.id],
    );
    const { body } = await stage.revoke({ user_id: row?.user_id });
    const slow = await stage.adminOf(['security']);
    const path = `/admin/v1/revocations/${String(body.revocation_id)}`;
    const lift = ({ token, key }: Held) =>
      stage.client.call(path, { method: 'DELETE', token, key });
    const answer = await revokedMeanwhile(slow, () => lift(slow));
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
    const exchange = () => stage.exchange({ claims: { sub: 'blocked' }, key: blocked.key });
    expect(await exchange()).toMatchObject({ status: 403, body: { error: 'access_denied' } });
    expect((await lift(await stage.adminOf(['security']))).status).toBe(204);
  });
});

describe('a revocation', () => {
  const redeemed = async (sub: string): Promise<Held> => {
    const held = await stage.tokenOf({ claims: { sub } });
    const objectId = await putObject(stage, held, `${await folderOf(held)}a.png`);
    const { body } = await stage.client.call('/request-download', {
      body: { objectId, once: true, delivery: 'redirect' },
      token: held.token,
      key: held.key,
    });
    const answer = await fetch(String(body.downloadUrl), { redirect: 'manual' });
    expect(answer.status).toBe(303);
    return held;
  };

  it('counts the URL that a used ticket redirected to, for as long as it works', async () => {
    const held = await redeemed('redirected-1');
    const { body } = await stage.revoke({ token_id: held.id });
    expect(body.residual).toEqual([
      expect.objectContaining({ kind: 'presigned_get', provider: 'local', count: 1 }),
    ]);
    const [residual] = body.residual as { usable_until: string }[];
    const left = Date.parse(String(residual?.usable_until)) / 1000 - stage.now();
    expect(left).toBeGreaterThan(50);
    expect(left).toBeLessThanOrEqual(61);
  });

  it('no longer counts it after that', async () => {
    const held = await redeemed('redirected-2');
    await stage.advance(61);
    const { body } = await stage.revoke({ token_id: held.id });
    expect(body.residual).toEqual([]);
  });

  it('is not needed for the tickets of a bucket that is gone: they lead nowhere', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'too late' } });
    const objectId = await putObject(stage, held, `${await folderOf(held)}a.png`);
    const urls: string[] = [];
    for (const delivery of ['proxy', 'redirect']) {
      const { body } = await stage.client.call('/request-download', {
        body: { objectId, once: true, delivery },
        token: held.token,
        key: held.key,
      });
      urls.push(String(body.downloadUrl));
    }
    await stage.reconfigure((draft) => {
      const isElsewhere = ({ resource }: { resource: string }) => resource !== 'bucket:project-123';
      draft.buckets = draft.buckets.filter(({ id }) => id !== 'project-123');
      for (const app of draft.apps) app.grants = app.grants?.filter(isElsewhere);
    });
    try {
      for (const url of urls) expect((await fetch(url, { redirect: 'manual' })).status).toBe(410);
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });

  it('reaches what an app holds after the app is gone from the configuration', async () => {
    await stage.unboundToken();
    await stage.reconfigure((draft) => {
      draft.apps = draft.apps.filter(({ id }) => id !== 'lowcode');
    });
    const { body } = await stage.revoke({ app_id: 'lowcode' });
    expect(body.killed).toMatchObject({ tokens: 1 });
  });
});

describe('unbound tokens of an app that takes up the profile of FAPI 2.0', () => {
  it('are good for nothing from then on: neither at use, nor as subject or actor, nor by introspection', async () => {
    const subject = { subject_token_type: ID_TOKEN, resource: 'bucket:project-123' };
    const idToken = (sub: string) => stage.idToken({ aud: 'portal', sub });
    const given = await stage.tokenExchange(
      { ...subject, subject_token: idToken('actor') },
      { app: 'portal', secret: PORTAL_SECRET },
    );
    expect(given).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    const token = String(given.body.access_token);
    const bySecret = () => ({ headers: { authorization: basic('portal', PORTAL_SECRET) } });
    const byKey = () => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: signJwt(signerKey, {
        iss: 'portal',
        sub: 'portal',
        aud: stage.issuer,
        jti: unique(),
        exp: stage.now() + 60,
      }),
    });
    const use = () => stage.client.call('/objects', { token });
    const narrow = (form: object, more: object = {}) =>
      stage.tokenExchange(
        {
          resource: subject.resource,
          subject_token: token,
          subject_token_type: ACCESS_TOKEN,
          ...form,
        },
        { key: newKey(), ...more },
      );
    const actBy = (form: object, more: object = {}) =>
      narrow(
        {
          ...subject,
          subject_token: idToken('subject'),
          actor_token: token,
          actor_token_type: ACCESS_TOKEN,
          ...form,
        },
        more,
      );
    const introspect = (form: object, more: object = {}) =>
      stage.client.call('/introspect', { form: { token, ...form }, ...more });

    expect((await use()).status).toBe(200);
    expect((await narrow({}, bySecret())).status).toBe(200);
    expect((await actBy({}, bySecret())).status).toBe(200);
    expect((await introspect({}, bySecret())).body.active).toBe(true);

    await stage.reconfigure((draft) => {
      const portal = draft.apps.find(({ id }) => id === 'portal') as Record<string, unknown>;
      delete portal.secret_hash;
      Object.assign(portal, {
        profile: 'fapi2',
        jwks: draft.apps.find(({ id }) => id === 'signer')?.jwks,
      });
    });
    expect(await use()).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    const refused = { status: 400, body: { error: 'invalid_request' } };
    expect(await narrow(byKey())).toMatchObject(refused);
    expect(await actBy(byKey())).toMatchObject(refused);
    expect((await introspect(byKey())).body).toEqual({ active: false });
    const bound = { ...subject, subject_token: idToken('subject'), ...byKey() };
    expect((await stage.tokenExchange(bound, { key: newKey() })).status).toBe(200);
  });
});

describe('an administrator who is revoked while they are asking', () => {
  it.each([
    '/admin/v1/tokens',
    '/admin/v1/audit',
    '/admin/v1/revocations',
    '/admin/v1/tokens/tk_unheard_of',
    '/admin/v1/config',
    '/admin/v1/keys',
  ])('is told nothing by GET %s', async (path) => {
    const held = await stage.adminOf(['security']);
    const answer = await revokedMeanwhile(held, () =>
      stage.client.call(path, { token: held.token, key: held.key }),
    );
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
  });

  it('is not told what a configuration would change', async () => {
    const held = await stage.adminOf(['platform']);
    const { body } = await stage.client.call('/admin/v1/config', held);
    const answer = await revokedMeanwhile(held, () =>
      stage.client.call('/admin/v1/config?dry_run=true', { ...held, method: 'PUT', body }),
    );
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
  });
});

describe('a dry run', () => {
  it('tells nothing to the holder of a token that is revoked while it is under way', async () => {
    const held = await stage.tokenOf();
    const body = { resource: 'bucket:project-123', actions: ['read'], dry_run: true };
    const answer = await revokedMeanwhile(held, () => stage.exchange({ ...held, body }));
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
    expect(answer.text).not.toContain('would_issue');
  });
});
