import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment/schema.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { type PausingStorage, startPausingStorage } from '../support/pausing-storage.ts';
import { freePort, type Rig, startRig } from '../support/rig.ts';
import { onS3 } from '../support/s3-story.ts';
import { prepareStandstill, type Standstill, until } from './standstill.ts';
import { type Call, KILLS as EACH, type Place, STEPS, type Step } from './upload-steps.ts';
import { type Caller, deskAt, isUnavailable, request, requested, uploaderAt } from './uploader.ts';

/** Each step once. CHAOS=full is 200 kills, some twenty minutes; a number is that many. */
const COUNTS: Readonly<Record<string, number>> = { full: 200, short: EACH.length };
const { CHAOS = 'short' } = process.env;
const KILLS = COUNTS[CHAOS] ?? Number(CHAOS);
const ROUNDS = Array.from({ length: KILLS }, (_, kill) => EACH[kill % EACH.length] ?? []);

const BUCKET = 'acme-project-123';

let rig: Rig;
let proxy: CuttingProxy | undefined;
let storage: PausingStorage;
let standstill: Standstill;
let scanner: Server;
/** How each is to end, whoever was killed meanwhile. */
const ends = new Map<string, Step['end']>();
/** What was found when the broker had been killed in that step, and what should have been. */
const landed: { readonly name: string; readonly found: unknown; readonly wanted: unknown }[] = [];

const generous =
  (endpoint: string, clamd: string) =>
  (demo: DeploymentDocument): DeploymentDocument => ({
    ...onS3({ endpoint, bucket: BUCKET, region: 'us-east-1' })(demo),
    buckets: (onS3({ endpoint, bucket: BUCKET, region: 'us-east-1' })(demo).buckets ?? []).map(
      (bucket) => ({ ...bucket, validate: { antivirus: clamd } }),
    ),
    apps: (demo.apps ?? []).map((app) => ({
      ...app,
      limits: { uploads_per_hour: 1_000_000, bytes_per_day: '1TB', live_uploads: 1_000 },
    })),
  });

