import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, newKey } from '../support/client.ts';
import type { ProofKey } from '../support/dpop.ts';
import { type AppDocument, FILES, ORDERS, PORTAL_SECRET, SECRET } from './deployment.ts';
import { refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, basic, ID_TOKEN, openStage, type Stage } from './stage.ts';

/** security.md T11 to T14: who may act for whom, and what of it is kept. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const portal = { app: 'portal', secret: PORTAL_SECRET };
const service = { app: 'nightly-report', secret: SECRET };
const invalid = { status: 400, error: 'invalid_request', audited: true } as const;
const bucket = 'bucket:project-123';

type Form = Record<string, string>;
interface Own {
  readonly token: string;
  readonly id: string;
}

const ownOf = ({ status, text, body }: Answer): Own => {
  if (status !== 200) throw new Error(`no token to attack with: ${text}`);
  return { token: String(body.access_token), id: String(body.token_id) };
};

/** A client acting for itself (RFC 6749 §4.4). */
const clientToken = async (
  { app, secret } = portal as { app: string; secret: string },
  { resource = ORDERS, key }: { resource?: string; key?: ProofKey } = {},
): Promise<Own> =>
  ownOf(
    await stage.client.call('/token', {
      form: {
        grant_type: 'client_credentials',
        resource,
        ...(resource === ORDERS && { scope: 'orders:read' }),
      },
      headers: { authorization: basic(app, secret) },
      ...(key && { key }),
    }),
  );

const person = (claims: object = {}): Form => ({
  subject_token: stage.idToken({ aud: 'portal', ...claims }),
  subject_token_type: ID_TOKEN,
});
const byClient = ({ token }: Own): Form => ({
  actor_token: token,
  actor_token_type: ACCESS_TOKEN,
});
const byPerson = (sub: string, claims: object = {}): Form => ({
  actor_token: stage.idToken({ aud: 'portal', sub, ...claims }),
  actor_token_type: ID_TOKEN,
});
const orders = { resource: ORDERS, scope: 'orders:read' };

const exchange = (form: Form, through = stage.client, more: object = {}): Promise<Answer> =>
  stage.tokenExchange(form, { ...portal, ...more }, through);

/** A bound token for files, as the subject of the next link of a chain. */
const boundSubject = async (key: ProofKey, claims: object = {}): Promise<Own> =>
  ownOf(await exchange({ ...person(claims), resource: bucket }, stage.client, { key }));

/** An exchange of a bound token: its key proved over it, and another where there is one to bind to. */
const link = async (
  held: Own,
  key: ProofKey,
  form: Form,
  { other, through = stage.client }: { other?: ProofKey; through?: Stage['client'] } = {},
): Promise<Answer> => {
  const proof = { url: `${stage.issuer}/token`, accessToken: held.token };
  const nonce = await stage.freshNonce();
  return exchange(
    {
      subject_token: held.token,
      subject_token_type: ACCESS_TOKEN,
      ...(other && { dpop_binding_proof: await stage.proofFor(other, { ...proof, nonce }) }),
      ...form,
    },
    through,
    { headers: { dpop: await stage.proofFor(key, { ...proof, nonce }) } },
  );
};

const claimsOf = ({ token }: Own): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

const recordOf = async (id: string) => {
  const [row] = await stage.query<{ actors: unknown; lineage: string[]; expires_at: Date }>(
    'SELECT actors, lineage, expires_at FROM issued_token WHERE token_id = $1',
    [id],
  );
  return row;
};
const app = (subject: string) => ({ issuer: stage.issuer, subject });
const someone = (subject: string) => ({
  issuer: stage.document.issuers[0]?.issuer ?? '',
  subject,
});

