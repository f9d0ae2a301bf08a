import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { errors } from 'oidc-provider';
import {
  openPostgresLedger,
  type PostgresLedger,
} from '../../src/ledger/postgres/postgres-ledger.ts';
import { createAdapter } from '../../src/oauth/adapter.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import { newKey } from '../support/client.ts';
import {
  APPS,
  type Cluster,
  type Held,
  INSTANCES,
  ORDERS,
  openCluster,
  placeObject,
  ticketFor,
} from './cluster.ts';
import { printFigures, sized } from './figures.ts';

const ROUNDS = sized(200, 20);
const TRIES = 50;

let cluster: Cluster;
const figures: Record<string, number | string>[] = [];
beforeAll(async () => {
  cluster = await openCluster();
});
afterAll(async () => {
  printFigures(`Single use: ${TRIES} tries at once over ${INSTANCES} instances`, figures);
  await cluster?.stop();
});

/** One outcome, as short as it can be compared: `200`, or `400 invalid_dpop_proof`. */
type Try = (place: number) => Promise<string>;

const UNAVAILABLE = '503 temporarily_unavailable';

/** Rounds of tries at once, each of what `prepare` makes; how often each outcome came about. */
const rounds = async (
  what: string,
  winner: string,
  prepare: (round: number) => Promise<Try> | Try,
): Promise<{ winners: ReadonlySet<number>; others: ReadonlySet<string> }> => {
  const winners = new Set<number>();
  const others = new Set<string>();
  const began = performance.now();
  let again = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const attempt = await prepare(round);
    const outcomes = await Promise.all(
      Array.from({ length: TRIES }, (_, n) => attempt((n + round) % INSTANCES)),
    );
    const won = outcomes.filter((outcome) => outcome === winner).length;
    // Where the database kept somebody waiting, the one use may be theirs, unheard: never two.
    if (won === 0 && outcomes.includes(UNAVAILABLE) && again < ROUNDS) {
      again += 1;
      round -= 1;
      continue;
    }
    winners.add(won);
    for (const outcome of outcomes) {
      if (outcome !== winner && outcome !== UNAVAILABLE) others.add(outcome);
    }
  }
  const seconds = (performance.now() - began) / 1000;
  figures.push({
    what,
    rounds: ROUNDS,
    'run again': again,
    tries: ROUNDS * TRIES,
    'winners in a round': [...winners].join(', '),
    'the rest': [...others].join(', '),
    seconds: seconds.toFixed(1),
  });
  return { winners, others };
};

