import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import { type Claims, newSigningKey, part, signJwt } from './corporate-sso.ts';
import { mustRefuse } from './refusal.ts';
import { eventually, type Held, openStage, type Stage } from './stage.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe('E10 back-channel logout', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage({ instances: 2 });
  });

  afterAll(() => stage.stop());

  const logoutToken = (
    claims: Claims = {},
    header: Record<string, unknown> = {},
    key = stage.sso.keys[0]!,
  ): string =>
    signJwt(
      key,
      {
        iss: stage.sso.issuer(),
        aud: 'daypass',
        iat: stage.now(),
        exp: stage.now() + 120,
        jti: randomUUID(),
        events: { [EVENT]: {} },
        ...claims,
      },
      { typ: 'logout+jwt', ...header },
    );

  const send = (token: string, instance = 1, issuerId = 'corp'): Promise<Answer> =>
    stage.clients[instance]!.call(`/backchannel-logout/${issuerId}`, {
      form: { logout_token: token },
    });

  /** How the first instance answers to a token: a look at nothing of anyone's. */
  const isAlive = async ({ token, key }: Held): Promise<boolean> => {
    const answer = await stage.client.call('/objects?resource=bucket:project-123', {
      method: 'GET',
      token,
      key,
    });
    return answer.status === 200;
  };

  const session = (sid: string, sub = 'ana'): Promise<Held> =>
    stage.tokenOf({ claims: { sid, sub } });

  it('ends what the session issued, on every instance, and nothing of another session', async () => {
    const [ended, kept] = [await session('s-1'), await session('s-2')];
    const answer = await send(logoutToken({ sid: 's-1', sub: 'ana' }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toContain('no-store');
    expect(await isAlive(ended)).toBe(false);
    expect(await isAlive(kept)).toBe(true);
  });

  it('refuses what the session’s ID tokens would still be exchanged for, and lets a new session in', async () => {
    const claims = { sid: 's-3', sub: 'bea' };
    const before = await stage.tokenOf({ claims });
    expect((await send(logoutToken({ sid: 's-3' }))).status).toBe(200);
    expect((await stage.exchange({ claims, key: before.key })).status).toBe(401);
    expect(await isAlive(await session('s-4', 'bea'))).toBe(true);
  });

  it('ends all sessions of a person where it names none', async () => {
    const theirs = [await session('s-5', 'cleo'), await session('s-6', 'cleo')];
    const another = await session('s-7', 'dora');
    expect((await send(logoutToken({ sub: 'cleo' }))).status).toBe(200);
    expect(await Promise.all(theirs.map(isAlive))).toEqual([false, false]);
    expect(await isAlive(another)).toBe(true);
  });

  it('takes no session of another issuer’s for one of its own that has the same name', async () => {
    const corps = await session('same', 'eve');
    const token = logoutToken({ iss: stage.sso.issuer('globex'), sid: 'same' });
    expect((await send(token, 1, 'globex-sso')).status).toBe(200);
    expect(await isAlive(corps)).toBe(true);
  });

  it('is on record, with the issuer and without the token', async () => {
    const token = logoutToken({ sub: 'flo' });
    await send(token);
    const rows = await stage.query<{ reason: string | null }>(
      `SELECT * FROM audit_event WHERE action = 'session.end' ORDER BY at DESC LIMIT 1`,
    );
    expect(rows).toEqual([
      expect.objectContaining({
        outcome: 'granted',
        issuer: stage.sso.issuer(),
        tenant_id: 'acme',
      }),
    ]);
    expect(JSON.stringify(rows)).not.toContain(token.split('.')[2]);
  });

  describe('refuses, and ends nothing, for a token', () => {
    const other = newSigningKey('ec');
    it.each<[string, () => string]>([
      ['without events', () => logoutToken({ events: undefined })],
      ['with other events', () => logoutToken({ events: { 'urn:another': {} } })],
      ['whose event is no object', () => logoutToken({ events: { [EVENT]: true } })],
      ['whose events are a list', () => logoutToken({ events: [EVENT] })],
      ['with a nonce', () => logoutToken({ nonce: 'abc' })],
      ['typed as an access token', () => logoutToken({}, { typ: 'at+jwt' })],
      ['typed as a proof', () => logoutToken({}, { typ: 'dpop+jwt' })],
      ['for another client', () => logoutToken({ aud: 'where2eat' })],
      ['for others too', () => logoutToken({ aud: ['daypass', 'where2eat'] })],
      ['of another issuer', () => logoutToken({ iss: stage.sso.issuer('globex') })],
      ['without iat', () => logoutToken({ iat: undefined })],
      ['from the future', () => logoutToken({ iat: stage.now() + 60 })],
      ['that has expired', () => logoutToken({ exp: stage.now() - 60 })],
      ['that was long on its way', () => logoutToken({ iat: stage.now() - 3600 })],
      ['without jti', () => logoutToken({ jti: undefined })],
      ['that names nobody', () => logoutToken({ sub: undefined, sid: undefined })],
      ['with an extension we do not know', () => logoutToken({}, { crit: ['b64'] })],
      ['signed by another key of that name', () => logoutToken({}, {}, other)],
      ['that nobody signed', () => `${part({ alg: 'none', typ: 'logout+jwt' })}.${part({})}.`],
      ['that is an ID token', () => stage.idToken({ aud: 'daypass' })],
      ['that is no token', () => 'rubbish'],
    ])('%s', async (name, token) => {
      const sid = `victim ${name}`;
      const held = await session(sid, 'gil');
      const claims = { sid, sub: 'gil' };
      const [header, payload, signature] = token().split('.');
      const says = name === 'that names nobody' || payload === undefined ? {} : claims;
      const attack = payload === undefined ? token() : resign(header, payload, signature, says);
      mustRefuse(await send(attack), { status: 400, error: 'invalid_request' });
      expect(await isAlive(held)).toBe(true);

      /** The same token, naming the victim: its fault is all that keeps it from being obeyed. */
      function resign(head = '', body = '', sign = '', named: Claims = {}): string {
        const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
        if (sign === '') return `${head}.${part({ ...read(body), ...named })}.`;
        const key = name === 'signed by another key of that name' ? other : stage.sso.keys[0]!;
        return signJwt(key, { ...read(body), ...named }, read(head));
      }
    });
  });

  it('hears a token once, whichever instance is told first', async () => {
    const token = logoutToken({ sid: 's-8', sub: 'hal' });
    const answers = await Promise.all([0, 1, 0, 1].map((instance) => send(token, instance)));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    for (const instance of [0, 1]) {
      mustRefuse(await send(token, instance), {
        status: 400,
        error: 'invalid_request',
        rule: 'jti',
      });
    }
  });

  it('cannot be replayed against whoever has signed in since', async () => {
    const token = logoutToken({ sub: 'ida' });
    expect((await send(token)).status).toBe(200);
    await stage.advance(1);
    const since = await session('s-9', 'ida');
    expect((await send(token, 0)).status).toBe(400);
    expect(await isAlive(since)).toBe(true);
  });

  it.each([
    ['is unknown', 'nobody'],
    ['is spelled otherwise', 'CORP'],
  ])('refuses what is said in the name of an issuer that %s', async (_name, issuerId) => {
    mustRefuse(await send(logoutToken({ sub: 'ana' }), 1, issuerId), {
      status: 400,
      rule: 'issuer',
    });
  });

  it('takes nothing but a form with one token', async () => {
    const path = '/backchannel-logout/corp';
    const twice = { logout_token: [logoutToken({ sub: 'jo' }), logoutToken({ sub: 'jo' })] };
    mustRefuse(await stage.client.call(path, { form: twice }), { status: 400, rule: 'once' });
    mustRefuse(await stage.client.call(path, { form: {} }), { status: 400 });
    expect((await stage.client.call(path, { method: 'GET' })).status).toBe(405);
  });
});

