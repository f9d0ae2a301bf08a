import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, newKey } from '../support/client.ts';
import type { ProofKey } from '../support/dpop.ts';
import { ORDERS, PORTAL_SECRET, SECRET } from './deployment.ts';
import { refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, basic, ID_TOKEN, openStage, type Stage } from './stage.ts';

/** T11, T14: a person who has only ever acted, by an ID token, is taken back like everybody else. */

let stage: Stage;
let partner: string;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  partner = stage.sso.issuer('partner');
  await stage.reconfigure((draft) => {
    const corp = draft.issuers.find(({ id }) => id === 'corp')!;
    const { sign_in: _, ...issuer } = corp;
    draft.issuers.push({
      ...issuer,
      id: 'partner',
      issuer: partner,
      audiences: ['portal'],
    } as never);
    // With two issuers, whose audience it is has to be said.
    for (const app of draft.apps.filter(({ tenant }) => tenant === 'acme')) {
      const audiences = (app.subject_audiences ?? []) as string[];
      app.subject_audiences = audiences.flatMap((audience) =>
        (app.id === 'portal' ? ['corp', 'partner'] : ['corp']).map((id) => ({
          issuer: id,
          audience,
        })),
      );
    }
  });
}, 60_000);
afterAll(() => stage?.stop());

type Form = Record<string, string>;

const someone = (sub: string, claims: object = {}): string =>
  stage.idToken({ aud: 'portal', sub, ...claims });
const acting = (idToken: string): Form => ({ actor_token: idToken, actor_token_type: ID_TOKEN });
const orders = { resource: ORDERS, scope: 'orders:read' };
const files = { resource: 'bucket:project-123' };

const exchange = (form: Form, more: object = {}, through = stage.client): Promise<Answer> =>
  stage.tokenExchange(form, { app: 'portal', secret: PORTAL_SECRET, ...more }, through);

/** A token for a subject, with whom it is that acts. */
const delegated = async (actor: string, form: Form = orders, key?: ProofKey) => {
  const subject = { subject_token: someone('ana'), subject_token_type: ID_TOKEN };
  const answer = await exchange({ ...subject, ...form, ...acting(actor) }, key ? { key } : {});
  if (answer.status !== 200) throw new Error(`not delegated: ${answer.text}`);
  return { token: String(answer.body.access_token), id: String(answer.body.token_id), key };
};

const isActive = async (token: string, through = stage.client): Promise<unknown> => {
  const headers = { authorization: basic('orders-api', SECRET) };
  return (await through.call('/introspect', { form: { token }, headers })).body.active;
};

const personOf = async (subject: string): Promise<string> => {
  const [row] = await stage.query<{ user_id: string }>(
    'SELECT user_id FROM person WHERE subject = $1',
    [subject],
  );
  return row?.user_id ?? 'u_unwritten';
};

const killedBy = async (target: object, more: object = {}) =>
  (await stage.revoke(target, more)).body.killed;

describe('T14 a person known as an actor alone', () => {
  it('is on record as a person from the first time they act', async () => {
    await delegated(someone('acts-once'));
    const people = await stage.query(
      'SELECT issuer, issuer_id, tenant_id FROM person WHERE subject = $1',
      ['acts-once'],
    );
    const issuer = stage.document.issuers[0]?.issuer;
    expect(people).toEqual([{ issuer, issuer_id: 'corp', tenant_id: 'acme' }]);
  });

  it('is revoked by user_id: what they led to dies, is counted, and they act no more', async () => {
    const key = newKey();
    const idToken = someone('bob');
    const [one, two] = [await delegated(idToken), await delegated(someone('bob'), files, key)];
    const other = await delegated(someone('carol'));
    const proof = { url: `${stage.issuer}/token`, accessToken: two.token };
    const narrowed = await exchange(
      { subject_token: two.token, subject_token_type: ACCESS_TOKEN, scope: 'read' },
      { headers: { dpop: await stage.proofFor(key, proof) } },
    );
    expect(narrowed.status).toBe(200);

    // Two that name him, and the one that came of the second.
    const user_id = await personOf('bob');
    const { body } = await stage.revoke({ user_id });
    expect(body.killed).toMatchObject({ tokens: 0, derived: 3 });
    expect(body.residual).toEqual([expect.objectContaining({ kind: 'jwt', count: 1 })]);

    for (const through of stage.clients) {
      expect(await isActive(one.token, through)).toBe(false);
      expect(await isActive(other.token, through)).toBe(true);
    }
    const uses = [two.token, String(narrowed.body.access_token)];
    for (const token of uses) {
      await refusesEverywhere(
        stage,
        { status: 401, error: 'invalid_token', audited: true },
        (through) => through.call('/objects', { token, key }),
      );
    }
    // Nor by what he signed in with before, nor after: he is blocked.
    for (const again of [idToken, someone('bob', { jti: 'another' })]) {
      const subject = { subject_token: someone('ana'), subject_token_type: ID_TOKEN };
      await refuses(stage, { status: [400, 403], audited: true }, () =>
        exchange({ ...subject, ...orders, ...acting(again) }),
      );
    }
  });

  it('is counted once where they are subject of some and actor of others', async () => {
    const subject = { subject_token: someone('dora'), subject_token_type: ID_TOKEN };
    expect((await exchange({ ...subject, ...orders })).status).toBe(200);
    await delegated(someone('dora'));
    expect(await killedBy({ user_id: await personOf('dora') }, { block: false })).toMatchObject({
      tokens: 1,
      derived: 1,
    });
    // Dead by then: no later receipt counts it as its own.
    expect(await killedBy({ user_id: await personOf('dora') }, { block: false })).toMatchObject({
      tokens: 0,
      derived: 0,
    });
  });

  it('ends with the issuer they signed in at, and is counted there', async () => {
    const ofPartner = await delegated(someone('pat', { iss: partner }));
    const ofCorp = await delegated(someone('cleo'));
    const killed = await killedBy({ issuer_id: 'partner' }, { block: false });
    expect(killed).toMatchObject({ tokens: 0, derived: 1 });
    for (const through of stage.clients) {
      expect(await isActive(ofPartner.token, through)).toBe(false);
      expect(await isActive(ofCorp.token, through)).toBe(true);
    }
  });
});
