import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment/schema.ts';
import { createClient } from '../support/client.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { PNG } from '../support/upload-story.ts';

/** CHAOS=full takes some ten minutes; a number is that many. */
const COUNTS: Readonly<Record<string, number>> = { full: 200, short: 16 };
const { CHAOS = 'short' } = process.env;
const KILLS = COUNTS[CHAOS] ?? Number(CHAOS);

const LIE = Buffer.from('<html>no picture, and longer than one</html>'.padEnd(PNG.length + 7));
/** How an upload ends, whoever is killed meanwhile, and however often. */
const ENDS = { honest: 'available', lie: 'rejected' } as const;
type Kind = keyof typeof ENDS;
const BYTES: Readonly<Record<Kind, Buffer>> = { honest: PNG, lie: LIE };

let rig: Rig;
let proxy: CuttingProxy;
const uploaded = new Map<string, Kind>();
/** What the killed left behind, by status: which steps were interrupted. */
const interrupted = new Map<string, number>();

const generous = (demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  apps: (demo.apps ?? []).map((app) => ({
    ...app,
    limits: { uploads_per_hour: 1_000_000, bytes_per_day: '1TB' },
  })),
});

beforeAll(async () => {
  rig = await startRig({
    configure: generous,
    between: async (server) => {
      proxy = await startCuttingProxy(server);
      return proxy.port;
    },
  });
  for (let kill = 0; kill < KILLS; kill += 1) {
    const token = await tokenOf('ana'); // one that is bound to no key lives for minutes only
    const kinds: Kind[] = ['honest', 'lie', 'honest'];
    const ids = await Promise.all(kinds.map((kind) => upload(token, kind)));
    // Killed a moment after an upload has come so far: by what is on record, so that a slow machine changes nothing.
    const told = ids.map((id) =>
      createClient(rig.url)
        .call(`/uploads/${id}/complete`, { method: 'POST', token })
        .catch(() => undefined),
    );
    await reached(ids, STEPS[kill % STEPS.length] ?? 'uploaded');
    await pause((kill * 7) % 40);
    // Every third time it stands still in the middle of a step: what it says no longer reaches the database.
    if (kill % 3 === 0) proxy.hold(true);
    if (kill % 3 === 0) await pause(30);
    await rig.broker.kill();
    proxy.hold(false);
    await Promise.all(told);
    await count();
    await rig.startBroker();
  }
  await settled();
}, 1_500_000);
afterAll(async () => {
  await rig?.stop();
  await proxy?.stop();
});

const tokenOf = async (user: string): Promise<string> => {
  const answer = await createClient(rig.url).call('/exchange', {
    body: {
      app_id: 'lowcode',
      resource: 'bucket:project-123',
      actions: ['read', 'write'],
    },
    token: await rig.signIn(user, 'lowcode'),
  });
  expect(answer.status).toBe(200);
  return String(answer.body.access_token);
};

const upload = async (token: string, kind: Kind): Promise<string> => {
  const body = { filename: 'menu.png', size: BYTES[kind].length, contentType: 'image/png' };
  const answer = await createClient(rig.url).call('/request-upload', { body, token });
  if (answer.status !== 201) throw new Error(`no upload: ${answer.text}`);
  const { objectId, uploadUrl, headers } = answer.body as {
    objectId: string;
    uploadUrl: string;
    headers: Record<string, string>;
  };
  const put = await fetch(uploadUrl, { method: 'PUT', headers, body: BYTES[kind] });
  if (put.status !== 200) throw new Error(`not taken: ${put.status}`);
  uploaded.set(objectId, kind);
  return objectId;
};

/** In the order of the life cycle. */
const STEPS = ['uploaded', 'validating', 'rejected', 'available'] as const;

/** Until one of them is at this step, or past it. */
const reached = async (ids: readonly string[], step: (typeof STEPS)[number]): Promise<void> => {
  const from = STEPS.slice(STEPS.indexOf(step));
  const database = await rig.connect();
  try {
    for (let tries = 0; tries < 3_000; tries += 1) {
      const { rowCount } = await database.query(
        'SELECT FROM stored_object WHERE object_id = ANY ($1) AND status = ANY ($2)',
        [ids, from],
      );
      if (rowCount !== 0) return;
      await pause(10);
    }
    throw new Error(`no upload was ever ${step}`);
  } finally {
    await database.end();
  }
};

