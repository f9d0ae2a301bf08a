import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import {
  createRevocationFeed,
  type LocalRevocationFeed,
} from '../../../src/ledger/postgres/revocation-feed.ts';
import {
  createRevokedPlaces,
  type RevokedPlaces,
} from '../../../src/ledger/postgres/revoked-places.ts';
import { createStatusLists } from '../../../src/ledger/postgres/status-lists.ts';
import { isRevoked } from '../../../src/ledger/postgres/token-lookups.ts';
import { LIST_SIZE, type StatusLists } from '../../../src/ledger/status-lists.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let database: Database;
let owner: pg.Client;
let feed: LocalRevocationFeed;
beforeAll(async () => {
  server = await freshDatabase();
  database = openDatabase({ url: server.url, onConnectionError: () => undefined });
  owner = new pg.Client({ connectionString: server.url });
  owner.on('error', () => undefined);
  await owner.connect();
  await database.$queryRaw`SELECT 1`; // a first connection may take longer than a feed waits
}, 60_000);
afterAll(async () => {
  await owner?.end();
  await database?.$disconnect();
  await server?.drop();
});

const START = 1_790_000_000_000;
let time = START;
let list = 0;
/** Each test has a list, and a feed, to itself. */
beforeEach(() => {
  list += 1;
  feed = createRevocationFeed(database, { elapsed: () => 0 });
});
const at = (seconds: number): Date => new Date(time + seconds * 1000);

let count = 0;
/** A token with a place in the list; `place` counts from the list's start. */
const issue = async (
  place: number,
  lineage: readonly string[] = [],
  { issued = 0, lives = 900, of = list } = {},
): Promise<string> => {
  count += 1;
  const id = `tk_${count}`;
  await owner.query(
    `INSERT INTO issued_token (token_id, format, tenant_id, app_id, subject, actors, attributes, resource, scopes,
       authorization_details, root_id, lineage, policy_digest, policies, request_id, issued_at, expires_at, status_index)
     VALUES ($1, 'jwt', 'acme', 'a', 's', '[]', '{}', 'r', '{}', '[]', $1, $2, 'd', '{}', 'q', $3, $4, $5)`,
    [id, [...lineage, `token:${id}`], at(issued), at(issued + lives), of * LIST_SIZE + place],
  );
  return id;
};

/** A lock as any release writes one. */
const revoke = async (target: string, seconds = 0): Promise<string> => {
  count += 1;
  const id = `rv_${count}`;
  await owner.query(`INSERT INTO lock VALUES ($1, $2, 'acme', false, 'r', '{}', '[]', $3, 'u')`, [
    id,
    target,
    at(seconds),
  ]);
  return id;
};

/** What the lists asked the database for, beside whether there was more to tell. */
let asked: string[] = [];
const noting =
  <Given extends unknown[], Answer>(what: string, ask: (...given: Given) => Answer) =>
  (...given: Given): Answer => {
    asked.push(what);
    return ask(...given);
  };
const places = (): RevokedPlaces => {
  const real = createRevokedPlaces(database);
  return {
    someEnd: noting('someEnd', real.someEnd),
    revocationsSince: noting('revocationsSince', real.revocationsSince),
    killedBy: noting('killedBy', real.killedBy),
  };
};
const open = (changed: Partial<RevokedPlaces> = {}): StatusLists => {
  asked = [];
  return createStatusLists({
    feed,
    places: { ...places(), ...changed },
    now: () => new Date(time),
  });
};

/** The places whose bits are set; undefined where there is no list. */
const revokedIn = async (lists: StatusLists, of = list): Promise<number[] | undefined> => {
  const read = await lists.read(of);
  if (!read) return undefined;
  return Array.from(read.bits.entries())
    .filter(([, byte]) => byte !== 0)
    .flatMap(([at, byte]) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => at * 8 + bit),
    );
};

