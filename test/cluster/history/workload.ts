import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from '../../support/client.ts';
import { newKey } from '../../support/client.ts';
import type { ProofKey } from '../../support/dpop.ts';
import { APPS, type Cluster, INSTANCES } from '../cluster.ts';
import type { Kept, KeptRevocation, Operation, Outcome, Target } from './history.ts';
import { seeded } from './random.ts';

export interface WorkloadOptions {
  /** How many operations are to be answered, at least; what is under way then is let end. */
  readonly operations: number;
  readonly workers: number;
  /** What each worker does, though not when: that is the race's. */
  readonly seed: number;
  /** Milliseconds, as a bound. */
  readonly longest: number;
}

export interface Workload {
  readonly history: readonly Operation[];
  /** How many of them were granted or refused. */
  answered(): number;
  /** It ends when there are enough operations, and not before this was called. */
  mayEnd(): void;
  /** How often each answer came that is neither a grant nor a refusal for what was revoked. */
  readonly unexpected: ReadonlyMap<string, number>;
  readonly done: Promise<void>;
}

/** A token in somebody's hands, and the key that it is bound to. */
interface InHand {
  readonly id: string;
  readonly value: string;
  readonly key: ProofKey;
  readonly user: string;
}

/** A block that somebody is to lift. */
interface Blocked {
  readonly revocation: string;
}

/** Clients of many people and apps at once, each with whatever comes next, at whatever instance. */
export const startWorkload = (cluster: Cluster, options: WorkloadOptions): Workload => {
  const history: Operation[] = [];
  const unexpected = new Map<string, number>();
  const inHand: InHand[] = [];
  const blocked: Blocked[] = [];
  /** Names of people by what they sign in as; known once they were issued something. */
  const userIds = new Map<string, string>();
  let people = 0;
  let answered = 0;
  let mayEnd = false;
  const until = performance.now() + options.longest;

  /** Asks, and writes down what came of it, from before it was sent to after it was answered. */
  const observe = async <Told extends object>(
    told: (answer: Answer | undefined, outcome: Outcome) => Told,
    ask: () => Promise<Answer>,
  ): Promise<Told & { began: number; ended: number; outcome: Outcome }> => {
    const began = performance.now();
    const answer = await ask().catch(() => undefined);
    const outcome = outcomeOf(answer);
    const ended = outcome === 'unknown' ? Number.POSITIVE_INFINITY : performance.now();
    if (answer && !isExpected(answer)) {
      const name = `${answer.status} ${String(answer.body.error)}`;
      unexpected.set(name, (unexpected.get(name) ?? 0) + 1);
    }
    if (outcome === 'unknown') await pause(20); // an instance that is down: not a race to it
    return { ...told(answer, outcome), began, ended, outcome };
  };

  const keep = (answer: Answer | undefined, key: ProofKey, user: string): { token?: string } => {
    if (answer?.status !== 200) return {};
    const { access_token: value, token_id: id } = answer.body as Record<string, string>;
    inHand.push({ id: id!, value: value!, key, user });
    // The oldest are let go, as clients do.
    if (inHand.length > 300) inHand.shift();
    return { token: id! };
  };

  const issue = async (place: number, random: () => number): Promise<Operation> => {
    // Of few people much is issued at once; new ones come as others are blocked for good.
    const user = `person-${people - Math.floor(random() * 12)}`;
    const app = pick(APPS, random);
    const key = newKey();
    const signedInAt = performance.now();
    const idToken = cluster.signIn(user, app);
    const told = (answer: Answer | undefined) => ({
      kind: 'issue' as const,
      place,
      user,
      app,
      signedInAt,
      ...keep(answer, key, user),
    });
    return observe(told, () => cluster.exchange(place, idToken, key));
  };

  const derive = (place: number, held: InHand): Promise<Operation> =>
    observe(
      (answer) => ({
        kind: 'derive' as const,
        place,
        parent: held.id,
        ...keep(answer, held.key, held.user),
      }),
      () => call(place, held, '/exchange', {}),
    );

  const use = (place: number, held: InHand): Promise<Operation> =>
    observe(
      () => ({ kind: 'use' as const, place, token: held.id }),
      () => call(place, held, '/objects'),
    );

  const call = (place: number, held: InHand, path: string, body?: object): Promise<Answer> =>
    cluster.clients[place]!.call(path, {
      token: held.value,
      key: held.key,
      ...(body !== undefined && { body }),
    });

  const revoke = async (
    place: number,
    held: InHand,
    random: () => number,
  ): Promise<Operation | undefined> => {
    const kind = random();
    if (kind < 0.8) return revocationOf(place, `token:${held.id}`, { token_id: held.id }, false);
    if (kind < 0.92) {
      const userId = userIds.get(held.user) ?? (await userIdOf(cluster, held.id));
      if (userId === undefined) return undefined;
      userIds.set(held.user, userId);
      people += 1;
      return revocationOf(place, `user:${held.user}`, { user_id: userId }, random() < 0.7);
    }
    // Never all of them at once, or nothing would be left to race with.
    if (blocked.length >= 2) return undefined;
    const app = pick(APPS, random);
    return revocationOf(place, `app:${app}`, { app_id: app }, true);
  };

  const revocationOf = (
    place: number,
    target: Target,
    named: Parameters<Cluster['revoke']>[1],
    block: boolean,
  ): Promise<Operation> =>
    observe(
      (answer) => {
        const revocation = answer?.body.revocation_id as string | undefined;
        if (block && revocation !== undefined) blocked.push({ revocation });
        return {
          kind: 'revoke' as const,
          place,
          target,
          block,
          ...(revocation !== undefined && { revocation }),
        };
      },
      () => cluster.revoke(place, named, block),
    );

  const lift = (place: number, { revocation }: Blocked): Promise<Operation> =>
    observe(
      (answer) => {
        if (answer === undefined || answer.status >= 500) blocked.push({ revocation }); // once more
        return { kind: 'lift' as const, place, revocation };
      },
      () => cluster.lift(place, revocation),
    );

  const next = (random: () => number): Promise<Operation | undefined> => {
    const place = Math.floor(random() * INSTANCES);
    const held = pick(inHand, random);
    const what = random();
    if (held === undefined || what < 0.3) return issue(place, random);
    if (what < 0.6) return use(place, held);
    if (what < 0.85) return derive(place, held);
    if (what < 0.95) return revoke(place, held, random);
    const block = blocked.shift();
    return block ? lift(place, block) : use(place, held);
  };

  const work = async (worker: number): Promise<void> => {
    const random = seeded(options.seed * 1_000 + worker);
    const isWanted = (): boolean =>
      !(mayEnd && answered >= options.operations) &&
      performance.now() < until &&
      !cluster.rig.over.aborted;
    while (isWanted()) {
      const operation = await next(random);
      if (!operation) continue;
      history.push(operation);
      if (operation.outcome !== 'unknown') answered += 1;
    }
  };
  const workers = Array.from({ length: options.workers }, (_, worker) => work(worker));
  return {
    history,
    unexpected,
    answered: () => answered,
    mayEnd: () => {
      mayEnd = true;
    },
    done: Promise.all(workers).then(() => undefined),
  };
};

