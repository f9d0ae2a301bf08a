import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, newKey } from '../support/client.ts';
import type { ProofClaims, ProofKey } from '../support/dpop.ts';
import { PORTAL_SECRET } from './deployment.ts';
import { type Expected, refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, ID_TOKEN, openStage, type Stage } from './stage.ts';

/** Two-key exchange: a token bound to key A, exchanged for one bound to key B (security.md D09). */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const portal = { app: 'portal', secret: PORTAL_SECRET };
const bucket = 'bucket:project-123';
const badProof = {
  status: 400,
  error: 'invalid_dpop_proof',
  rule: 'proof',
  audited: true,
} as const;

interface Held {
  readonly token: string;
  readonly key: ProofKey;
}

interface Door {
  readonly path: string;
  readonly held: (key?: ProofKey) => Promise<Held>;
  readonly send: (
    held: Held,
    proofs: { readonly dpop: string; readonly binding?: unknown },
    through: Stage['client'],
  ) => Promise<Answer>;
}

const atToken: Door = {
  path: '/token',
  held: async (key = newKey()) => {
    const form = { subject_token: stage.idToken({ aud: 'portal' }), subject_token_type: ID_TOKEN };
    const { body } = await stage.tokenExchange({ ...form, resource: bucket }, { ...portal, key });
    return { token: String(body.access_token), key };
  },
  send: ({ token }, { dpop, binding }, through) =>
    stage.tokenExchange(
      {
        subject_token: token,
        subject_token_type: ACCESS_TOKEN,
        ...(binding !== undefined && { dpop_binding_proof: binding as string }),
      },
      { ...portal, headers: { dpop } },
      through,
    ),
};

const exchangeAt = (path: string): Door => ({
  path,
  held: async (key = newKey()) => stage.tokenOf({ key }),
  send: ({ token }, { dpop, binding }, through) =>
    through.call(path, {
      body: { ...(binding !== undefined && { dpop_binding_proof: binding }) },
      headers: { authorization: `DPoP ${token}`, dpop },
    }),
});

const doors = [atToken, exchangeAt('/exchange'), exchangeAt('/issue-token')];

const placed = async ({ path }: Door, { token }: Held) => ({
  url: `${stage.issuer}${path}`,
  accessToken: token,
  nonce: await stage.freshNonce(),
});

/** Both proofs as they have to be, except for what the attack says of the second. */
const proofsFor = async (
  door: Door,
  held: Held,
  other = newKey(),
  claims: Partial<ProofClaims> = {},
  first: Partial<ProofClaims> = {},
) => {
  const place = await placed(door, held);
  return {
    dpop: await stage.proofFor(held.key, { ...place, ...first }),
    binding: await stage.proofFor(other, { ...place, ...claims }),
  };
};

const boundTo = async ({ body }: Answer): Promise<string | undefined> => {
  const [row] = await stage.query<{ thumbprint: string }>(
    'SELECT thumbprint FROM issued_token WHERE token_id = $1',
    [body.token_id],
  );
  return row?.thumbprint;
};