describe('T11 delegation', () => {
  it('T11 names the actor in the token, the record and the audit, and leaves the subject as it was', async () => {
    const alone = claimsOf(ownOf(await exchange({ ...person(), ...orders })));
    const actor = await clientToken();
    const own = ownOf(await exchange({ ...person(), ...orders, ...byClient(actor) }));
    const { sub, act, client_id } = claimsOf(own);
    expect({ sub, act, client_id }).toEqual({
      sub: alone.sub,
      act: { sub: 'portal', iss: stage.issuer },
      client_id: 'portal',
    });
    expect(alone).not.toHaveProperty('act');
    const record = await recordOf(own.id);
    expect(record?.actors).toEqual([app('portal')]);
    const [event] = await stage.query<{ actors: unknown; detail: Record<string, unknown> }>(
      'SELECT actors, detail FROM audit_event WHERE token_id = $1',
      [own.id],
    );
    expect(event?.actors).toEqual([app('portal')]);
    // Law 9: a machine acts, a person answers for it.
    expect(event?.detail.owner).toBe('dana@acme.example');
    const auditor = await stage.adminOf(['auditors']);
    const search = (subject: string) =>
      stage.client.call(`/admin/v1/audit?token_id=${own.id}&actor=${subject}`, auditor);
    const items = [expect.objectContaining({ token_id: own.id, actors: [app('portal')] })];
    expect((await search('portal')).body).toMatchObject({ items });
    expect((await search('nightly-report')).body).toMatchObject({ items: [] });
    const closure = await stage.query(
      'SELECT ancestor_id, via FROM derivation WHERE child_id = $1',
      [own.id],
    );
    expect(closure).toEqual([{ ancestor_id: actor.id, via: 'actor' }]);
  });

  it('T11 ends with anyone in the chain, for those who ask about the token and for those who use it', async () => {
    const key = newKey();
    const robot = await clientToken(service, { resource: FILES, key });
    const own = ownOf(
      await exchange({ ...person(), ...orders, ...byClient(robot) }, stage.client, { key }),
    );
    const held = await boundSubject(key);
    const user = ownOf(await link(held, key, byClient(robot)));
    const isActive = async (through: Stage['client']) => {
      const { body } = await through.call('/introspect', {
        form: { token: own.token },
        headers: { authorization: basic('orders-api', SECRET) },
      });
      return body.active;
    };
    expect(await isActive(stage.client)).toBe(true);
    await stage.reconfigure((draft) => {
      for (const each of draft.apps) if (each.id === 'nightly-report') each.enabled = false;
    });
    try {
      // Every instance asks under the configuration in force within a second, and at once where it refuses.
      await stage.exchange({ key: newKey() }, stage.clients[1]);
      for (const through of stage.clients) expect(await isActive(through)).toBe(false);
      await refusesEverywhere(
        stage,
        { status: 401, error: 'invalid_token', audited: true },
        (through) =>
          through.call('/objects?resource=bucket:project-123', {
            method: 'GET',
            token: user.token,
            key,
          }),
      );
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });

  it('T11 keeps the chain in order, newest outermost, to the depth allowed and no further', async () => {
    const [a, b] = [newKey(), newKey()];
    const first = await boundSubject(a);
    const one = ownOf(await link(first, a, byClient(await clientToken())));
    const robot = await clientToken(service, { resource: FILES, key: b });
    const two = ownOf(await link(one, a, byClient(robot), { other: b }));
    const three = ownOf(await link(two, b, byPerson('bob')));
    const record = await recordOf(three.id);
    expect(record?.actors).toEqual([someone('bob'), app('nightly-report'), app('portal')]);
    // Narrowed without an actor, the chain stays what it is.
    const narrowed = ownOf(await link(three, b, { scope: 'read' }));
    expect((await recordOf(narrowed.id))?.actors).toEqual(record?.actors);
    await refusesEverywhere(stage, { ...invalid, rule: 'actor_chain' }, (through) =>
      link(three, b, byPerson('carol'), { through }),
    );
  });

  it('T11 says the whole chain in a JWT', async () => {
    const bob = byPerson('bob');
    const own = ownOf(await exchange({ ...person(), ...orders, ...bob }));
    expect(claimsOf(own)).toMatchObject({
      act: { sub: 'bob', iss: someone('bob').issuer },
    });
  });

  it('T11 gives no more than the subject has, and for no longer than either has left', async () => {
    const key = newKey();
    const held = await boundSubject(key);
    const actor = await clientToken();
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      link(held, key, { ...byClient(actor), ...orders }),
    );
    const { id } = ownOf(await link(held, key, byClient(actor)));
    const ends = await Promise.all([held, actor].map((each) => recordOf(each.id)));
    const own = await recordOf(id);
    for (const each of ends) {
      expect(own?.expires_at.getTime()).toBeLessThanOrEqual(Number(each?.expires_at));
    }
  });

  it.each<[string, (held: { actor: Own; robot: Own }) => object]>([
    ['the token of its first actor', ({ actor }) => ({ token_id: actor.id })],
    ['the app of the actor', () => ({ app_id: 'nightly-report' })],
    ['the token of its newest actor', ({ robot }) => ({ token_id: robot.id })],
  ])('T11 dies with %s, on every instance at once', async (_, targetOf) => {
    const [a, b] = [newKey(), newKey()];
    const subject = await boundSubject(a);
    const actor = await clientToken();
    const one = ownOf(await link(subject, a, byClient(actor)));
    const robot = await clientToken(service, { resource: FILES, key: b });
    const two = ownOf(await link(one, a, byClient(robot), { other: b }));
    const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };
    const use = (through = stage.client) =>
      through.call('/request-upload', { body: upload, token: two.token, key: b });
    expect((await use()).status).toBe(201);
    const { body } = await stage.revoke(targetOf({ actor, robot }), { block: false });
    expect(body.killed).toMatchObject({ derived: expect.any(Number) });
    expect((body.killed as { derived: number }).derived).toBeGreaterThan(0);
    await refusesEverywhere(
      stage,
      { status: 401, error: 'invalid_token', audited: true },
      (through) => use(through),
    );
  });
});