const pick = <Item>(items: readonly Item[], random: () => number): Item =>
  items[Math.floor(random() * items.length)] as Item;

/** A lift that had happened already, unheard, is answered 404: it says nothing new. */
const outcomeOf = (answer: Answer | undefined): Outcome => {
  if (answer === undefined || answer.status >= 500 || answer.status === 404) return 'unknown';
  return answer.status < 300 ? 'granted' : 'refused';
};

const isExpected = ({ status, body }: Answer): boolean => {
  if (status < 300 || status === 404) return true;
  const { error } = body;
  return (
    (status === 401 && error === 'invalid_token') ||
    (status === 403 && error === 'access_denied') ||
    (status === 503 && error === 'temporarily_unavailable')
  );
};

const userIdOf = async (cluster: Cluster, tokenId: string): Promise<string | undefined> => {
  const [row] = await cluster.rig.ask<{ user_id: string }>(
    'SELECT user_id FROM issued_token WHERE token_id = $1',
    [tokenId],
  );
  return row?.user_id;
};

/** What the database holds of it, with people by what they sign in as. */
export const readKept = async (cluster: Cluster): Promise<Kept> => {
  const { ask } = cluster.rig;
  const tokens = await ask<{
    token: string;
    parent: string | null;
    user: string;
    app: string;
    events: string;
  }>(
    `SELECT t.token_id AS token, t.parent_id AS parent, t.subject AS user, t.app_id AS app, count(a.event_id) AS events
     FROM issued_token AS t LEFT JOIN audit_event AS a
       ON a.token_id = t.token_id AND a.action = 'token.issue' AND a.outcome = 'granted'
     WHERE t.app_id = ANY ($1) GROUP BY t.token_id`,
    [APPS],
  );
  const revocations = await ask<KeptRevocation>(
    `SELECT l.revocation_id AS revocation, coalesce('user:' || p.subject, l.target) AS target,
       l.lifted_at IS NOT NULL AS lifted
     FROM lock AS l LEFT JOIN person AS p ON l.target = 'user:' || p.user_id`,
  );
  const [events] = await ask<{ count: string }>(
    `SELECT count(*) FROM audit_event WHERE action = 'revocation.create' AND outcome = 'granted'`,
  );
  return {
    tokens: tokens.map((row) => ({
      ...row,
      parent: row.parent ?? undefined,
      events: Number(row.events),
    })),
    revocations,
    revocationEvents: Number(events?.count),
  };
};
