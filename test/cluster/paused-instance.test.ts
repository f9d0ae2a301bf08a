import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import { createClient, newKey } from '../support/client.ts';
import {
  APPS,
  type Cluster,
  EXCHANGE,
  type Held,
  INSTANCES,
  type OfflineToken,
  openCluster,
  UPLOAD,
} from './cluster.ts';
import { printFigures, sized } from './figures.ts';
import { readStatus } from './verifiers.ts';

const STANDSTILL_MS = sized(30_000, 5_000);
const HANDS = 12;
/** Rounds of asking again, until it answers what was not revoked: to begin with it may say 503. */
const ROUNDS = 20;
/** The one that stands still. */
const ZOMBIE = INSTANCES - 1;
/** Revoked through another while it stands still, or left alone: without those, a broken instance would pass. */
const FATES = ['token', 'user', 'app', 'nothing'] as const;
type Fate = (typeof FATES)[number];

interface Hand extends Held {
  readonly fate: Fate;
  readonly idToken: string;
}

interface Outcome {
  readonly fate: Fate;
  readonly what: string;
  readonly answer: string;
}

let cluster: Cluster;
let hands: Hand[];
/** Sent while it stood still, before anything was revoked: they lay in its sockets. */
let buffered: Outcome[];
/** Sent the moment it went on. */
let after: Outcome[];
/** Of the app that was taken from the configuration meanwhile. */
let configured: Outcome[];
/** What its status list, which it had before it stood still, said of a token that was revoked meanwhile. */
const listed: (boolean | number | 'cut')[] = [];
const readList = async (token: OfflineToken): Promise<void> => {
  listed.push(await readStatus(cluster, ZOMBIE, token).catch(() => 'cut' as const));
};

/** Apps that are revoked, and one that is taken from the configuration; the others are left alone. */
const [LEFT_ALONE, BLOCKED, REMOVED] = APPS;

beforeAll(async () => {
  cluster = await openCluster();
  hands = await Promise.all(
    Array.from({ length: HANDS }, async (_, n): Promise<Hand> => {
      const fate = FATES[n % FATES.length]!;
      const app = fate === 'app' ? BLOCKED : LEFT_ALONE;
      const held = await cluster.tokenOf(n, `paused-${n}`, app);
      return { ...held, fate, idToken: cluster.signIn(`paused-${n}`, app) };
    }),
  );
  const removed = {
    ...(await cluster.tokenOf(0, 'removed', REMOVED)),
    fate: 'app' as const,
    idToken: cluster.signIn('removed', REMOVED),
  };
  // Warm: so that the zombie believes what it knew, and its connections are open.
  await Promise.all(hands.map((hand) => Promise.all(triesOf(hand))));
  const offline = await cluster.jwt(0);
  expect(await readStatus(cluster, ZOMBIE, offline)).toBe(false);

  const zombie = cluster.rig.brokers[ZOMBIE]!;
  // Connections that are open when it stops are idle too long when it goes on, and are cut with what lies in
  // them. By another name of the same address requests come on connections that it has yet to accept.
  const unconnected = createClient(zombie.url.replace('localhost', '127.0.0.1'), cluster.issuer);
  await unconnected.call('/exchange', { body: {}, headers: { dpop: 'none' } }); // for its nonce
  await zombie.suspend();
  const stood = performance.now();
  const waiting = hands.flatMap((hand) => [...triesOf(hand), ...triesOf(hand, unconnected)]);
  const waitingRemoved = triesOf(removed);
  const waitingList = readList(offline);
  await pause(500); // long enough for what was sent to lie there
  await revokeAll();
  await cluster.revoke(0, { token_id: offline.id });
  await withoutApp();
  await pause(Math.max(0, STANDSTILL_MS - (performance.now() - stood)));
  zombie.resume();
  const fresh = [...hands, removed].flatMap((hand) => triesOf(hand));
  await Promise.all([waitingList, readList(offline)]);
  buffered = await Promise.all(waiting);
  after = await Promise.all(fresh.slice(0, -4));
  configured = await Promise.all([...waitingRemoved, ...fresh.slice(-4)]);
  for (let round = 0; round < ROUNDS && accepted(after, false).length === 0; round += 1) {
    await pause(250);
    after.push(...(await Promise.all(hands.flatMap((hand) => triesOf(hand)))));
    configured.push(...(await Promise.all(triesOf(removed))));
  }
  for (let round = 0; round < ROUNDS && !listed.includes(true); round += 1) {
    await pause(250);
    await readList(offline);
  }
});
afterAll(async () => {
  const row = (what: string, outcomes: readonly Outcome[] = []) => ({
    requests: what,
    sent: outcomes.length,
    'of revoked, accepted': accepted(outcomes, true).length,
    'of revoked, refused': outcomes.filter((one) => isDead(one) && /^4/.test(one.answer)).length,
    'of others, accepted': accepted(outcomes, false).length,
    'answered 503': outcomes.filter(({ answer }) => answer.startsWith('503')).length,
    cut: outcomes.filter(({ answer }) => answer === 'cut').length,
  });
  printFigures(`One instance stands still for ${STANDSTILL_MS / 1000} s`, [
    row('in its sockets meanwhile', buffered),
    row('from the moment it went on', after),
    row('of an app that was removed', configured),
  ]);
  await cluster?.stop();
});