/** As much of clamd as is needed: it knows one word. */
const startScanner = async (port: number): Promise<Server> => {
  const server = createServer((socket) => {
    let heard = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (!heard.subarray(-4).equals(Buffer.alloc(4))) return;
      socket.end(heard.includes('MALWARE') ? 'stream: Test FOUND\0' : 'stream: OK\0');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
};

beforeAll(async () => {
  storage = await startPausingStorage(BUCKET);
  const scannerPort = await freePort();
  scanner = await startScanner(scannerPort);
  rig = await startRig({
    configure: generous(storage.endpoint, `clamd://127.0.0.1:${scannerPort}`),
    env: { A: 'S3RVER', B: 'S3RVER' },
    between: async (server) => {
      proxy = await startCuttingProxy(server);
      return proxy.port;
    },
  });
  // What one that ends by itself leaves compiled makes all that follow start sooner.
  await rig.broker.terminate();
  await rig.startBroker();
  standstill = await prepareStandstill(rig);
  for (const [kill, steps] of ROUNDS.entries()) {
    await killedIn(steps);
    if (KILLS > EACH.length) process.stdout.write(`killed ${kill + 1} of ${KILLS}\n`);
  }
  await settledAll();
}, 3_600_000);
afterAll(async () => {
  await standstill?.stop();
  await rig?.stop();
  await proxy?.stop();
  await storage?.stop();
  scanner?.close();
});

/** A step that is to be interrupted, the upload that takes it, and who made that. */
interface Hit {
  readonly step: Step;
  readonly fileName: string;
  readonly uploader: Caller;
  readonly desk: Caller;
  /** Where that is known before it stands still. */
  objectId?: string;
}

const killedIn = async (steps: readonly Step[]): Promise<void> => {
  const [uploader, desk] = await Promise.all([uploaderAt(rig), deskAt(rig)]);
  const besideName = nameOf('available');
  const beside = await requested(uploader, 'honest', besideName);
  await beside.put();
  const hits = await Promise.all(
    steps.map(async (step): Promise<Hit> => {
      const own = step.by === 'revocation' ? await uploaderAt(rig) : uploader;
      const hit = { step, fileName: nameOf(step.end), uploader: own, desk };
      return { ...hit, ...(step.first && { objectId: await prepared(hit) }) };
    }),
  );
  const told: Promise<unknown>[] = [uploader(`/uploads/${beside.objectId}/complete`)];
  for (const hit of hits) told.push((await standing(hit)).told);
  await rig.broker.kill();
  await standstill.end();
  proxy?.hold(false);
  for (const { step, fileName } of hits) {
    const [row] = await rig.ask<{ status: string; object_id: string }>(
      'SELECT status, object_id FROM stored_object WHERE file_name = $1',
      [fileName],
    );
    const found = { status: row?.status, bytes: row ? await placesOf(row.object_id) : [] };
    landed.push({ name: step.name, found, wanted: { status: step.status, bytes: step.bytes } });
  }
  storage.goOn();
  await Promise.all(told);
  // Leases of the dead end by themselves after a while. Here, that while has passed.
  await rig.ask(`UPDATE stored_object SET lease_until = now() - interval '1 s'
    WHERE lease_until IS NOT NULL`);
  await rig.startBroker();
};

/** Unlike any other: what is to become of it is kept under it. */
const nameOf = (end: Step['end']): string => {
  const name = `picture-${ends.size}.png`;
  ends.set(name, end);
  return name;
};

/** What has been done to it before. */
const prepared = async (hit: Hit): Promise<string> => {
  const { step, fileName, uploader, desk } = hit;
  const { objectId, put } = await requested(uploader, step.kind, fileName);
  await put();
  await uploader(`/uploads/${objectId}/complete`);
  await until(isSo(objectId, `status IN ('available', 'rejected')`), `${step.name}: unsettled`);
  if (step.first !== 'settled') await desk(`/admin/v1/uploads/${objectId}/quarantine`, {});
  const isApart = isSo(objectId, `status = 'available' OR apart_at IS NOT NULL`);
  await until(isApart, `${step.name}: never moved`);
  if (step.first === 'released') await desk(`/admin/v1/uploads/${objectId}/release`, {});
  return objectId;
};

/** When the broker stands still in it. */
const standing = async (hit: Hit): Promise<{ readonly told: Promise<unknown> }> => {
  const { step, fileName, uploader } = hit;
  if (step.by === 'request') {
    const stands = await stopped(step, fileName, '[^/]+');
    const told = request(uploader, step.kind, fileName);
    await stands();
    return { told };
  }
  const upload = step.first ? undefined : await requested(uploader, step.kind, fileName);
  const objectId = hit.objectId ?? upload?.objectId ?? '';
  const stands = await stopped(step, fileName, objectId);
  if (step.by === 'revocation') await revoked(hit); // its URL is good for as long as it was
  await upload?.put();
  let isThere = false;
  const tell = async (): Promise<void> => {
    for (let said = await set(hit, objectId); !isThere && isUnavailable(said); ) {
      await pause(100);
      said = await set(hit, objectId);
    }
  };
  const told = tell();
  await stands();
  isThere = true;
  return { told };
};

/** Has the step stop whoever takes it. What is returned waits for somebody to be there. */
const stopped = async (
  { in: where, name }: Step,
  fileName: string,
  objectId: string,
): Promise<() => Promise<void>> => {
  if (typeof where !== 'string' && 'call' in where) {
    const { call: method, when } = where;
    const reached = storage.standStillAt({ method, when, under: urlOf(where, objectId) });
    return () => within(reached, name);
  }
  if (typeof where === 'string') {
    const { reached } = await standstill.at(fileName, where);
    return () => within(reached, name);
  }
  const { unheard } = where;
  const { reached } = await standstill.at(fileName, unheard);
  return async () => {
    await within(reached, name);
    proxy?.hold(true);
    await standstill.letGo(fileName);
    const is = `SELECT FROM stored_object WHERE file_name = $1 AND status = $2`;
    await until(async () => (await rig.ask(is, [fileName, unheard])).length > 0, name);
  };
};

const within = async (stands: Promise<void>, name: string): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, 60_000, new Error(`nobody came to: ${name}`));
  });
  await Promise.race([stands, late]).finally(() => clearTimeout(timer));
};

