import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MutableToken } from 'oauth2-mock-server';
import { createFetch } from '../../src/egress/fetch.ts';
import { createFederation } from '../../src/federation/federation.ts';
import { listenOther, openTwoIdps, refusalOf, SELF, type TwoIdps } from '../support/two-idps.ts';
import { startTarget } from '../unit/egress/target.ts';
import { newSigningKey, signJwt } from './corporate-sso.ts';

const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());

describe('signing in through two IdPs', () => {
  let idps: TwoIdps;

  beforeAll(async () => {
    idps = await openTwoIdps();
  });

  afterAll(() => idps.stop());

  afterEach(() => {
    for (const name of idps.other.service.eventNames()) idps.other.service.removeAllListeners(name);
  });

  /** Makes the third-party IdP say these things of whoever signs in next. */
  const says = (claims: Record<string, unknown>): void => {
    idps.other.service.on('beforeTokenSigning', ({ payload }: MutableToken) => {
      Object.assign(payload, claims);
    });
  };

  const tokenCalls = (): string[] => idps.calls.filter((url) => url.endsWith('/token'));

  it('says who is at the browser, whichever of them was asked and whichever instance answers', async () => {
    const atCorp = await idps.signInAs('corp');
    const { signIn, returnTo } = await idps.second.finish(atCorp);
    expect(returnTo).toBe('/here');
    expect(signIn).toMatchObject({
      issuerId: 'corp',
      issuer: idps.corp.issuer,
      subject: 'ana',
      party: 'daypass',
      attributes: { roles: ['builders'], department: 'marketing' },
      tokenHash: expect.stringMatching(/^[\w-]{43}$/),
    });

    says({ groups: 'cooks', sid: 'session-1' });
    const atOther = await idps.signInAs('other');
    expect((await idps.second.finish(atOther)).signIn).toMatchObject({
      issuerId: 'other',
      subject: 'johndoe',
      sessionId: 'session-1',
      attributes: { roles: 'cooks' },
    });
  });

  it('asks with code, PKCE S256, state and nonce, and with a redirect URI for each issuer', async () => {
    const { url } = await idps.first.begin({
      issuerId: 'corp',
      returnTo: '/',
      maxAge: 0,
      acrValues: ['gold', 'silver'],
      prompt: 'login',
      loginHint: 'ana',
    });
    const { searchParams, origin } = new URL(url);
    expect(origin).toBe(idps.corp.issuer);
    expect(Object.fromEntries(searchParams)).toEqual({
      client_id: 'daypass',
      response_type: 'code',
      scope: 'openid profile email',
      redirect_uri: `${SELF}/sign-in/callback/corp`,
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      max_age: '0',
      acr_values: 'gold silver',
      prompt: 'login',
      login_hint: 'ana',
    });
  });

  it('keeps neither what could finish a sign-in nor anything the IdP issued', async () => {
    const { pending, url, callbackUrl } = await idps.signInAs('corp');
    const { searchParams } = new URL(url);
    const code = new URL(callbackUrl).searchParams.get('code') ?? '';
    await idps.second.finish({ pending, callbackUrl });
    const rows = await idps.rows();
    expect(rows).toContain('/here');
    const secrets = [pending, searchParams.get('state') ?? '', searchParams.get('nonce') ?? ''];
    for (const secret of [...secrets, code, 'eyJ']) expect(rows).not.toContain(secret);
  });

  describe('E01: mix-up', () => {
    it('refuses the answer of another issuer, and sends no code anywhere', async () => {
      const { pending, callbackUrl } = await idps.signInAs('other');
      const before = tokenCalls().length;
      const callback = new URL(callbackUrl);
      callback.searchParams.set('iss', idps.corp.issuer);
      const refusal = await refusalOf(idps.second.finish({ pending, callbackUrl: callback.href }));
      expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'issuer_mix_up' });
      expect(tokenCalls()).toHaveLength(before);
    });

    it('refuses an answer without iss where the issuer promises one', async () => {
      const { pending, callbackUrl } = await idps.signInAs('corp');
      const before = tokenCalls().length;
      const callback = new URL(callbackUrl);
      expect(callback.searchParams.get('iss')).toBe(idps.corp.issuer);
      callback.searchParams.delete('iss');
      const refusal = await refusalOf(idps.second.finish({ pending, callbackUrl: callback.href }));
      expect(refusal.code).toBe('invalid_token');
      expect(tokenCalls()).toHaveLength(before);
    });

    it('refuses an answer at the redirect URI of another issuer, though neither sends iss', async () => {
      const { pending, callbackUrl } = await idps.signInAs('other');
      expect(new URL(callbackUrl).searchParams.has('iss')).toBe(false);
      const before = tokenCalls().length;
      const refusal = await refusalOf(
        idps.second.finish({ pending, callbackUrl: callbackUrl.replace('/other?', '/corp?') }),
      );
      expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'issuer_mix_up' });
      expect(tokenCalls()).toHaveLength(before);
    });

    it('refuses an ID token that another of the company’s issuers signed for us', async () => {
      says({ iss: idps.corp.issuer });
      const refusal = await refusalOf(idps.second.finish(await idps.signInAs('other')));
      expect(refusal.code).toBe('invalid_token');
    });
  });

  describe('E03: metadata', () => {
    /** An IdP whose metadata is as `change` leaves it. */
    const withMetadata = async (change: (body: Record<string, unknown>) => void) => {
      const server = await listenOther();
      server.service.on('beforeWellKnownOpenIdConfiguration', ({ body }) => change(body));
      const issuer = { id: 'new', issuer: server.issuer.url ?? '', clientId: 'daypass' };
      idps.issuers.set('new', { ...issuer, clientSecret: undefined });
      try {
        return await refusalOf(idps.first.begin({ issuerId: 'new', returnTo: '/' }));
      } finally {
        idps.issuers.delete('new');
        await server.stop();
      }
    };

    it.each<[string, (body: Record<string, unknown>) => void]>([
      ['names another issuer', (body) => Object.assign(body, { issuer: 'https://evil.example' })],
      [
        'names itself with a slash more',
        (body) => Object.assign(body, { issuer: `${body.issuer}/` }),
      ],
      [
        'sends the browser to a script',
        (body) => Object.assign(body, { authorization_endpoint: 'javascript:alert(1)' }),
      ],
      ['has no token endpoint', (body) => delete body.token_endpoint],
    ])('that %s is not used', async (_name, change) => {
      const refusal = await withMetadata(change);
      expect(refusal).toMatchObject({
        code: 'temporarily_unavailable',
        rule: 'identity_provider_down',
      });
    });

    it('that lies behind a redirect to another host is not fetched', async () => {
      const elsewhere = await startTarget();
      const server = await startTarget((_request, response) => {
        response.writeHead(302, { location: `${elsewhere.origin}/metadata` }).end();
      });
      const issuer = { id: 'moved', issuer: server.origin, clientId: 'daypass' };
      idps.issuers.set('moved', { ...issuer, clientSecret: undefined });
      const refusal = await refusalOf(idps.first.begin({ issuerId: 'moved', returnTo: '/' }));
      idps.issuers.delete('moved');
      expect(refusal.code).toBe('temporarily_unavailable');
      expect(server.requests).toHaveLength(1);
      expect(elsewhere.connections).toBe(0);
      await server.close();
      await elsewhere.close();
    });
  });

  describe('E04: linking', () => {
    const userIdOf = async (claims: Record<string, unknown>): Promise<string> => {
      idps.other.service.removeAllListeners('beforeTokenSigning');
      says(claims);
      return (await idps.second.finish(await idps.signInAs('other'))).signIn.userId;
    };

    it('never takes two people for one because their e-mail or their subject is the same', async () => {
      const atCorp = (await idps.second.finish(await idps.signInAs('corp'))).signIn;
      const same = { sub: 'ana', email: 'ana@acme.example', email_verified: true };
      expect(await userIdOf(same)).not.toBe(atCorp.userId);
    });

    it('knows one person by issuer and subject, whatever their e-mail says', async () => {
      const before = await userIdOf({ sub: 'x-1', email: 'before@acme.example' });
      expect(await userIdOf({ sub: 'x-1', email: 'after@acme.example' })).toBe(before);
    });

    it('tells subjects apart letter by letter: case, look-alikes, compositions, plus signs', async () => {
      const subjects = ['ana', 'Ana', 'ANA', 'аna', 'an\u00e1', 'ana\u0301', 'ana+1', 'ana '];
      const ids: string[] = [];
      for (const sub of subjects) ids.push(await userIdOf({ sub, email: 'ana@acme.example' }));
      expect(new Set(ids).size).toBe(subjects.length);
    });
  });

  describe('E05: codes, nonces and who presents them', () => {
    it('refuses a code of another sign-in: PKCE ties it to the one it was given for', async () => {
      const victim = await idps.signInAs('corp');
      const attacker = await idps.signInAs('corp', 'sam');
      const injected = new URL(victim.callbackUrl);
      injected.searchParams.set(
        'code',
        new URL(attacker.callbackUrl).searchParams.get('code') ?? '',
      );
      const { pending } = victim;
      const refusal = await refusalOf(idps.second.finish({ pending, callbackUrl: injected.href }));
      expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'not_begun_here' });
    });

    it.each([
      ['another nonce', { nonce: 'another' }],
      ['no nonce', { nonce: undefined }],
      ['another client’s audience', { aud: 'where2eat' }],
      ['another party', { aud: ['daypass', 'where2eat'], azp: 'where2eat' }],
      ['an end that is past', { exp: 1 }],
      ['no subject', { sub: undefined }],
    ])('refuses an ID token with %s', async (_name, claims) => {
      says(claims);
      const refusal = await refusalOf(idps.second.finish(await idps.signInAs('other')));
      expect(refusal.code).toBe('invalid_token');
    });

    it('refuses an ID token that a key signed which the issuer does not publish', async () => {
      const stranger = newSigningKey('stranger', 'RS256');
      idps.other.service.on('beforeResponse', ({ body }) => {
        const [header, claims] = String(body.id_token).split('.').slice(0, 2).map(read);
        body.id_token = signJwt(stranger, claims, header); // with the `kid` of theirs
      });
      const refusal = await refusalOf(idps.second.finish(await idps.signInAs('other')));
      expect(refusal).toMatchObject({ code: 'invalid_token', detail: 'signature' });
    });

    it('refuses whoever finishes what another browser began, and leaves it to that browser', async () => {
      const { pending, callbackUrl } = await idps.signInAs('corp');
      const mine = (await idps.first.begin({ issuerId: 'corp', returnTo: '/' })).pending;
      for (const cookie of [undefined, '', mine, pending.slice(1), `${pending}x`]) {
        const refusal = await refusalOf(idps.second.finish({ pending: cookie, callbackUrl }));
        expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'not_begun_here' });
      }
      expect((await idps.first.finish({ pending, callbackUrl })).signIn.subject).toBe('ana');
    });

    it('hears one answer to a sign-in: presented to both instances at once, one is', async () => {
      const response = await idps.signInAs('corp');
      const outcomes = await Promise.allSettled(
        [1, 2, 3, 4].flatMap(() => [idps.first.finish(response), idps.second.finish(response)]),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const again = await refusalOf(idps.second.finish(response));
      expect(again.rule).toBe('not_begun_here');
    });

    it('forgets a sign-in after ten minutes', async () => {
      const response = await idps.signInAs('corp');
      idps.advance(601);
      const refusal = await refusalOf(idps.second.finish(response));
      idps.advance(-601);
      expect(refusal.rule).toBe('not_begun_here');
    });

    it('lets several tabs of one browser sign in side by side', async () => {
      const one = await idps.signInAs('corp');
      const two = await idps.signInAs('corp', 'sam', { pending: one.pending });
      expect(two.pending).toBe(one.pending);
      expect((await idps.second.finish(one)).signIn.subject).toBe('ana');
      expect((await idps.second.finish(two)).signIn.subject).toBe('sam');
    });
  });

  describe('E06: issuers that may not be used', () => {
    it('refuses to begin with one that is unknown or disabled', async () => {
      const refusal = await refusalOf(idps.first.begin({ issuerId: 'nobody', returnTo: '/' }));
      expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'issuer' });
    });

    it('refuses the answer of one that was disabled while the person was away at it', async () => {
      const response = await idps.signInAs('corp');
      const corp = idps.issuers.get('corp');
      idps.issuers.delete('corp');
      const before = tokenCalls().length;
      const refusal = await refusalOf(idps.second.finish(response));
      idps.issuers.set('corp', corp!);
      expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'issuer' });
      expect(tokenCalls()).toHaveLength(before);
    });

    it.each([
      ['no state', '?code=abc'],
      ['a state nobody here chose', '?code=abc&state=chosen-by-the-idp'],
      ['state given twice', '?code=abc&state=a&state=b'],
    ])('refuses what an IdP begins of its own accord, with %s', async (_name, search) => {
      const { pending } = await idps.first.begin({ issuerId: 'corp', returnTo: '/' });
      const callbackUrl = `${SELF}/sign-in/callback/corp${search}`;
      const refusal = await refusalOf(idps.second.finish({ pending, callbackUrl }));
      expect(refusal).toMatchObject({ code: 'invalid_request', rule: 'not_begun_here' });
    });
  });

  describe('E08: fixation and forgery', () => {
    it('signs nobody in as the attacker who planted an answer', async () => {
      const attacker = await idps.signInAs('corp', 'sam');
      const victim = await idps.first.begin({ issuerId: 'corp', returnTo: '/' });
      const refusal = await refusalOf(
        idps.second.finish({ pending: victim.pending, callbackUrl: attacker.callbackUrl }),
      );
      expect(refusal.rule).toBe('not_begun_here');
    });

    it('gives a browser a cookie of its own in place of one that is none of ours', async () => {
      const planted = await idps.first.begin({ issuerId: 'corp', returnTo: '/', pending: 'short' });
      expect(planted.pending).toMatch(/^[\w-]{43}$/);
    });
  });

  describe('when the IdP is in the way', () => {
    it('says that the company’s sign-in is down, and what to do', async () => {
      idps.other.service.on('beforeResponse', (response) => {
        Object.assign(response, { statusCode: 502, body: {} });
      });
      const refusal = await refusalOf(idps.second.finish(await idps.signInAs('other')));
      expect(refusal).toMatchObject({
        code: 'temporarily_unavailable',
        message: 'your company’s sign-in does not answer; nobody was signed in',
        remedy: expect.stringContaining('try again in a minute'),
      });
    });

    it('says so where nobody answers at all', async () => {
      idps.issuers.set('gone', {
        id: 'gone',
        issuer: 'http://localhost:9',
        clientId: 'daypass',
        clientSecret: undefined,
      });
      const refusal = await refusalOf(idps.first.begin({ issuerId: 'gone', returnTo: '/' }));
      idps.issuers.delete('gone');
      expect(refusal.code).toBe('temporarily_unavailable');
    });

    it('does not blame the person for a client secret that is wrong', async () => {
      const response = await idps.signInAs('corp');
      const corp = idps.issuers.get('corp')!;
      idps.issuers.set('corp', { ...corp, clientSecret: 'wrong' });
      const refusal = await refusalOf(idps.second.finish(response));
      idps.issuers.set('corp', corp);
      expect(refusal).toMatchObject({
        code: 'temporarily_unavailable',
        detail: expect.stringContaining('invalid_client'),
      });
    });

    it.each([
      ['access_denied', 'access_denied', 'declined'],
      ['login_required', 'access_denied', 'login_required'],
      ['temporarily_unavailable', 'temporarily_unavailable', 'identity_provider_down'],
      ['<script>', 'access_denied', 'declined'],
    ])('hands on that it answered %s', async (error, code, rule) => {
      idps.other.service.on('beforeAuthorizeRedirect', ({ url }) => {
        url.searchParams.delete('code');
        url.searchParams.set('error', error);
        url.searchParams.set('error_description', 'written by nobody we know');
      });
      const refusal = await refusalOf(idps.second.finish(await idps.signInAs('other')));
      expect(refusal).toMatchObject({ code, rule });
      expect(JSON.stringify(refusal)).not.toMatch(/<script>|nobody we know/);
    });
  });

  describe('N01: where metadata is fetched from', () => {
    it.each(['127.0.0.1', 'localhost', '[::1]', '0177.1', '2130706433', '[::ffff:7f00:1]'])(
      'is never %s in production: nothing is sent there',
      async (host) => {
        const target = await startTarget();
        const issuer = `http://${host}:${target.port}`;
        const federation = createFederation({
          issuer: SELF,
          issuers: async () => [
            { id: 'inside', issuer, clientId: 'daypass', clientSecret: undefined },
          ],
          verify: async () => {
            throw new Error('nothing to verify');
          },
          artifacts: {} as never,
          fetch: createFetch({ allowLoopback: false }),
          now: () => new Date(),
        });
        const refusal = await refusalOf(federation.begin({ issuerId: 'inside', returnTo: '/' }));
        expect(refusal.code).toBe('temporarily_unavailable');
        expect(target.connections).toBe(0);
        await target.close();
      },
    );
  });

  describe('re-authentication', () => {
    it('accepts who has just given their password', async () => {
      const response = await idps.signInAs('corp', 'ana', { maxAge: 60 });
      const { signIn } = await idps.second.finish(response);
      expect(signIn.authenticatedAt).toBeGreaterThan(0);
    });

    it.each([
      ['does not say when', {}],
      ['last did so long ago', { auth_time: 1_000_000_000 }],
    ])('refuses one of whom the IdP %s', async (_name, claims) => {
      says(claims);
      const response = await idps.signInAs('other', 'ana', { maxAge: 60 });
      const refusal = await refusalOf(idps.second.finish(response));
      expect(refusal).toMatchObject({ code: 'access_denied', rule: 'max_age' });
    });
  });

  describe('signing out at the IdP', () => {
    it('is by its end_session_endpoint, with no token in the URL', async () => {
      const url = await idps.first.endSession({ issuerId: 'corp', returnTo: `${SELF}/` });
      expect(url?.startsWith(`${idps.corp.issuer}/session/end?`)).toBe(true);
      expect(Object.fromEntries(new URL(url ?? '').searchParams)).toEqual({
        client_id: 'daypass',
        post_logout_redirect_uri: `${SELF}/`,
      });
    });

    it('is left out where the IdP offers none or cannot be asked', async () => {
      expect(await idps.first.endSession({ issuerId: 'nobody', returnTo: '/' })).toBeUndefined();
    });
  });
});