const count = async (): Promise<void> => {
  const rows = await rig.ask<{ status: string; n: string }>(
    `SELECT CASE WHEN status = 'rejected' AND apart_at IS NULL THEN 'not yet apart' ELSE status END AS status,
       count(*) AS n FROM stored_object GROUP BY 1`,
  );
  for (const { status, n } of rows)
    interrupted.set(status, (interrupted.get(status) ?? 0) + Number(n));
};

/** Until leases of the killed have ended, and everything is where it belongs. */
const settled = async (): Promise<void> => {
  for (let tries = 0; tries < 900; tries += 1) {
    const [row] = await rig.ask<{ n: string }>(
      `SELECT count(*) AS n FROM stored_object WHERE status IN ('pending', 'uploaded', 'validating')
         OR status IN ('rejected', 'quarantined') AND apart_at IS NULL`,
    );
    if (row?.n === '0') return;
    await pause(100);
  }
};

/** Every object the local store holds, by its key. */
const stored = async (): Promise<readonly string[]> => {
  const [home] = await rig.ask<{ source: string }>(
    'SELECT source FROM configuration ORDER BY version DESC LIMIT 1',
  );
  const root = join(home?.source ?? '', '..', 'objects', 'project-123');
  const keys: string[] = [];
  for (const path of await readdir(root, { recursive: true })) {
    if (!path.endsWith('meta.json')) continue;
    keys.push((JSON.parse(await readFile(join(root, path), 'utf8')) as { key: string }).key);
  }
  return keys;
};

describe(`the broker is killed ${KILLS} times in the life of uploads`, () => {
  it('in the middle of it, and not only before or after', () => {
    const found = [...interrupted.keys()];
    expect(found).toEqual(expect.arrayContaining(['validating', 'available']));
  });

  it('and each ends in the one state that is right for it', async () => {
    const rows = await rig.ask<{ object_id: string; status: string }>(
      'SELECT object_id, status FROM stored_object',
    );
    const wrong = rows.filter(({ object_id, status }) => {
      const kind = uploaded.get(object_id);
      return kind === undefined || status !== ENDS[kind];
    });
    expect(wrong).toEqual([]);
    expect(rows).toHaveLength(3 * KILLS);
  });

  it('and once: no step to an end is on record twice', async () => {
    const twice = await rig.ask(
      `SELECT object_id, action, count(*) FROM audit_event
       WHERE action IN ('upload.available', 'upload.rejected', 'upload.quarantined')
       GROUP BY object_id, action HAVING count(*) > 1`,
    );
    expect(twice).toEqual([]);
  });

  it('with the bytes where its state wants them, and nowhere else that anybody reads', async () => {
    const keys = new Set(await stored());
    const rows = await rig.ask<{ object_id: string; status: string; key: string }>(
      'SELECT object_id, status, key FROM stored_object',
    );
    const misplaced = rows.filter(({ object_id, status, key }) => {
      const isApart = [...keys].some((each) =>
        each.startsWith(`.daypass-quarantine/${object_id}/`),
      );
      return status === 'available' ? !keys.has(key) || isApart : keys.has(key) || !isApart;
    });
    expect(misplaced).toEqual([]);
  });

  it('and quotas balance to the byte', async () => {
    const [held] = await rig.ask<{ n: string; bytes: string }>(
      `SELECT count(*) AS n, sum(size) AS bytes FROM stored_object WHERE status = 'available'`,
    );
    const counters = await rig.ask<{ id: string; sum: string }>(
      `SELECT id, used + before AS sum FROM quota_counter WHERE id ~ '^(uploads|bytes):'`,
    );
    const sumOf = (name: string): number =>
      counters
        .filter(({ id }) => id.startsWith(name))
        .reduce((all, { sum }) => all + Number(sum), 0);
    expect(sumOf('uploads:')).toBe(Number(held?.n));
    expect(sumOf('bytes:')).toBe(Number(held?.bytes));
  });
});
