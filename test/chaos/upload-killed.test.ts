import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment/schema.ts';
import { createClient, newKey } from '../support/client.ts';
import { type PausingStorage, startPausingStorage } from '../support/pausing-storage.ts';
import { freePort, type Rig, startRig } from '../support/rig.ts';
import { onS3 } from '../support/s3-story.ts';
import { PNG } from '../support/upload-story.ts';
import { prepareStandstill, type Standstill, until } from './standstill.ts';
import { AT_ONCE, type Kind, type Place, STEPS, type Step } from './upload-steps.ts';

/** Each step once. CHAOS=full is 200 kills, some ten minutes; a number is that many. */
const COUNTS: Readonly<Record<string, number>> = {
  full: 200,
  short: STEPS.length / AT_ONCE,
};
const { CHAOS = 'short' } = process.env;
const KILLS = COUNTS[CHAOS] ?? Number(CHAOS);

const BUCKET = 'acme-project-123';
const BYTES: Readonly<Record<Kind, Buffer>> = {
  honest: PNG,
  lie: Buffer.from('<html>no picture, and longer than one</html>'.padEnd(PNG.length + 7)),
  malware: Buffer.concat([PNG, Buffer.from('MALWARE')]),
  nothing: PNG,
};

let rig: Rig;
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
  });
  standstill = await prepareStandstill(rig);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const at = (kill * AT_ONCE) % STEPS.length;
    await killedIn(STEPS.slice(at, at + AT_ONCE));
  }
  await settledAll();
}, 1_500_000);
afterAll(async () => {
  await standstill?.stop();
  await rig?.stop();
  await storage?.stop();
  scanner?.close();
});

const killedIn = async (steps: readonly Step[]): Promise<void> => {
  const uploader = await signedIn('ana', 'lowcode', 'bucket:project-123', ['read', 'write']);
  const beside = await upload(uploader, 'honest');
  ends.set(beside, 'available');
  const told: Promise<unknown>[] = [];
  const hit: { readonly step: Step; readonly objectId: string }[] = [];
  for (const step of steps) {
    const objectId = await upload(uploader, step.kind);
    ends.set(objectId, step.end);
    hit.push({ step, objectId });
    await prepared(step, objectId, uploader);
    const stands =
      typeof step.in === 'string'
        ? standstill.at(objectId, step.in)
        : storage.standStillAt({ ...step.in, under: pathOf(step.in.of, objectId) });
    told.push(set(step, objectId, uploader));
    await within(stands, step.name);
  }
  told.push(uploader(`/uploads/${beside}/complete`));
  await rig.broker.kill();
  await standstill.end();
  for (const { step, objectId } of hit) {
    const found = { status: await statusOf(objectId), bytes: await placesOf(objectId) };
    landed.push({ name: step.name, found, wanted: { status: step.status, bytes: step.bytes } });
  }
  storage.goOn();
  await Promise.all(told);
  // Leases of the dead end by themselves after a while. Here, that while has passed.
  await rig.ask(`UPDATE stored_object SET lease_until = now() - interval '1 s'
    WHERE lease_until IS NOT NULL`);
  await rig.startBroker();
};

const within = async (stands: Promise<void>, name: string): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, 60_000, new Error(`nobody came to: ${name}`));
  });
  await Promise.race([stands, late]).finally(() => clearTimeout(timer));
};

type Caller = (path: string, body?: object, method?: string) => Promise<unknown>;

/** Who is killed in the middle of it answers nothing. */
const signedIn = async (
  user: string,
  app: string,
  resource: string,
  actions: readonly string[],
): Promise<Caller> => {
  const client = createClient(rig.url);
  const key = newKey();
  const body = { resource, actions, ...(app === 'daypass' ? { app_id: 'daypass-cli' } : {}) };
  const answer = await client.call('/exchange', {
    body: app === 'lowcode' ? { ...body, app_id: app } : body,
    token: await rig.signIn(user, app),
    key,
    bound: false,
  });
  if (answer.status !== 200) throw new Error(`not signed in: ${answer.text}`);
  const token = String(answer.body.access_token);
  return (path, sent, method = 'POST') =>
    client
      .call(path, { method, ...(sent ? { body: sent } : {}), token, key })
      .then(({ body: said }) => said)
      .catch(() => undefined);
};

const upload = async (uploader: Caller, kind: Kind): Promise<string> => {
  const body = { filename: 'menu.png', size: BYTES[kind].length, contentType: 'image/png' };
  const asked = (await uploader('/request-upload', body)) as {
    readonly objectId: string;
    readonly uploadUrl?: string;
    readonly headers: Record<string, string>;
  };
  const { objectId, uploadUrl, headers } = asked;
  if (uploadUrl === undefined) throw new Error(`no upload: ${JSON.stringify(asked)}`);
  if (kind === 'nothing') return objectId;
  const put = await fetch(uploadUrl, { method: 'PUT', headers, body: BYTES[kind] });
  if (put.status !== 200) throw new Error(`not taken: ${put.status}`);
  return objectId;
};

const desk = () => signedIn('sam', 'daypass', `${rig.url}/admin`, ['admin']);