describe('E10 back-channel logout while the issuer’s keys cannot be had', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage({ instances: 2 });
  });

  afterAll(() => stage.stop());

  it('says that it could not, keeps it where nobody can read it, and carries it out once it can', async () => {
    const key = stage.sso.keys[0]!;
    const held = await stage.tokenOf({ claims: { sid: 'late', sub: 'ana' } });
    const use = () =>
      stage.client.call('/objects?resource=bucket:project-123', {
        method: 'GET',
        token: held.token,
        key: held.key,
      });
    stage.sso.setDown(true);
    const token = signJwt(
      key,
      {
        iss: stage.sso.issuer(),
        aud: 'daypass',
        iat: stage.now(),
        jti: randomUUID(),
        sid: 'late',
        events: { [EVENT]: {} },
      },
      { typ: 'logout+jwt' },
    );
    const forged = signJwt(newSigningKey('ec'), {
      iss: stage.sso.issuer(),
      aud: 'daypass',
      iat: stage.now(),
      jti: randomUUID(),
      sub: 'ana',
      events: { [EVENT]: {} },
    });
    for (const each of [token, token, forged]) {
      const answer = await stage.client.call('/backchannel-logout/corp', {
        form: { logout_token: each },
      });
      mustRefuse(answer, { status: 503, error: 'temporarily_unavailable' });
    }
    const rows = await stage.query('SELECT * FROM oidc_artifact');
    expect(rows.filter((row) => JSON.stringify(row).includes('UnverifiedLogout'))).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain(token.split('.')[1]);
    expect((await use()).status).toBe(200);

    stage.sso.setDown(false);
    await eventually(async () => (await use()).status === 401);
    // The forged one was thrown away, and Ana can sign in: nothing of hers is blocked.
    const left = () => stage.query(`SELECT FROM oidc_artifact WHERE model = 'UnverifiedLogout'`);
    await eventually(async () => (await left()).length === 0);
    expect((await stage.tokenOf({ claims: { sid: 'new', sub: 'ana' } })).answer.status).toBe(200);
  });
});
