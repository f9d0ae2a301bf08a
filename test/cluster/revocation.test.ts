import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import {
  APPS,
  type Cluster,
  type Held,
  INSTANCES,
  mustBe,
  openCluster,
  placeObject,
  type Target,
  ticketFor,
  UPLOAD,
} from './cluster.ts';
import { printFigures, sized, spread } from './figures.ts';

const TRIALS = sized(1_000, 60);

/** Hands made ready while earlier trials run: fewer than there are apps, so that none is of an app being revoked. */
const AHEAD = 3;

/** Everything somebody had in hand when it was taken away. */
interface Hand extends Held {
  readonly idToken: string;
  readonly userId: string;
  readonly app: string;
  readonly ticket: string;
}

let cluster: Cluster;
/** Milliseconds from the acknowledgement to a refusal, by instance counted from the one that revoked. */
const delays: number[][] = Array.from({ length: INSTANCES }, () => []);
const accepted: string[] = [];
const odd = new Map<string, number>();
const acknowledged: number[] = [];

beforeAll(async () => {
  cluster = await openCluster();
});
afterAll(async () => {
  printFigures(
    `Revocation, from the acknowledgement to the refusal in milliseconds: ${accepted.length} accepted after it`,
    delays.map((each, away) => ({
      instance: away === 0 ? 'that revoked' : `other ${away}`,
      ...spread(each),
    })),
  );
  printFigures('The revocation itself, in milliseconds', [spread(acknowledged)]);
  await cluster?.stop();
});

const handOf = async (trial: number): Promise<Hand> => {
  const client = cluster.clients[trial % INSTANCES]!;
  const app = APPS[trial % APPS.length]!;
  const subject = `holder-${trial}`;
  const held = await cluster.tokenOf(trial, subject, app);
  const objectId = await placeObject(client, held);
  const [row] = await cluster.rig.ask<{ user_id: string }>(
    'SELECT user_id FROM issued_token WHERE token_id = $1',
    [held.id],
  );
  return {
    ...held,
    app,
    idToken: cluster.signIn(subject, app),
    userId: row!.user_id,
    ticket: await ticketFor(client, held, objectId),
  };
};

const KINDS = ['token', 'app', 'user'] as const;

const targetOf = (kind: (typeof KINDS)[number], hand: Hand): Target => {
  if (kind === 'token') return { token_id: hand.id };
  return kind === 'app' ? { app_id: hand.app } : { user_id: hand.userId };
};

interface Attempt {
  readonly what: string;
  readonly status: number;
  readonly error: unknown;
  readonly place: number;
  readonly at: number;
}

/** All that can be tried at one instance with what was in hand. */
const attemptsAt = (
  place: number,
  kind: (typeof KINDS)[number],
  hand: Hand,
): Promise<Attempt>[] => {
  const client = cluster.clients[place]!;
  const { token, key } = hand;
  const tries: [string, () => Promise<Pick<Answer, 'status' | 'body'>>][] = [
    ['narrow', () => client.call('/exchange', { body: {}, token, key })],
    ['use', () => client.call('/objects', { token, key })],
    ['upload', () => client.call('/request-upload', { body: UPLOAD, token, key })],
    ['redeem', () => redeem(place, hand.ticket)],
  ];
  // A token that was taken back says nothing of the sign-in it came from.
  if (kind !== 'token') tries.push(['issue', () => cluster.exchange(place, hand.idToken, key)]);
  return tries.map(async ([what, ask]) => {
    const { status, body } = await ask();
    return { what, status, error: body.error, place, at: performance.now() };
  });
};

const redeem = async (place: number, path: string): Promise<Pick<Answer, 'status' | 'body'>> => {
  const answer = await fetch(`${cluster.rig.brokers[place]!.contentUrl}${path}`);
  const text = await answer.text();
  return { status: answer.status, body: answer.ok ? {} : JSON.parse(text) };
};

const DUE: Readonly<Record<string, string>> = {
  narrow: '401 invalid_token',
  use: '401 invalid_token',
  upload: '401 invalid_token',
  redeem: '410 gone',
  issue: '403 access_denied',
};

const judge = (trial: string, acknowledgedAt: number, revoker: number, tried: Attempt): void => {
  const { what, status, error, place, at } = tried;
  if (status < 400) accepted.push(`${trial}: ${what} at ${place}`);
  const answer = `${status} ${String(error)}`;
  if (answer !== DUE[what]) odd.set(`${what} ${answer}`, (odd.get(`${what} ${answer}`) ?? 0) + 1);
  delays[(place - revoker + INSTANCES) % INSTANCES]!.push(at - acknowledgedAt);
};

describe(`G3 T19 in ${TRIALS} trials, token, app and user by turns, revoked at one instance`, () => {
  beforeAll(async () => {
    const ahead = new Map<number, Promise<Hand>>();
    for (let trial = 0; trial < TRIALS; trial += 1) {
      for (let next = trial; next <= trial + AHEAD && next < TRIALS; next += 1) {
        if (!ahead.has(next)) ahead.set(next, handOf(next));
      }
      const kind = KINDS[trial % KINDS.length]!;
      const revoker = Math.floor(trial / KINDS.length) % INSTANCES;
      const hand = (await ahead.get(trial))!;
      const asked = performance.now();
      const receipt = await cluster.revoke(revoker, targetOf(kind, hand));
      const at = performance.now();
      acknowledged.push(at - asked);
      const places = Array.from({ length: INSTANCES }, (_, n) => (revoker + n + 1) % INSTANCES);
      const tried = await Promise.all(places.flatMap((place) => attemptsAt(place, kind, hand)));
      for (const attempt of tried) judge(`${trial} (${kind})`, at, revoker, attempt);
      // The next trial wants its app again.
      if (kind === 'app') {
        mustBe(204, await cluster.lift(revoker, String(receipt.body.revocation_id)));
      }
    }
  });

  it('nothing is issued, narrowed, used, uploaded or redeemed anywhere after the acknowledgement', () => {
    expect(delays.map(({ length }) => length > TRIALS)).toEqual(delays.map(() => true));
    expect(accepted).toEqual([]);
  });

  it('each refusal says what it should, and no instance fails', () => {
    expect(Object.fromEntries(odd)).toEqual({});
  });

  it('the database has nothing that was issued after the revocation of what it came from', async () => {
    const late = await cluster.rig.ask(
      `SELECT t.token_id, l.revocation_id FROM issued_token AS t JOIN lock AS l ON l.target = ANY (t.lineage)
       WHERE t.issued_at > l.effective_at AND (l.lifted_at IS NULL OR t.issued_at < l.lifted_at)`,
    );
    expect(late).toEqual([]);
  });
});