describe('T12 impersonating an admin', () => {
  it('T12 lets nobody act for an admin, in any app, not even by a token derived from the sign-in', async () => {
    const admin = { sub: 'sam', groups: ['security'] };
    const actor = byClient(await clientToken());
    await refusesEverywhere(stage, { ...invalid, rule: 'may_act' }, (through) =>
      exchange({ ...person(admin), ...orders, ...actor }, through),
    );
    const key = newKey();
    const held = await boundSubject(key, admin);
    await refuses(stage, { ...invalid, rule: 'may_act' }, () => link(held, key, actor));
  });

  it('T12 lets act for an admin whom the sign-in names', async () => {
    const admin = { sub: 'sam', groups: ['security'], may_act: { sub: 'portal' } };
    const actor = byClient(await clientToken());
    expect((await exchange({ ...person(admin), ...orders, ...actor })).status).toBe(200);
  });
});

describe('T13 may_act, and half an actor', () => {
  it.each<[string, unknown]>([
    ['another subject', { sub: 'someone-else' }],
    ['the subject at another issuer', { sub: 'portal', iss: 'https://elsewhere.example' }],
    ['the subject through another client', { sub: 'portal', client_id: 'where2eat' }],
    ['nobody', {}],
    ['an issuer alone', { iss: 'https://elsewhere.example' }],
    ['what is no name', { sub: ['portal'] }],
    ['a list', [{ sub: 'portal' }]],
    ['a word', 'portal'],
    ['nothing', null],
  ])('T13 refuses an actor where may_act names %s', async (_, may_act) => {
    const actor = byClient(await clientToken());
    await refuses(stage, { ...invalid, rule: 'may_act' }, () =>
      exchange({ ...person({ may_act }), ...orders, ...actor }),
    );
  });

  it.each<[string, () => object]>([
    ['the subject', () => ({ sub: 'portal' })],
    ['the subject and our issuer', () => ({ sub: 'portal', iss: stage.issuer })],
    ['the client', () => ({ client_id: 'portal' })],
  ])('T13 takes the actor whom may_act names by %s', async (_, may_act) => {
    const actor = byClient(await clientToken());
    const form = { ...person({ may_act: may_act() }), ...orders, ...actor };
    expect((await exchange(form)).status).toBe(200);
  });

  it('T13 keeps may_act with what is derived from the sign-in', async () => {
    const key = newKey();
    const held = await boundSubject(key, { may_act: { sub: 'bob', iss: someone('bob').issuer } });
    const actor = byClient(await clientToken());
    await refusesEverywhere(stage, { ...invalid, rule: 'may_act' }, (through) =>
      link(held, key, actor, { through }),
    );
    expect((await link(held, key, byPerson('bob'))).status).toBe(200);
  });

  it.each<[string, Form, string]>([
    ['a token without its type', { actor_token: 'x' }, 'together'],
    ['a type without its token', { actor_token_type: ACCESS_TOKEN }, 'together'],
    ['an unknown type', { actor_token: 'x', actor_token_type: 'urn:x' }, 'token_type'],
  ])('T13 refuses %s', async (_, form, rule) => {
    await refusesEverywhere(stage, { ...invalid, rule }, (through) =>
      exchange({ ...person(), ...orders, ...form }, through),
    );
  });
});