describe('status lists as an instance keeps them', () => {
  it('hold what a revocation has killed, by whatever it descends from, and nothing else', async () => {
    const kinds = ['app', 'user', 'device', 'issuer', 'tenant', 'key', 'grant', 'session', 'token'];
    const lineage = (n: number): string[] => kinds.map((kind) => `${kind}:${list}-${n}`);
    const lists = open();
    for (const [n] of kinds.entries()) await issue(n, lineage(n));
    await issue(100);
    expect(await revokedIn(lists)).toEqual([]);
    for (const [n, kind] of kinds.entries()) {
      await revoke(`${kind}:${list}-${n}`);
      const killed = kinds.slice(0, n + 1).map((_, place) => place);
      expect(await revokedIn(lists)).toEqual(killed);
      expect(await revokedIn(open())).toEqual(killed); // as after a restart
    }
  });

  it('say the same as every other door, whatever was revoked when, and lifted', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const names = Array.from({ length: 12 }, (_, n) => `user:${list}-${n}`);
    const lists = open();
    const ids: string[] = [];
    for (let step = 0; step < 160; step += 1) {
      const lineage = names.filter(() => random(6) === 0);
      ids.push(await issue(step, lineage, { issued: random(100) - 100 }));
      if (step % 8 !== 0) continue;
      const id = await revoke(names[random(12)]!, random(140) - 120);
      if (random(3) === 0)
        await owner.query('UPDATE lock SET lifted_at = $2 WHERE revocation_id = $1', [id, at(0)]);
      await revoke(`token:${ids[random(ids.length)]}`);
      await revokedIn(lists);
    }
    time += 60_000; // all has settled
    const { rows } = await owner.query<{ place: string }>(
      `SELECT status_index - $1::bigint AS place FROM issued_token AS t
       WHERE token_id = ANY ($2) AND ${isRevoked('t')} ORDER BY 1`,
      [list * LIST_SIZE, ids],
    );
    const dead = rows.map(({ place }) => Number(place));
    expect(dead.length).toBeGreaterThan(20);
    expect(dead.length).toBeLessThan(140);
    expect(await revokedIn(lists)).toEqual(dead);
    expect(await revokedIn(open())).toEqual(dead);
  });

  it('ask for nothing that is known: not how many tokens there are, nor what was revoked before', async () => {
    const lists = open();
    const id = await issue(1);
    await revokedIn(lists);
    expect(asked).toEqual(['someEnd', 'revocationsSince', 'killedBy']);
    asked = [];
    const before = await lists.read(list);
    const version = before?.version;
    await issue(2);
    expect((await lists.read(list))?.version).toBe(version);
    expect(asked).toEqual([]);

    await revoke(`token:${id}`);
    expect((await lists.read(list))?.version).not.toBe(version);
    expect(asked).toEqual(['killedBy']);
    const changed = (await lists.read(list))?.version;
    await revoke('token:of-another-list');
    expect((await lists.read(list))?.version).toBe(changed);
    expect(asked).toEqual(['killedBy', 'killedBy']);
  });

  it('hold a token that was on its way when it was revoked, once such are on record', async () => {
    const lists = open();
    await issue(1);
    await revokedIn(lists);
    await revoke(`app:${list}-late`);
    expect(await revokedIn(lists)).toEqual([]);
    await issue(2, [`app:${list}-late`]);
    time += 10_000;
    expect(await revokedIn(lists)).toEqual([2]);
    asked = [];
    time += 10_000;
    expect(await revokedIn(lists)).toEqual([2]);
    expect(asked).toEqual([]); // nobody looks a third time
  });

  it('hold what is told while they are being read', async () => {
    const ids = [await issue(1), await issue(2)];
    const real = createRevokedPlaces(database);
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const lists = open({
      revocationsSince: async (...of) => {
        const found = await real.revocationsSince(...of);
        begun.resolve();
        await promise;
        return found;
      },
    });
    await revoke(`token:${ids[0]}`);
    const reading = revokedIn(lists);
    await begun.promise;
    await revoke(`token:${ids[1]}`);
    const after = revokedIn(lists);
    await feed.poll();
    resolve();
    expect(await after).toEqual([1, 2]);
    await reading;
  });

  it('are there while a token of theirs lives, and anew when there is one again', async () => {
    const lists = open();
    expect(await revokedIn(lists)).toBeUndefined();
    await issue(1, [], { lives: 60 });
    expect(await revokedIn(lists)).toEqual([]);
    await issue(2, [], { lives: 120 });
    time += 61_000;
    expect(await revokedIn(lists)).toEqual([]);
    time += 60_000;
    expect(await revokedIn(lists)).toBeUndefined();
    await issue(3);
    expect(await revokedIn(lists)).toEqual([]);
  });

  it('are not answered where the database cannot be asked, and are whole when it can be again', async () => {
    const real = createRevokedPlaces(database);
    const down = { feed: false, since: true, killedBy: false };
    const failing = { status: 503 };
    const refuse = () => Promise.reject(Object.assign(new Error('down'), failing));
    const flaky = {
      feed: {
        subscribe: feed.subscribe,
        confirm: () => (down.feed ? refuse() : feed.confirm()),
      },
      places: {
        ...real,
        revocationsSince: (...of: Parameters<RevokedPlaces['revocationsSince']>) =>
          down.since ? refuse() : real.revocationsSince(...of),
        killedBy: (...of: Parameters<RevokedPlaces['killedBy']>) =>
          down.killedBy ? refuse() : real.killedBy(...of),
      },
    };
    const lists = createStatusLists({ ...flaky, now: () => new Date(time) });
    const ids = [await issue(1), await issue(2), await issue(3)];
    await revoke(`token:${ids[0]}`);
    await expect(lists.read(list)).rejects.toMatchObject(failing);
    down.since = false;
    expect(await revokedIn(lists)).toEqual([1]);

    // What a revocation killed cannot be looked for: the list is read anew, or not answered.
    down.killedBy = true;
    down.since = true;
    await revoke(`token:${ids[1]}`);
    await expect(lists.read(list)).rejects.toMatchObject(failing);
    down.killedBy = false;
    down.since = false;
    expect(await revokedIn(lists)).toEqual([1, 2]);

    down.feed = true;
    await revoke(`token:${ids[2]}`);
    await expect(lists.read(list)).rejects.toMatchObject(failing);
    down.feed = false;
    expect(await revokedIn(lists)).toEqual([1, 2, 3]);
  });
});