const send = async (
  place: number,
  path: string,
  headers: Record<string, string>,
  body: string | undefined,
): Promise<string> => {
  const answer = await fetch(`${cluster.rig.brokers[place]!.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    ...(body !== undefined && { body }),
  });
  const { error } = (await answer.json()) as { error?: string };
  return error === undefined ? String(answer.status) : `${answer.status} ${error}`;
};

/** One proof, to be sent more than once. */
const proofFor = async (
  { key, token }: Pick<Held, 'key'> & { token?: string },
  method: string,
  path: string,
): Promise<string> =>
  key.prove({
    method,
    url: `${cluster.issuer}${path}`,
    nonce: cluster.clients[0]!.nonce(),
    ...(token !== undefined && { accessToken: token }),
  });

const once = { winners: new Set([1]) };

describe('R01 D02 what may be used once is used once, on all instances together', () => {
  it('G4 a proof id, where a token is issued', async () => {
    const result = await rounds('proof id at /exchange', '200', async (round) => {
      const app = APPS[round % APPS.length]!;
      const key = newKey();
      const authorization = `Bearer ${cluster.signIn(`single-${round}`, app)}`;
      const dpop = await proofFor({ key }, 'POST', '/exchange');
      const body = JSON.stringify({ resource: 'bucket:project-123', actions: ['list'] });
      return (place) => send(place, '/exchange', { authorization, dpop }, body);
    });
    expect(result).toEqual({ ...once, others: new Set(['400 invalid_dpop_proof']) });
  });

  it('G4 a proof id, where a token is used', async () => {
    const held = await cluster.tokenOf(0, 'single', APPS[0]);
    const result = await rounds('proof id at /objects', '200', async () => {
      const authorization = `DPoP ${held.token}`;
      const dpop = await proofFor(held, 'GET', '/objects');
      return (place) => send(place, '/objects', { authorization, dpop }, undefined);
    });
    expect(result).toEqual({ ...once, others: new Set(['401 invalid_dpop_proof']) });
  });

  it('G4 a download ticket', async () => {
    const held = await cluster.tokenOf(0, 'single', APPS[0]);
    const objectId = await placeObject(cluster.clients[0]!, held);
    const result = await rounds('ticket', '200 soup', async (round) => {
      const path = await ticketFor(cluster.clients[round % INSTANCES]!, held, objectId);
      return async (place) => {
        const answer = await fetch(`${cluster.rig.brokers[place]!.contentUrl}${path}`);
        const text = await answer.text();
        return `${answer.status} ${answer.ok ? text : (JSON.parse(text) as { error: string }).error}`;
      };
    });
    expect(result).toEqual({ ...once, others: new Set(['410 gone']) });
    const [kept] = await cluster.rig.ask<{ used: string; redeemed: string }>(
      `SELECT (SELECT count(*) FROM ticket WHERE used_at IS NOT NULL) AS used,
         (SELECT count(*) FROM audit_event WHERE action = 'download.redeem' AND outcome = 'granted') AS redeemed`,
    );
    expect(kept).toEqual({ used: String(ROUNDS), redeemed: String(ROUNDS) });
  });

  it('G4 J08 the id of a client assertion', async () => {
    const issued = (): Promise<{ count: string }[]> =>
      cluster.rig.ask('SELECT count(*) FROM issued_token WHERE resource = $1', [ORDERS]);
    const result = await rounds('client assertion at /token', '200', () => {
      const body = new URLSearchParams(cluster.assertion()).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return (place) => send(place, '/token', headers, body);
    });
    expect(result).toEqual({ ...once, others: new Set(['401 invalid_client']) });
    expect(await issued()).toEqual([{ count: String(ROUNDS) }]);
  });
});

/** Without sign-in pages there is no code to redeem over HTTP: what redeems them is tried by itself. */
describe('R01 F3 the adapter of the authorization server, on three connections to one database', () => {
  const ledgers: PostgresLedger[] = [];
  afterAll(async () => {
    for (const ledger of ledgers) await ledger.close();
  });

  const adapters = (model: string) => {
    if (ledgers.length === 0) {
      for (let place = 0; place < INSTANCES; place += 1) {
        ledgers.push(
          openPostgresLedger({
            url: cluster.rig.databaseUrl,
            onConnectionError: () => undefined,
            localTime: () => performance.timeOrigin + performance.now(),
          }),
        );
      }
    }
    return ledgers.map(({ artifacts }) =>
      (
        createAdapter({ artifacts, client: () => undefined, now: () => new Date() }) as (
          name: string,
        ) => import('oidc-provider').Adapter
      )(model),
    );
  };

  it.each(['AuthorizationCode', 'RefreshToken'])(
    'G4 uses a %s once, and ends all of its grant with the second try',
    async (model) => {
      const [first, ...rest] = adapters(model);
      const all = [first!, ...rest];
      const sibling = adapters('AccessToken')[0]!;
      const grants: string[] = [];
      const result = await rounds(`${model} at the adapter`, 'used', async () => {
        const [id, grantId] = [randomUUID(), randomUUID()];
        await first!.upsert(id, { grantId }, 60);
        await sibling.upsert(randomUUID(), { grantId }, 60);
        grants.push(grantId);
        return (place) =>
          all[place]!.consume(id).then(
            () => 'used',
            (error: unknown) => {
              if (error instanceof errors.InvalidGrant) return error.error;
              return error instanceof OAuthError ? `${error.status} ${error.code}` : String(error);
            },
          );
      });
      expect(result).toEqual({ ...once, others: new Set(['invalid_grant']) });
      const left = await cluster.rig.ask(
        'SELECT model FROM oidc_artifact WHERE grant_id = ANY ($1)',
        [grants],
      );
      expect(left).toEqual([]);
    },
  );
});
