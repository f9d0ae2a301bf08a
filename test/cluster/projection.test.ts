import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import {
  APPS,
  type Cluster,
  type Held,
  INSTANCES,
  type OfflineToken,
  openCluster,
} from './cluster.ts';
import { printFigures, sized, spread } from './figures.ts';
import { type Follower, follow, readStatus } from './verifiers.ts';

/**
 * What those learn of a revocation who do not ask the database: goal G3 is p50 ≤ 10 ms, p99 ≤ 50 ms and
 * max ≤ 250 ms on a machine of its own. Here it is measured and told; held is what is promised.
 */

const TRIALS = sized(1_000, 100);
const CUT_TRIALS = sized(200, 25);
const HELD_MS = sized(8_000, 4_000);
const HELD_TRIALS = 10;
/** Milliseconds after which nobody believes what was not confirmed: whoever follows has been told by then. */
const BELIEVED = 3_000;

let cluster: Cluster;
let followers: Follower[];
const proxies: CuttingProxy[] = [];
beforeAll(async () => {
  cluster = await openCluster({
    between: async (server, place) => {
      proxies[place] = await startCuttingProxy(server);
      return proxies[place].port;
    },
  });
  followers = await Promise.all(cluster.clients.map((_, place) => follow(cluster, place)));
});
afterAll(async () => {
  for (const follower of followers ?? []) follower.stop();
  await cluster?.stop();
  for (const proxy of proxies) await proxy.stop();
});

interface Delays {
  readonly list: number[];
  readonly feed: number[];
  /** How long the revocation took to be acknowledged. */
  readonly revoke: number[];
  /** Answers that did not know what had been acknowledged when they were asked for. */
  readonly stale: string[];
  /** Answers that said they could not tell. */
  unavailable: number;
}

const newDelays = (): Delays => ({ list: [], feed: [], revoke: [], stale: [], unavailable: 0 });

const print = (title: string, { list, feed, revoke, stale, unavailable }: Delays): void =>
  printFigures(`${title}: milliseconds after the acknowledgement`, [
    {
      'told by': 'status list, fetched then',
      ...spread(list),
      stale: stale.length,
      503: unavailable,
    },
    { 'told by': 'feed (negative: before it)', ...spread(feed) },
    { 'told by': 'the revocation itself took', ...spread(revoke) },
  ]);

/**
 * Revokes at one instance. At another the status list is read, at the third the feed is heard, by turns: whoever
 * reads a list has the instance ask the database, and its followers hear of that as well.
 */
const trial = async (n: number, delays: Delays, token: OfflineToken): Promise<void> => {
  const revoker = n % INSTANCES;
  const others = [1, 2].map((further) => (revoker + further) % INSTANCES);
  const [reads = 0, hears = 0] = Math.floor(n / INSTANCES) % 2 === 0 ? others : others.reverse();
  const asked = performance.now();
  await cluster.revoke(revoker, { token_id: token.id });
  const at = performance.now();
  delays.revoke.push(at - asked);
  const list = async (): Promise<void> => {
    const status = await readStatus(cluster, reads, token);
    delays.list.push(performance.now() - at);
    if (status === 503) delays.unavailable += 1;
    else if (status !== true) delays.stale.push(`${n} at ${reads}: ${status}`);
  };
  const feed = async (): Promise<void> => {
    delays.feed.push((await followers[hears]!.hear(token.id, BELIEVED)) - at);
  };
  await Promise.all([list(), feed()]);
  // Everybody is told, also where nobody looked at the clock.
  await Promise.all(followers.map((follower) => follower.hear(token.id, BELIEVED)));
};

const countsOf = (outcomes: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(outcomes.toSorted(), (outcome) => outcome)].map(([outcome, all]) => [
      outcome,
      all.length,
    ]),
  );

const faultsOf = (): string[] => followers.flatMap(({ faults }) => faults);

describe(`G3 ${TRIALS} revocations, as two other instances tell verifiers of them`, () => {
  const delays = newDelays();
  afterAll(() => print(`${TRIALS} revocations`, delays));

  it('a status list fetched after the acknowledgement holds it; the feed tells it, once and in order', async () => {
    let next = cluster.jwt(0);
    for (let n = 0; n < TRIALS; n += 1) {
      const token = await next;
      next = cluster.jwt(n);
      await trial(n, delays, token);
    }
    await next;
    expect(delays.stale).toEqual([]);
    expect(delays.feed).toHaveLength(TRIALS);
    expect(faultsOf()).toEqual([]);
    // Nobody was let go: all of it came over the streams that were opened at first.
    expect(followers.map(({ ends }) => ends())).toEqual(followers.map(() => 0));
  });
});

/** Everything that asks the database itself, at one instance, by a token that was revoked: `use 401`, or `use cut`. */
const usesOf = async (place: number, { token, key }: Held): Promise<string[]> => {
  const client = cluster.clients[place]!;
  const tries = [
    ['use', () => client.call('/objects', { token, key })],
    ['narrow', () => client.call('/exchange', { body: {}, token, key })],
  ] as const;
  return Promise.all(
    tries.map(async ([what, ask]) => {
      const answer = await ask().catch(() => undefined);
      return `${what} ${answer?.status ?? 'cut'}`;
    }),
  );
};