describe.each(doors.map((door) => [door.path, door] as const))('two keys at %s', (_, door) => {
  const send = (held: Held, proofs: Parameters<Door['send']>[1], through = stage.client) =>
    door.send(held, proofs, through);

  const attack = async (expected: Expected, claims: Partial<ProofClaims>): Promise<void> => {
    await refusesEverywhere(stage, expected, async (through) => {
      const held = await kept;
      return send(held, await proofsFor(door, held, newKey(), claims), through);
    });
  };
  let kept: Promise<Held>;
  beforeAll(() => {
    kept = door.held();
  });

  it('D09 binds what is issued to the second key, and to the first where there is no second', async () => {
    const [held, other] = [await door.held(), newKey()];
    const rebound = await send(held, await proofsFor(door, held, other));
    expect(rebound).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(await boundTo(rebound)).toBe(other.jkt);
    const { dpop } = await proofsFor(door, held);
    const narrowed = await send(held, { dpop });
    expect(await boundTo(narrowed)).toBe(held.key.jkt);
  });

  it('D01 takes each of the two proofs once', async () => {
    const [held, other] = [await door.held(), newKey()];
    const first = await proofsFor(door, held, other);
    expect((await send(held, first)).status).toBe(200);
    const fresh = await proofsFor(door, held, other);
    for (const proofs of [
      first,
      { ...fresh, dpop: first.dpop },
      { ...fresh, binding: first.binding },
    ]) {
      await refuses(stage, { status: [400, 401], error: 'invalid_dpop_proof', audited: true }, () =>
        send(held, proofs),
      );
    }
  });

  it('D02 takes them once of 20 at a time on two instances', async () => {
    const held = await door.held();
    const proofs = await proofsFor(door, held);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        send(held, proofs, stage.clients[at % stage.clients.length] ?? stage.client),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it.each<[string, Partial<ProofClaims>]>([
    ['another method', { method: 'GET' }],
    ['another URL', { url: 'https://elsewhere.example/token' }],
    ['another token', { accessToken: 'dp_at_another' }],
    ['no token', { accessToken: '' }],
    ['no nonce', { nonce: undefined }],
    ['a nonce that nobody gave out', { nonce: 'made up' }],
  ])('D05 refuses a second proof for %s', (_, claims) => attack(badProof, claims));

  it('D05 refuses a second proof for an alias of the endpoint', () => {
    const [alias] = doors.filter(({ path }) => path !== door.path);
    return attack(badProof, { url: `${stage.issuer}${alias?.path}` });
  });

  it('D03 refuses a second proof under a nonce of another minute, though it is still good', async () => {
    const held = await door.held();
    const old = await stage.freshNonce();
    stage.advance(60);
    await refuses(stage, badProof, async () =>
      send(held, await proofsFor(door, held, newKey(), { nonce: old })),
    );
  });

  it('D01 refuses a second proof with the jti of the first, and one by the same key', async () => {
    const held = await door.held();
    const jti = 'the-same-in-both';
    await refuses(stage, badProof, async () =>
      send(held, await proofsFor(door, held, newKey(), { jti }, { jti })),
    );
    await refuses(stage, badProof, async () => send(held, await proofsFor(door, held, held.key)));
  });

  it('D09 refuses the proofs the other way round', async () => {
    const held = await door.held();
    const { dpop, binding } = await proofsFor(door, held);
    const answer = await send(held, { dpop: binding, binding: dpop });
    expect([400, 401]).toContain(answer.status);
    expect(answer.body).not.toHaveProperty('access_token');
  });

  it('D09 refuses a list of second proofs', async () => {
    const held = await door.held();
    const { dpop, binding } = await proofsFor(door, held);
    await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
      send(held, { dpop, binding: [binding, binding] }),
    );
  });
});

describe('two keys, where there is no first', () => {
  const refusal = { status: 400, error: 'invalid_request', rule: 'bound_subject' } as const;

  it('D09 refuses a second proof beside an ID token and beside an unbound token', async () => {
    const place = { url: `${stage.issuer}/exchange` };
    const binding = await stage.proofFor(newKey(), place);
    await refuses(stage, { ...refusal, audited: true }, () =>
      stage.exchange({ key: newKey(), body: { dpop_binding_proof: binding } }),
    );
    const { token } = await stage.unboundToken();
    await refuses(stage, { ...refusal, audited: true }, () =>
      stage.client.call('/exchange', { token, body: { dpop_binding_proof: binding } }),
    );
    await refuses(stage, { ...refusal, audited: true }, () =>
      stage.tokenExchange(
        {
          subject_token: stage.idToken({ aud: 'portal' }),
          subject_token_type: ID_TOKEN,
          resource: bucket,
          dpop_binding_proof: binding,
        },
        portal,
      ),
    );
  });
});
