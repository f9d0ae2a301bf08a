import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
import { createRounds, once, outcomeOf, ROUNDS } from './rounds.ts';

let cluster: Cluster;
const { rounds, print } = createRounds();
beforeAll(async () => {
  cluster = await openCluster();
});
afterAll(async () => {
  print();
  await cluster?.stop();
});

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
  return outcomeOf(answer.status, error);
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