/** What sets it in motion. Its answer is nobody's to hear. */
const set = async ({ step, uploader, desk }: Hit, objectId: string): Promise<unknown> => {
  switch (step.by) {
    case undefined:
      return uploader(`/uploads/${objectId}/complete`);
    case 'more parts':
      return uploader(`/uploads/${objectId}/parts`, {});
    case 'removal':
      return uploader(`/objects/${objectId}`, undefined, 'DELETE');
    case 'loss':
      return rig.ask(`UPDATE stored_object SET status = 'uploaded' WHERE object_id = $1`, [
        objectId,
      ]);
    case 'revocation':
    case 'request':
      return undefined;
    case 'time':
      return urlsDied('object_id = $1', [objectId]);
    case 'age':
      return settledLongAgo('object_id = $1', [objectId]);
    case 'delete':
      return desk(`/admin/v1/uploads/${objectId}`, undefined, 'DELETE');
    default:
      return desk(`/admin/v1/uploads/${objectId}/${step.by}`, {});
  }
};

const revoked = async ({ fileName, desk }: Hit): Promise<void> => {
  const [row] = await rig.ask<{ token_id: string }>(
    'SELECT token_id FROM stored_object WHERE file_name = $1',
    [fileName],
  );
  const target = { token_id: row?.token_id };
  await desk('/admin/v1/revocations', { target, reason: 'seen in a public notebook' });
};

/** Its URLs died, long enough ago. */
const urlsDied = (which: string, values: readonly unknown[] = []): Promise<unknown> =>
  rig.ask(
    `UPDATE stored_object SET upload_expires_at = now() - interval '10 min' WHERE ${which}`,
    values,
  );

/** What was released has stayed so for a while, and what was rejected nobody asks for any more. */
const settledLongAgo = (which: string, values: readonly unknown[] = []): Promise<unknown> =>
  rig.ask(
    `UPDATE stored_object SET settled_at = settled_at - interval '11 min', lease_until = NULL,
       apart_at = apart_at - CASE status WHEN 'rejected' THEN interval '8 days' ELSE interval '0' END
     WHERE ${which}`,
    values,
  );

const FOLDERS = { staging: '/.daypass-staging/', apart: '/.daypass-quarantine/' };
const pathOf = (place: Place, objectId: string): string =>
  place === 'final'
    ? `/${BUCKET}/(?!\\.daypass-).*${objectId}/`
    : `/${BUCKET}${FOLDERS[place]}${objectId}/`;

/** A URL that is of an object, or of what is asked for of its upload in parts. */
const urlOf = ({ of, inParts }: Call, objectId: string): RegExp =>
  new RegExp(
    pathOf(of, objectId) +
      (inParts ? `.*[?&]${inParts}\\b` : '(?!.*[?&](uploads|uploadId|partNumber)\\b)'),
  );

const placesOf = async (objectId: string): Promise<Place[]> => {
  const keys = await storage.keys();
  const places: readonly Place[] = ['apart', 'final', 'staging'];
  return places.filter((place) =>
    keys.some((key) => new RegExp(pathOf(place, objectId)).test(`/${BUCKET}/${key}`)),
  );
};

const isSo = (objectId: string, what: string) => async (): Promise<boolean> =>
  (await rig.ask(`SELECT FROM stored_object WHERE object_id = $1 AND ${what}`, [objectId])).length >
  0;

const none = (of: string) => async (): Promise<boolean> =>
  (await rig.ask(`SELECT FROM ${of} LIMIT 1`)).length === 0;

const named = (end: Step['end']): string[] =>
  [...ends].flatMap(([name, how]) => (how === end ? [name] : []));

