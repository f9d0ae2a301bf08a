import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { createListener } from '../../../src/ledger/postgres/listener.ts';
import {
  createRevocationFeed,
  type LocalRevocationFeed,
} from '../../../src/ledger/postgres/revocation-feed.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let database: Database;
let owner: pg.Client;
beforeAll(async () => {
  server = await freshDatabase();
  database = openDatabase({ url: server.url, onConnectionError: () => undefined });
  owner = new pg.Client({ connectionString: server.url });
  owner.on('error', () => undefined);
  await owner.connect();
}, 60_000);
afterAll(async () => {
  await owner.end();
  await database.$disconnect();
  await server.drop();
});

let elapsed = 0;
let feed: LocalRevocationFeed;
beforeEach(async () => {
  elapsed = 0;
  feed = createRevocationFeed(database, { elapsed: () => elapsed });
  await feed.poll();
});

const at = (seconds: number): Date => new Date(1_790_000_000_000 + seconds * 1000);
let count = 0;

/** A lock as any release writes one. */
const lock = async (target: string, seconds: number, client = owner): Promise<string> => {
  count += 1;
  const id = `rv_${count}`;
  await client.query(`INSERT INTO lock VALUES ($1, $2, 'acme', true, 'r', '{}', '[]', $3, 'u')`, [
    id,
    target,
    at(seconds),
  ]);
  return id;
};

const eventually = async (is: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 400 && !(await is()); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 25));
  expect(await is()).toBe(true);
};

describe('the feed as one instance reads it', () => {
  it('tells of what was committed since it began, in order and none twice', async () => {
    await lock('app:before', -10);
    const late = createRevocationFeed(database, { elapsed: () => elapsed });
    const told: string[] = [];
    const stop = late.subscribe((events) => {
      told.push(...events.map(({ target, lifted }) => `${target}${lifted ? ' lifted' : ''}`));
    });
    const start = await late.poll();
    const id = await lock('user:u', -10);
    await lock('token:t', -100);
    await owner.query('UPDATE lock SET lifted_at = $2 WHERE revocation_id = $1', [id, at(0)]);
    expect(await late.poll()).toBe(start + 3);
    await late.poll();
    expect(told).toEqual(['user:u', 'token:t', 'user:u lifted']);
    expect(await late.after(start, 10)).toMatchObject([
      { position: start + 1, revocationId: id, lifted: false },
      { position: start + 2, target: 'token:t' },
      { position: start + 3, revocationId: id, lifted: true, tenantId: 'acme', block: true },
    ]);
    stop();
    await lock('app:unheard', 0);
    await late.poll();
    expect(told).toHaveLength(3);
  });

  it('reads more than it takes at once, and leaves nothing out', async () => {
    const from = await feed.poll();
    const told: number[] = [];
    const stop = feed.subscribe((events) => told.push(...events.map(({ position }) => position)));
    await owner.query(
      `INSERT INTO lock SELECT 'rv_many_' || n, 'token:' || n, 'acme', false, 'r', '{}', '[]', $1, 'u'
       FROM generate_series(1, 2500) AS n`,
      [at(0)],
    );
    expect(await feed.poll()).toBe(from + 2_500);
    expect(told).toEqual(Array.from({ length: 2_500 }, (_, place) => from + 1 + place));
    stop();
  });

  it('answers nothing once three seconds have passed without a word from the database', async () => {
    elapsed = 3_000;
    expect(feed.position()).toEqual(expect.any(Number));
    elapsed = 3_001;
    expect(() => feed.position()).toThrow('not available');
    await feed.poll();
    expect(feed.position()).toEqual(expect.any(Number));
  });

  it('confirms nothing that was committed after it had asked', async () => {
    const first = feed.confirm();
    await lock('app:late', 0);
    const [before, after] = await Promise.all([first, feed.confirm()]);
    expect(after).toBeGreaterThanOrEqual(before);
    const [newest] = await feed.after(after - 1, 1);
    expect(newest?.target).toBe('app:late');
  });

  it('tells each tenant that has something alive by the target: who acts there from another, and a key used in both', async () => {
    const held = async (id: string, tenant: string, end: number, more: object = {}) => {
      const row = { actors: '[]', lineage: [`tenant:${tenant}`], device_id: null, ...more };
      await owner.query(
        `INSERT INTO issued_token (token_id, format, tenant_id, app_id, subject, actors, attributes, resource,
           authorization_details, root_id, lineage, policy_digest, request_id, issued_at, expires_at, device_id)
         VALUES ($1, 'jwt', $2, 'a', 's', $3, '{}', 'r', '[]', $1, $4, 'd', 'q', $5, $6, $7)`,
        [id, tenant, row.actors, row.lineage, at(-60), at(end), row.device_id],
      );
    };
    const acted = (tenant: string) => ({
      actors: '[{"issuer":"i","subject":"s"}]',
      lineage: [`tenant:${tenant}`, 'tenant:acme', 'user:u_acts'],
    });
    await held('tk_alive', 'globex', 60, acted('globex'));
    await held('tk_ended', 'initech', -30, acted('initech'));
    await held('tk_device', 'globex', 60, { device_id: 'd_both' });
    await held('tk_device_ended', 'initech', -30, { device_id: 'd_both' });

    const from = await feed.poll();
    const ids = [
      await lock('user:u_acts', 0),
      await lock('device:d_both', 0),
      await lock('user:u_else', 0),
    ];
    await owner.query('UPDATE issued_token SET expires_at = issued_at');
    await owner.query('UPDATE lock SET lifted_at = $2 WHERE revocation_id = $1', [ids[0], at(1)]);
    await feed.poll();
    const told = await feed.after(from, 20);
    const names = told.map(({ target, tenantId, lifted }) => `${target} ${tenantId} ${lifted}`);
    expect(names.toSorted()).toEqual([
      'device:d_both acme false',
      'device:d_both globex false',
      'user:u_acts acme false',
      'user:u_acts acme true',
      'user:u_acts globex false',
      'user:u_acts globex true',
      'user:u_else acme false',
    ]);
    expect(told.map(({ position }) => position)).toEqual(told.map((_, place) => from + 1 + place));
  });

  it('numbers what is committed at once without gaps, in the order of the commits', async () => {
    const from = await feed.poll();
    const clients = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const client = new pg.Client({ connectionString: server.url });
        await client.connect();
        return client;
      }),
    );
    const seen: number[] = [];
    const stop = feed.subscribe(() => seen.push(feed.position()));
    const watching = setInterval(() => void feed.poll(), 2);
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 25; round += 1) await lock(`app:${round}`, 0, client);
        await client.end();
      }),
    );
    clearInterval(watching);
    await feed.poll();
    stop();
    const events = await feed.after(from, 1_000);
    expect(events.map(({ position }) => position)).toEqual(
      Array.from({ length: 200 }, (_, place) => from + 1 + place),
    );
    // A reader that never looks back has missed none.
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(from + 200);
    expect(new Set(events.map(({ revocationId }) => revocationId)).size).toBe(200);
  });

  it('writes no event for a lock that was rolled back', async () => {
    const from = await feed.poll();
    await owner.query('BEGIN');
    await lock('app:undone', 0);
    await owner.query('ROLLBACK');
    expect(await feed.poll()).toBe(from);
  });
});