const acceptsIn = (outcomes: readonly string[]): string[] =>
  outcomes.filter((outcome) => / [23]/.test(outcome));

describe(`G3 the listeners are cut, again and again, during ${CUT_TRIALS} revocations`, () => {
  const delays = newDelays();
  const accepted: string[] = [];
  let cuts = 0;
  afterAll(() => print(`${CUT_TRIALS} revocations while ${cuts} listeners are cut`, delays));

  it('the feed and the lists tell within the bound, and nothing revoked is honoured', async () => {
    const owner = await cluster.rig.connect();
    let isCutting = true;
    const cutting = (async () => {
      while (isCutting) {
        const { rows } = await owner.query<{ cut: boolean }>(
          `SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity WHERE application_name = 'daypass listener'`,
        );
        cuts += rows.filter(({ cut }) => cut).length;
        await pause(20);
      }
    })();
    try {
      for (let n = 0; n < CUT_TRIALS; n += 1) {
        const [token, held] = await Promise.all([
          cluster.jwt(n),
          cluster.tokenOf(n, `cut-${n}`, APPS[n % APPS.length]!),
        ]);
        const uses = cluster.revoke(n, { token_id: held.id }).then(async () => {
          const tried = await Promise.all(cluster.clients.map((_, at) => usesOf(at, held)));
          accepted.push(...acceptsIn(tried.flat()));
        });
        await Promise.all([trial(n, delays, token), uses]);
      }
    } finally {
      isCutting = false;
      await cutting;
      await owner.end();
    }
    expect(cuts).toBeGreaterThanOrEqual(INSTANCES);
    expect(accepted).toEqual([]);
    expect(delays.stale).toEqual([]);
    expect(delays.feed).toHaveLength(CUT_TRIALS);
    expect(faultsOf()).toEqual([]);
  });
});

describe(`G3 one instance is parted from the database for ${HELD_MS / 1000} s`, () => {
  const PARTED = INSTANCES - 1;
  const told: number[] = [];
  const outcomes = { during: [] as string[], after: [] as string[] };
  afterAll(() => {
    printFigures(`One instance is parted for ${HELD_MS / 1000} s, ${HELD_TRIALS} revocations`, [
      { asked: 'meanwhile', ...countsOf(outcomes.during) },
      { asked: 'when it is back', ...countsOf(outcomes.after) },
    ]);
    printFigures('From the end of the partition to the feed, in milliseconds', [spread(told)]);
  });

  it('it honours nothing that was revoked meanwhile, and tells all of it when it is back', async () => {
    const hands = await Promise.all(
      Array.from({ length: HELD_TRIALS }, async (_, n) => ({
        held: await cluster.tokenOf(n, `parted-${n}`, APPS[n % APPS.length]!),
        offline: await cluster.jwt(n),
      })),
    );
    // One that nobody revokes: where it is refused as well, it is not the revocation that refuses.
    const alive = await cluster.tokenOf(PARTED, 'spared', APPS[0]);
    proxies[PARTED]!.hold(true);
    const began = performance.now();

    /** At the parted instance, by what has been revoked: it may refuse, or say that it cannot tell. */
    const probe = async (phase: keyof typeof outcomes): Promise<void> => {
      await Promise.all(
        hands.map(async ({ held, offline }) => {
          const [used, listed] = await Promise.all([
            usesOf(PARTED, held),
            readStatus(cluster, PARTED, offline).catch(() => 'cut'),
          ]);
          const list = { true: 'revoked', false: 'alive' }[String(listed)] ?? listed;
          outcomes[phase].push(...used, `list ${list}`);
        }),
      );
    };

    for (const [n, { held, offline }] of hands.entries()) {
      await cluster.revoke(n % PARTED, { token_id: held.id });
      await cluster.revoke(n % PARTED, { token_id: offline.id });
    }
    while (performance.now() - began < HELD_MS) await probe('during');
    expect([...followers[PARTED]!.told.keys()]).not.toContain(hands[0]!.offline.id);

    proxies[PARTED]!.hold(false);
    const back = performance.now();
    const heard = hands.map(({ offline }) =>
      followers[PARTED]!.hear(offline.id, BELIEVED + HELD_MS),
    );
    await probe('after');
    for (const at of await Promise.all(heard)) told.push(at - back);
    await probe('after');

    const all = [...outcomes.during, ...outcomes.after];
    expect(acceptsIn(all)).toEqual([]);
    expect(all).not.toContain('list alive');
    expect(faultsOf()).toEqual([]);
    // Parted it was, and back it is.
    expect(outcomes.during).toContain('use 503');
    expect(outcomes.after).toEqual(
      expect.arrayContaining(['use 401', 'narrow 401', 'list revoked']),
    );
    const client = cluster.clients[PARTED]!;
    const spared = await client.call('/objects', { token: alive.token, key: alive.key });
    expect(spared.status).toBe(200);
  });
});
