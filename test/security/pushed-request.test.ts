import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { challengeOf } from '../support/authorization.ts';
import { type Client, newKey } from '../support/client.ts';
import type { ProofKey } from '../support/dpop.ts';
import { ORDERS, PORTAL_SECRET } from './deployment.ts';
import { mustHaveOneWinner, refusesEverywhere } from './refusal.ts';
import { basic, openStage, type Stage } from './stage.ts';

/** Proofs at the pushed authorization request endpoint (RFC 9449 §10.1), on two instances. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const push = (dpop: string, through: Client = stage.client) =>
  through.call('/par', {
    form: {
      client_id: 'portal',
      response_type: 'code',
      redirect_uri: 'https://portal.acme.example/callback',
      scope: 'openid',
      resource: ORDERS,
      code_challenge: challengeOf('v'.repeat(43)),
      code_challenge_method: 'S256',
    },
    headers: { authorization: basic('portal', PORTAL_SECRET), dpop },
  });

const proofOf = (key: ProofKey, path = '/par'): Promise<string> =>
  stage.proofFor(key, { url: `${stage.issuer}${path}` });

const refused = { status: 400, error: 'invalid_dpop_proof', audited: true } as const;

describe('D01 D02 a proof at /par', () => {
  it('D01 is good once, on every instance', async () => {
    const proof = await proofOf(newKey());
    expect((await push(proof)).status).toBe(201);
    await refusesEverywhere(stage, refused, (through) => push(proof, through));
  });

  it('D02 has one winner of twenty at once', async () => {
    const proof = await proofOf(newKey());
    const doors = Array.from({ length: 20 }, (_, n) => stage.clients[n % 2]!);
    const answers = await Promise.all(doors.map((door) => push(proof, door)));
    mustHaveOneWinner(answers);
    const others = answers.filter(({ status }) => status !== 201 && status !== 503);
    expect(new Set(others.map(({ body }) => body.error))).toEqual(new Set(['invalid_dpop_proof']));
  });

  it('D01 used up there is no proof for anything else, nor the other way', async () => {
    const key = newKey();
    const forToken = await proofOf(key, '/token');
    await refusesEverywhere(stage, refused, (through) => push(forToken, through));
    expect((await push(await proofOf(key))).status).toBe(201);
  });
});