describe('the listener', () => {
  it('hears of a revocation and a configuration, and comes back when its connection is cut', async () => {
    const heard = { daypass_revocation: 0, daypass_configuration: 0 };
    const errors: Error[] = [];
    const listener = createListener({
      url: server.url,
      channels: {
        daypass_revocation: () => {
          heard.daypass_revocation += 1;
        },
        daypass_configuration: () => {
          heard.daypass_configuration += 1;
        },
      },
      onConnectionError: (error) => errors.push(error),
    });
    await listener.start();
    expect(heard).toEqual({ daypass_revocation: 1, daypass_configuration: 1 }); // what it may have missed

    await lock('app:heard', 0);
    await eventually(() => heard.daypass_revocation === 2);
    await owner.query(
      `INSERT INTO configuration (digest, settings, plan, source, applied_by, applied_at) VALUES ('', '{}', '[]', '', '', now())`,
    );
    await eventually(() => heard.daypass_configuration === 2);

    await owner.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'daypass listener'`,
    );
    await eventually(() => heard.daypass_revocation === 3);
    expect(errors.length).toBeGreaterThan(0);
    await lock('app:heard again', 0);
    await eventually(() => heard.daypass_revocation === 4);
    await listener.stop();
  });

  it('goes on trying where there is no database, and stops when told', async () => {
    const errors: Error[] = [];
    const listener = createListener({
      url: 'postgresql://nobody@127.0.0.1:1/nothing',
      channels: { daypass_revocation: () => undefined },
      onConnectionError: (error) => errors.push(error),
    });
    await listener.start();
    await eventually(() => errors.length >= 2);
    await listener.stop();
    const { length } = errors;
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(errors.length).toBe(length);
  });
});