const prepared = async ({ first }: Step, objectId: string, uploader: Caller): Promise<void> => {
  if (!first) return;
  await uploader(`/uploads/${objectId}/complete`);
  await until(async () => (await statusOf(objectId)) === 'available', 'it never settled');
  if (first === 'taken') await (await desk())(`/admin/v1/uploads/${objectId}/quarantine`, {});
  const [place] = first === 'taken' ? ['apart'] : ['final'];
  await until(async () => (await placesOf(objectId)).includes(place as Place), 'it never moved');
};

/** What sets it in motion. Its answer is nobody's to hear. */
const set = async ({ by }: Step, objectId: string, uploader: Caller): Promise<unknown> => {
  switch (by) {
    case undefined:
      return uploader(`/uploads/${objectId}/complete`);
    case 'time':
      return urlsOver('object_id = $1', [objectId]);
    case 'delete':
      return (await desk())(`/admin/v1/uploads/${objectId}`, undefined, 'DELETE');
    default:
      return (await desk())(`/admin/v1/uploads/${objectId}/${by}`, {});
  }
};

/** Its URL has died, long enough ago. */
const urlsOver = (which: string, values: readonly unknown[] = []) =>
  rig.ask(
    `UPDATE stored_object SET upload_expires_at = now() - interval '10 min' WHERE ${which}`,
    values,
  );

const statusOf = async (objectId: string): Promise<string | undefined> => {
  const [row] = await rig.ask<{ status: string }>(
    'SELECT status FROM stored_object WHERE object_id = $1',
    [objectId],
  );
  return row?.status;
};

const FOLDERS = { staging: '/.daypass-staging/', apart: '/.daypass-quarantine/', final: '/' };
const pathOf = (place: Place, objectId: string): RegExp =>
  place === 'final'
    ? new RegExp(`/${BUCKET}/(?!\\.daypass-).*${objectId}/`)
    : new RegExp(`/${BUCKET}${FOLDERS[place]}${objectId}/`);

const placesOf = async (objectId: string): Promise<Place[]> => {
  const keys = await storage.keys();
  const places: readonly Place[] = ['apart', 'final', 'staging'];
  return places.filter((place) =>
    keys.some((key) => pathOf(place, objectId).test(`/${BUCKET}/${key}`)),
  );
};

/** Until everything is where it belongs, once all URLs have died and what was released has stayed so for a while. */
const settledAll = async (): Promise<void> => {
  const unsettled = (which: string) => async (): Promise<boolean> => {
    const [row] = await rig.ask<{ n: string }>(
      `SELECT count(*) AS n FROM stored_object WHERE ${which}`,
    );
    return row?.n === '0';
  };
  await until(unsettled(`status IN ('pending', 'uploaded', 'validating')`), 'unsettled', 60);
  await urlsOver('true');
  await rig.ask(`UPDATE stored_object SET settled_at = settled_at - interval '11 min',
    lease_until = NULL WHERE status = 'available'`);
  const misplaced = `staging_gone_at IS NULL OR status IN ('rejected', 'quarantined') AND apart_at IS NULL
    OR status = 'available' AND apart_at IS NOT NULL`;
  await until(unsettled(misplaced), 'something is not where it belongs', 90);
};

describe(`the broker is killed ${KILLS} times in the life of uploads`, () => {
  it('at each step of it: this was on record, and there the bytes lay', () => {
    expect(landed.map(({ name, found }) => ({ name, found }))).toEqual(
      landed.map(({ name, wanted }) => ({ name, found: wanted })),
    );
    expect(landed).toHaveLength(KILLS * AT_ONCE);
    const steps = new Set(landed.map(({ name }) => name));
    expect(steps.size).toBe(Math.min(KILLS * AT_ONCE, STEPS.length));
  });

  it('and each ends in the one state that is right for it', async () => {
    const rows = await rig.ask<{ object_id: string; status: string }>(
      'SELECT object_id, status FROM stored_object',
    );
    expect(rows.filter(({ object_id, status }) => ends.get(object_id) !== status)).toEqual([]);
    expect(rows).toHaveLength((AT_ONCE + 1) * KILLS);
  });

  it('and once: no step to an end is on record twice', async () => {
    const twice = await rig.ask(
      `SELECT object_id, action, count(*) FROM audit_event
       WHERE action IN ('upload.available', 'upload.rejected', 'upload.quarantined', 'upload.expired')
         OR outcome = 'granted' AND action IN ('upload.quarantine', 'upload.release', 'upload.delete')
       GROUP BY object_id, action HAVING count(*) > 1`,
    );
    expect(twice).toEqual([]);
  });

  it('with the bytes where its state wants them, and nothing else in the storage', async () => {
    const rows = await rig.ask<{ object_id: string; status: string; key: string }>(
      'SELECT object_id, status, key FROM stored_object',
    );
    const wanted = rows.flatMap(({ object_id, status, key }) => {
      if (status === 'available') return [key];
      const isKept = status === 'rejected' || status === 'quarantined';
      return isKept ? [`.daypass-quarantine/${object_id}/`] : [];
    });
    // Whose last part cannot be guessed.
    const keys = (await storage.keys()).map((key) =>
      key.replace(/^(\.daypass-quarantine\/[^/]+\/)[^/]+$/, '$1'),
    );
    expect(keys.sort()).toEqual(wanted.sort());
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