describe('T14 who is no actor', () => {
  const withActor = (actor: Form, through = stage.client, more: object = {}) =>
    exchange({ ...person(), ...orders, ...actor }, through, more);

  it('T14 refuses the subject itself, and whoever acts already', async () => {
    await refuses(stage, { ...invalid, rule: 'not_itself' }, () => withActor(byPerson('ana')));
    const key = newKey();
    const actor = byClient(await clientToken());
    const one = ownOf(await link(await boundSubject(key), key, actor));
    await refuses(stage, { ...invalid, rule: 'once_in_chain' }, () => link(one, key, actor));
    await refuses(stage, { ...invalid, rule: 'own_token' }, async () =>
      exchange({ ...person(), ...orders, ...byClient(one) }, stage.client, { key }),
    );
  });

  it('T14 refuses an actor token that is revoked, expired, forged, of another app or of another kind', async () => {
    const revoked = await clientToken();
    await stage.revoke({ token_id: revoked.id });
    const ofAnother = await clientToken(service, { resource: FILES });
    const jwt = await clientToken();
    const forged = { ...jwt, token: `${jwt.token.slice(0, -8)}AAAAAAAA` };
    const actors: Form[] = [
      byClient(revoked),
      byClient(ofAnother), // unbound: whoever found it could present it
      byClient(forged),
      byClient({ id: '', token: 'dp_at_0' }),
      byPerson('bob', { aud: 'nightly-report' }),
      byPerson('bob', { exp: stage.now() - 60 }),
      byPerson('bob', { iss: stage.document.issuers[1]?.issuer, aud: 'globex-app' }),
      { ...byPerson('bob'), actor_token_type: ACCESS_TOKEN },
      { ...byClient(jwt), actor_token_type: ID_TOKEN },
    ];
    const texts = new Set<string>();
    for (const actor of actors) {
      await refusesEverywhere(stage, { ...invalid, rule: 'not_acceptable' }, async (through) => {
        const answer = await withActor(actor, through);
        const { request_id: _, ...body } = answer.body;
        texts.add(JSON.stringify(body));
        return answer;
      });
    }
    expect(texts.size).toBe(1);
  });

  it('T14 refuses a bound actor token without a proof of its key', async () => {
    const [a, b] = [newKey(), newKey()];
    const robot = byClient(await clientToken(service, { resource: FILES, key: b }));
    const held = await boundSubject(a);
    await refuses(stage, { ...invalid, rule: 'not_acceptable' }, () => withActor(robot));
    await refuses(stage, { ...invalid, rule: 'not_acceptable' }, () => link(held, a, robot));
    await refuses(stage, { ...invalid, rule: 'not_acceptable' }, () =>
      link(held, a, robot, { other: newKey() }),
    );
    expect((await link(held, a, robot, { other: b })).status).toBe(200);
  });

  it('T14 refuses an unbound actor token of a public app, to that app itself: whoever found it could be that', async () => {
    const key = newKey();
    const subject = {
      subject_token: stage.idToken({ aud: 'lowcode' }),
      subject_token_type: ID_TOKEN,
      resource: bucket,
    };
    const claims = { aud: 'lowcode', sub: 'bob' };
    const act = (actor: Own, through = stage.client) =>
      stage.tokenExchange({ ...subject, ...byClient(actor) }, { app: 'lowcode', key }, through);
    const unbound = ownOf(await stage.exchange({ claims }));
    await refusesEverywhere(stage, { ...invalid, rule: 'not_acceptable' }, (through) =>
      act(unbound, through),
    );
    // Nothing else was wrong: bound to the key of the request, it is an actor's.
    const bound = ownOf((await stage.tokenOf({ claims, key })).answer);
    expect((await act(bound)).status).toBe(200);
  });

  it('T14 ties the ID token of an actor to the first key it comes with', async () => {
    const key = newKey();
    const bob = byPerson('bob');
    expect((await withActor(bob, stage.client, { key })).status).toBe(200);
    await refusesEverywhere(stage, { ...invalid, rule: 'not_acceptable' }, (through) =>
      withActor(bob, through, { key: newKey() }),
    );
    await refuses(stage, { ...invalid, rule: 'not_acceptable' }, () => withActor(bob));
    expect((await withActor(bob, stage.client, { key })).status).toBe(200);
  });

  it('T14 refuses an actor of another tenant, by policy', async () => {
    const secret = 'the-secret-of-globex-robot-32-bytes--';
    const hash = createHash('sha256').update(secret).digest('hex');
    await stage.reconfigure((draft) => {
      const globex = draft.apps.find(({ id }) => id === 'globex-app') as AppDocument;
      const { redirect_uris: _, origins: __, ...rest } = globex;
      draft.apps.push({
        ...rest,
        id: 'globex-robot',
        type: 'service',
        subject_audiences: [],
        secret_hash: [`sha256:${hash}`],
        grants: [{ resource: 'https://api.globex.example', actions: ['things:read'] }],
      });
    });
    const [a, b] = [newKey(), newKey()];
    const robot = await clientToken(
      { app: 'globex-robot', secret },
      { resource: 'https://api.globex.example', key: b },
    );
    const held = await boundSubject(a);
    await refuses(stage, { ...invalid, rule: 'delegation_within_tenant' }, () =>
      link(held, a, byClient(robot), { other: b }),
    );
    await stage.reconfigure(() => undefined);
  });
});