/** Until everything is where it belongs, once all URLs have died. */
const settledAll = async (): Promise<void> => {
  await urlsDied('file_name = ANY ($1)', [named('expired')]);
  await rig.ask(`UPDATE quota_hold SET until = now() - interval '10 min'`);
  const underWay = `stored_object WHERE status IN ('pending', 'uploaded', 'validating')`;
  await until(none(underWay), 'unsettled', 90);
  await settledLongAgo(`status IN ('available', 'deleted')`);
  await urlsDied('true');
  await until(
    none(`stored_object WHERE staging_gone_at IS NULL
      OR status IN ('rejected', 'quarantined') AND apart_at IS NULL
      OR status = 'rejected' AND apart_at < now() - interval '7 days' AND bytes_gone_at IS NULL
      OR status = 'available' AND apart_at IS NOT NULL AND bytes_gone_at IS NULL
      OR status = 'deleted' AND bytes_gone_at IS NULL`),
    'something is not where it belongs',
    90,
  );
  await until(none('part_upload WHERE ended_at IS NULL'), 'parts are not taken back', 30);
  await until(none('quota_hold'), 'limits are still held', 60);
};

describe(`the broker is killed ${KILLS} times in the life of uploads`, () => {
  it('at each step of it: this was on record, and there the bytes lay', () => {
    expect(landed.map(({ name, found }) => ({ name, found }))).toEqual(
      landed.map(({ name, wanted }) => ({ name, found: wanted })),
    );
    expect(landed).toHaveLength(ROUNDS.flat().length);
    if (KILLS >= EACH.length)
      expect(new Set(landed.map(({ name }) => name)).size).toBe(STEPS.length);
  });

  it('and each ends in the one state that is right for it', async () => {
    const rows = await rig.ask<{ file_name: string; status: string }>(
      'SELECT file_name, status FROM stored_object ORDER BY file_name',
    );
    const wanted = [...ends].filter(([, end]) => end !== 'never');
    expect(new Map(rows.map(({ file_name, status }) => [file_name, status]))).toEqual(
      new Map(wanted.map(([name, end]) => [name, end === 'gone' ? 'rejected' : end])),
    );
    expect(rows).toHaveLength(wanted.length);
  });

  it('and once: no step to an end is on record twice', async () => {
    const twice = await rig.ask(
      `SELECT object_id, action, count(*) FROM audit_event
       WHERE action IN ('upload.available', 'upload.rejected', 'upload.quarantined', 'upload.expired', 'upload.pending')
         OR outcome = 'granted' AND action IN ('upload.request', 'upload.quarantine', 'upload.release', 'upload.delete',
           'object.delete')
       GROUP BY object_id, action HAVING count(*) > 1`,
    );
    expect(twice).toEqual([]);
  });

  it('and its uploader is told what was found, and nothing of what was not inspected', async () => {
    const untold = await rig.ask(
      `SELECT file_name, status, report FROM stored_object WHERE NOT CASE
         WHEN status = 'expired' THEN report IS NULL OR report -> 'checks' @> '[{"outcome": "waiting"}]'
         WHEN status = 'rejected' OR reason LIKE 'the virus scanner knows it%' THEN jsonb_array_length(report -> 'violations') > 0
         ELSE jsonb_array_length(report -> 'violations') = 0 AND jsonb_array_length(report -> 'checks') > 0 END`,
    );
    expect(untold).toEqual([]);
  });

  it('with the bytes where its state wants them, and nothing else in the storage', async () => {
    const rows = await rig.ask<{
      object_id: string;
      file_name: string;
      status: string;
      key: string;
    }>('SELECT object_id, file_name, status, key FROM stored_object');
    const wanted = rows.flatMap(({ object_id, file_name, status, key }) => {
      if (status === 'available') return [key];
      const isKept = status === 'rejected' || status === 'quarantined';
      return isKept && ends.get(file_name) !== 'gone' ? [`.daypass-quarantine/${object_id}/`] : [];
    });
    // Whose last part cannot be guessed.
    const keys = (await storage.keys()).map((key) =>
      key.replace(/^(\.daypass-quarantine\/[^/]+\/)[^/]+$/, '$1'),
    );
    expect(keys.sort()).toEqual(wanted.sort());
    expect(await storage.openUploads()).toEqual([]);
  });

  it('and quotas balance to the byte', async () => {
    const [held] = await rig.ask<{ n: string; bytes: string }>(
      `SELECT count(*) AS n, sum(size) AS bytes FROM stored_object
       WHERE status NOT IN ('expired', 'rejected')`,
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
    expect(await rig.ask('SELECT * FROM quota_hold')).toEqual([]);
  });
});