const isDead = ({ fate }: Outcome): boolean => fate !== 'nothing';

const accepted = (outcomes: readonly Outcome[], dead: boolean): readonly Outcome[] =>
  outcomes.filter((one) => isDead(one) === dead && one.answer.startsWith('2'));

const triesOf = (hand: Hand, client = cluster.clients[ZOMBIE]!): Promise<Outcome>[] => {
  const { fate, token, key } = hand;
  const tries: [string, () => Promise<Answer>][] = [
    ['narrow', () => client.call('/exchange', { body: {}, token, key })],
    ['use', () => client.call('/objects', { token, key })],
    ['upload', () => client.call('/request-upload', { body: UPLOAD, token, key })],
  ];
  // A token that was taken back says nothing of the sign-in it came from.
  if (fate !== 'token')
    tries.push([
      'issue',
      () => client.call('/exchange', { body: EXCHANGE, token: hand.idToken, key, bound: false }),
    ]);
  return tries.map(async ([what, ask]) => {
    const answer = await ask().catch(() => undefined);
    const text = answer ? `${answer.status} ${String(answer.body.error ?? '')}`.trim() : 'cut';
    return { fate, what, answer: text };
  });
};

const revokeAll = async (): Promise<void> => {
  await cluster.revoke(0, { app_id: BLOCKED });
  const rows = await cluster.rig.ask<{ token_id: string; user_id: string }>(
    'SELECT token_id, user_id FROM issued_token WHERE token_id = ANY ($1)',
    [hands.map(({ id }) => id)],
  );
  const users = new Map(rows.map(({ token_id, user_id }) => [token_id, user_id]));
  for (const [n, { id, fate }] of hands.entries()) {
    if (fate === 'token') await cluster.revoke(n % ZOMBIE, { token_id: id });
    if (fate === 'user') await cluster.revoke(n % ZOMBIE, { user_id: users.get(id) ?? '' });
  }
};

const withoutApp = (): Promise<Answer> =>
  cluster.reconfigure(0, {
    ...cluster.document,
    issuers: cluster.document.issuers?.map((issuer) => ({
      ...issuer,
      audiences: issuer.audiences.filter((audience) => audience !== REMOVED),
    })),
    apps: cluster.document.apps?.filter(({ id }) => id !== REMOVED),
  });

describe(`G10 an instance that stands still for ${STANDSTILL_MS / 1000} s and goes on`, () => {
  it('honours nothing that was revoked meanwhile, nor what lay in its sockets', () => {
    expect(accepted(buffered, true)).toEqual([]);
    expect(accepted(after, true)).toEqual([]);
  });

  it('answers what lay there and was not revoked: it is the revocation that refuses', () => {
    expect(accepted(buffered, false).length).toBeGreaterThan(0);
    const refused = buffered.filter((one) => isDead(one) && /^40[13] /.test(one.answer));
    expect(refused.length).toBeGreaterThan(0);
    expect(accepted(after, false).length).toBeGreaterThan(0);
  });

  it('honours no app that was taken from the configuration meanwhile', () => {
    expect(configured.filter(({ answer }) => answer.startsWith('2'))).toEqual([]);
    expect(configured.some(({ answer }) => /^4/.test(answer))).toBe(true);
  });

  it('tells by the status list it had of what was revoked meanwhile, or tells nothing', () => {
    expect(listed).toContain(true);
    expect(listed).not.toContain(false);
  });

  it('is the equal of the others again', async () => {
    const key = newKey();
    const idToken = cluster.signIn('newcomer', LEFT_ALONE);
    expect((await cluster.exchange(ZOMBIE, idToken, key)).status).toBe(200);
  });
});
