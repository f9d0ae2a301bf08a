import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  authorize,
  authorizeUrl,
  challengeOf,
  newBrowser,
  random,
  redeem,
  throughPages,
} from '../support/authorization.ts';
import { formOf } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey } from '../support/dpop.ts';
import {
  BUCKET,
  basic,
  LOOPBACK,
  ORDERS,
  PAGE,
  WEB,
  withPeopleApps,
} from '../support/people-apps.ts';

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure: withPeopleApps });
}, 60_000);
afterAll(() => daypass?.stop());

/** Asks for a code and follows nothing. */
const ask = (client: string, redirect: string, params: Record<string, string | undefined> = {}) =>
  fetch(authorizeUrl(daypass, { client, redirect, params }, random()), { redirect: 'manual' });

const isPage = async (response: Response): Promise<string> => {
  expect(response.headers.get('location')).toBeNull();
  expect(response.headers.get('content-type')).toContain('text/html');
  const text = await response.text();
  expect(text).toContain('request id');
  return text;
};

/** What is sent back to the app, in the query or, for other response types, the fragment. */
const answerOf = (response: Response): URLSearchParams => {
  const { hash, searchParams } = new URL(response.headers.get('location') ?? '');
  return hash === '' ? searchParams : new URLSearchParams(hash.slice(1));
};

const errorOf = (response: Response): string | null => {
  expect(response.status).toBe(303);
  return answerOf(response).get('error');
};

const desk = () =>
  authorize(daypass, { client: 'desk', redirect: LOOPBACK, params: { resource: ORDERS } });

describe('redirect URIs (RFC 9700 §2.1)', () => {
  it.each([
    ['another host', 'https://evil.example/callback'],
    ['a trailing slash', 'https://portal.acme.example/callback/'],
    ['another case', 'https://portal.acme.example/Callback'],
    ['a further query', 'https://portal.acme.example/callback?next=1'],
    ['a fragment', 'https://portal.acme.example/callback#here'],
    ['a user', 'https://portal.acme.example@evil.example/callback'],
    ['a subdomain', 'https://portal.acme.example.evil.example/callback'],
    ['dot segments', 'https://portal.acme.example/x/../callback'],
    ['a backslash', 'https://portal.acme.example\\@evil.example/callback'],
    ['another scheme', 'http://portal.acme.example/callback'],
    ['a script', 'javascript:alert(1)'],
  ])('with %s are not followed: the person sees why', async (_what, redirect) => {
    const response = await ask('portal', redirect);
    expect(response.status).toBe(400);
    expect(await isPage(response)).toContain(
      'Send one of redirect_uris of the app, letter by letter',
    );
  });

  it('of native apps may have any port on loopback, and nothing else of it', async () => {
    const any = await ask('desk', 'http://127.0.0.1:49152/callback', { resource: ORDERS });
    expect(any.headers.get('location')).toContain('/sign-in/');
    await isPage(await ask('desk', 'http://127.0.0.1:49152/other'));
    await isPage(await ask('desk', 'http://localhost:49152/callback'));
    await isPage(await ask('page', 'http://localhost:5176/callback'));
  });

  it('are needed, and an unknown client has none', async () => {
    const page = await isPage(await ask('portal', WEB, { redirect_uri: undefined }));
    // The person is told that it is not theirs to mend; the app's people, what to mend.
    expect(page.indexOf('nothing you did')).toBeLessThan(page.indexOf('For whoever runs the app'));
    expect(page.indexOf('For whoever runs the app')).toBeLessThan(page.indexOf('redirect_uri'));
    await isPage(await ask('nobody', WEB));
    await isPage(await ask('nightly-report', WEB));
  });
});

describe('the authorization endpoint', () => {
  it.each([
    [
      'E09 no challenge',
      { code_challenge: undefined, code_challenge_method: undefined },
      'invalid_request',
    ],
    ['E09 plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['E09 a challenge without its method', { code_challenge_method: undefined }, 'invalid_request'],
    ['implicit', { response_type: 'token' }, 'unsupported_response_type'],
    ['hybrid', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['two resources', { resource: 'https://other.example' }, 'invalid_target'],
    ['a scope beyond the grant of no resource', { scope: 'openid orders:read' }, 'invalid_target'],
    ['claims', { prompt: 'none' }, 'login_required'],
    ['details that are none', { authorization_details: '{' }, 'invalid_authorization_details'],
  ])('refuses %s by sending it back, with state and iss', async (_what, params, error) => {
    const response = await ask('portal', WEB, params);
    expect(errorOf(response)).toBe(error);
    expect(answerOf(response).get('iss')).toBe(daypass.issuer);
    expect(answerOf(response).get('state')).toBe('state-of-the-app');
  });

  it('has no CORS, no frames, no scripts and no cache', async () => {
    const url = authorizeUrl(daypass, {}, random());
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { origin: 'http://localhost:5173' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    const browser = newBrowser(daypass);
    const start = await browser.get(
      authorizeUrl(daypass, { params: { resource: BUCKET } }, random()),
    );
    const consent = await browser.submit(formOf(start), { user: 'ana', password: 'demo' });
    expect(consent.text).toContain('name="decision"');
    const policy = consent.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('script-src');
    expect(consent.headers.get('x-frame-options')).toBe('DENY');
    expect(consent.headers.get('cache-control')).toBe('no-store');
    expect(browser.redirects.map(({ status }) => status)).not.toContain(307);
  });

  it('answers nobody by a form that sends itself', async () => {
    const { page } = await authorize(daypass, {
      client: 'portal',
      redirect: WEB,
      params: { response_mode: 'form_post', resource: ORDERS },
    });
    expect(page.text).not.toContain('<script');
    expect(page.status).toBe(400);
  });
});

describe('what people see', () => {
  it('says which app, whose, what for, what it may touch and for how long; and saying no is heard', async () => {
    const browser = newBrowser(daypass);
    const start = await browser.get(
      authorizeUrl(daypass, { params: { resource: BUCKET } }, random()),
    );
    const consent = await browser.submit(formOf(start), { user: 'ana', password: 'demo' });
    for (const word of [
      'Ana Alves (ana@acme.example)',
      'where2eat',
      'dana@acme.example',
      'friends share menus',
      'upload files',
      '/where2eat/where2eat/uploads/u_',
      '10 MB',
      'image/*',
      '5 minutes',
    ]) {
      expect(consent.text).toContain(word);
    }
    const back = await browser.submit(formOf(consent), { decision: 'deny' });
    expect(new URL(back.url).searchParams.get('error')).toBe('access_denied');
  });

  it('is asked once for the same thing in one session, and again for another', async () => {
    const { jkt: dpop_jkt } = createProofKey();
    const { browser } = await authorize(daypass, { params: { resource: BUCKET, dpop_jkt } });
    const before = browser.redirects.length;
    const again = await authorize(daypass, {
      browser,
      params: { resource: BUCKET, dpop_jkt, prompt: 'none' },
    });
    expect(again.code).not.toBe('');
    expect(browser.redirects.length - before).toBe(1);
    const other = await authorize(daypass, {
      browser,
      params: {
        prompt: 'none',
        scope: 'openid storage:bucket:project-123:read',
        resource: undefined,
      },
    });
    expect(other.answer.get('error')).toBe('consent_required');
  });

  it('E08: a form without the token of its page, or of another browser, changes nothing', async () => {
    const browser = newBrowser(daypass);
    const start = await browser.get(
      authorizeUrl(daypass, { params: { resource: BUCKET } }, random()),
    );
    const consent = await browser.submit(formOf(start), { user: 'ana', password: 'demo' });
    const { action } = formOf(consent);
    const forged = await browser.submit({ action, fields: {} }, { decision: 'allow' });
    expect(forged.status).toBe(400);
    const stranger = await newBrowser(daypass).submit(formOf(consent), { decision: 'allow' });
    expect(stranger.status).toBe(400);
    const real = await browser.submit(formOf(consent), { decision: 'allow' });
    expect(new URL(real.url).searchParams.get('code')).not.toBeNull();
  });

  it('E08: the session has another id after signing in, and its cookie is for here alone', async () => {
    const browser = newBrowser(daypass);
    browser.setCookie(daypass.url, 'daypass_session', 'fixed-by-an-attacker');
    await authorize(daypass, { browser, params: { resource: BUCKET } });
    const first = browser.cookie('daypass_session');
    expect(first?.value).not.toBe('fixed-by-an-attacker');
    expect(first?.attributes.toLowerCase()).toMatch(/httponly/);
    expect(first?.attributes.toLowerCase()).toMatch(/samesite=lax/);
    expect(first?.attributes.toLowerCase()).not.toMatch(/domain=/);
    await authorize(daypass, { browser, params: { resource: BUCKET, prompt: 'login' } });
    expect(browser.cookie('daypass_session')?.value).not.toBe(first?.value);
  });

  it('E08: whoever signs in after somebody else has a session of their own', async () => {
    const params = { resource: BUCKET };
    const ana = await authorize(daypass, { params });
    const { browser } = ana;
    const again = { ...params, prompt: 'login' };
    browser.setCookie(daypass.url, 'idp_session', 'signed out there'); // cookies know no port
    const uma = await authorize(daypass, { browser, user: 'uma', params: again });
    const subjects = await Promise.all(
      [ana, uma].map(async (each) => {
        const answer = await redeem(daypass, each, { key: createProofKey() });
        const [, payload = ''] = String(answer.body.id_token).split('.');
        return JSON.parse(Buffer.from(payload, 'base64url').toString()).sub as string;
      }),
    );
    expect(new Set(subjects).size).toBe(2);
  });

  it('E08: a sign-in begun in one browser cannot be finished in another', async () => {
    const attacker = newBrowser(daypass);
    const login = await attacker.get(
      authorizeUrl(daypass, { params: { resource: BUCKET } }, random()),
    );
    const victim = newBrowser(daypass);
    const page = await victim.get(login.url);
    const done = page.text.includes('name="password"')
      ? await victim.submit(formOf(page), { user: 'ana', password: 'demo' })
      : page;
    expect(done.status).toBeGreaterThanOrEqual(400);
  });
});

describe('authorization codes', () => {
  it('R01: fifty redemptions at once on two instances have one winner, and what it got is revoked', async () => {
    const authorized = await desk();
    const key = createProofKey();
    const beside = await startTestDaypass({ beside: daypass, configure: withPeopleApps });
    try {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          redeem(daypass, authorized, { key, at: n % 2 === 0 ? daypass.url : beside.url }),
        ),
      );
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners).toHaveLength(1);
      const others = answers.filter(({ status }) => status !== 200);
      const errors = new Set(others.map(({ body }) => body.error));
      errors.delete('temporarily_unavailable'); // where the machine is too busy to say
      expect([...errors]).toEqual(['invalid_grant']);
      const refreshed = await createClient(daypass.url).call('/token', {
        form: {
          grant_type: 'refresh_token',
          client_id: 'desk',
          refresh_token: String(winners[0]?.body.refresh_token),
        },
        key,
      });
      expect(refreshed.body.error).toBe('invalid_grant');
    } finally {
      await beside.stop();
    }
  }, 30_000);

  it.each([
    ['another verifier', { code_verifier: random() }],
    ['no verifier', { code_verifier: '' }],
    ['another redirect_uri', { redirect_uri: 'http://127.0.0.1:9/callback' }],
    ['another client', { client_id: 'page' }],
  ])('are refused with %s, and are good after that (code injection)', async (_what, params) => {
    const authorized = await desk();
    const key = createProofKey();
    const refused = await redeem(daypass, authorized, { key, params });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await redeem(daypass, authorized, { key })).status).toBe(200);
  });

  it('last a minute', async () => {
    const authorized = await desk();
    daypass.advance(61);
    const late = await redeem(daypass, authorized, { key: createProofKey() });
    expect(late.body.error).toBe('invalid_grant');
  });

  it('D12: belong to the key of dpop_jkt', async () => {
    const key = createProofKey();
    const params = { resource: ORDERS, dpop_jkt: key.jkt };
    const authorized = await authorize(daypass, { client: 'desk', redirect: LOOPBACK, params });
    const thief = await redeem(daypass, authorized, { key: createProofKey() });
    expect(thief.body.error).toBe('invalid_grant');
    expect((await redeem(daypass, authorized, { key })).status).toBe(200);
  });

  it('need the proof that the app must make', async () => {
    const authorized = await desk();
    const answer = await redeem(daypass, authorized);
    expect(answer.body.error).toBe('invalid_dpop_proof');
  });
});

describe('pushed authorization requests (RFC 9126)', () => {
  const push = (
    params: Record<string, string>,
    headers: Record<string, string> = basic('portal'),
  ) => {
    const form = {
      client_id: 'portal',
      response_type: 'code',
      redirect_uri: WEB,
      scope: 'openid',
      resource: ORDERS,
      code_challenge: challengeOf('v'.repeat(43)),
      code_challenge_method: 'S256',
      ...params,
    };
    return createClient(daypass.url).call('/par', { form, headers });
  };

  it('come from a client that authenticates, and are good once', async () => {
    const refused = await push({}, {});
    expect(refused.status).toBe(401);
    const pushed = await push({});
    expect(pushed.status).toBe(201);
    const uri = String(pushed.body.request_uri);
    const url = `${daypass.url}/authorize?${new URLSearchParams({ client_id: 'portal', request_uri: uri })}`;
    const browser = newBrowser(daypass);
    const page = await throughPages(browser, await browser.get(url), {});
    const code = new URL(page.url).searchParams.get('code') ?? '';
    const authorized = { code, verifier: 'v'.repeat(43), redirect: WEB, client: 'portal' };
    const answer = await redeem(daypass, authorized, { headers: basic('portal') });
    expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 300 });
    const again = await browser.get(url);
    expect(again.url).not.toContain('code=');
  });

  it('say what is wrong with them', async () => {
    const answer = await push({ redirect_uri: 'https://evil.example/' });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(answer.body.request_id).toEqual(expect.any(String));
    expect((await push({ resource: 'https://other.example' })).body).toMatchObject({
      error: 'invalid_target',
      violations: [{ rule: 'not_granted' }],
    });
  });

  it('D12: with a proof of one key and dpop_jkt of another are refused; either binds the code', async () => {
    const key = createProofKey();
    const client = createClient(daypass.url);
    const form = {
      client_id: 'desk',
      response_type: 'code',
      redirect_uri: LOOPBACK,
      scope: 'openid',
      resource: ORDERS,
      code_challenge: challengeOf('v'.repeat(43)),
      code_challenge_method: 'S256',
    };
    const both = { ...form, dpop_jkt: createProofKey().jkt };
    expect(await client.call('/par', { form: both, key })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', violations: [{ field: 'dpop_jkt' }] },
    });
    const pushed = await client.call('/par', { form, key });
    expect(pushed.status).toBe(201);
    const query = { client_id: 'desk', request_uri: String(pushed.body.request_uri) };
    const browser = newBrowser(daypass);
    const start = await browser.get(`${daypass.url}/authorize?${new URLSearchParams(query)}`);
    const page = await throughPages(browser, start, {});
    const code = new URL(page.url).searchParams.get('code') ?? '';
    const authorized = { code, verifier: 'v'.repeat(43), redirect: LOOPBACK, client: 'desk' };
    const thief = await redeem(daypass, authorized, { key: createProofKey() });
    expect(thief.body.error).toBe('invalid_grant');
    expect((await redeem(daypass, authorized, { key })).status).toBe(200);
  });
});

describe('signing out', () => {
  it('ends the session, and whatever apps got in it', async () => {
    const authorized = await authorize(daypass, {
      client: 'portal',
      redirect: WEB,
      params: { resource: ORDERS },
    });
    const tokens = await redeem(daypass, authorized, { headers: basic('portal') });
    const { browser } = authorized;
    const query = new URLSearchParams({
      id_token_hint: String(tokens.body.id_token),
      post_logout_redirect_uri: 'https://portal.acme.example/bye',
      state: 'bye',
    });
    const page = await browser.get(`${daypass.url}/session/end?${query}`);
    expect(page.text).toContain('Sign out?');
    expect(page.headers.get('content-security-policy')).toContain('https://portal.acme.example');
    const out = await browser.submit(formOf(page), { logout: 'yes' });
    expect(out.url).toBe('https://portal.acme.example/bye?state=bye');
    const refreshed = await createClient(daypass.url).call('/token', {
      form: { grant_type: 'refresh_token', refresh_token: String(tokens.body.refresh_token) },
      headers: basic('portal'),
    });
    expect(refreshed.body.error).toBe('invalid_grant');
    const silent = await authorize(daypass, {
      browser,
      client: 'portal',
      redirect: WEB,
      params: { resource: ORDERS, prompt: 'none' },
    });
    expect(silent.answer.get('error')).toBe('login_required');
  });

  it('sends nobody anywhere that is not registered', async () => {
    const query = new URLSearchParams({
      client_id: 'portal',
      post_logout_redirect_uri: 'https://evil.example/',
    });
    await isPage(await fetch(`${daypass.url}/session/end?${query}`, { redirect: 'manual' }));
  });
});

describe('userinfo', () => {
  it('says who signed in, for a token that was given for that', async () => {
    const authorized = await authorize(daypass, { client: 'page', redirect: PAGE });
    const key = createProofKey();
    const tokens = await redeem(daypass, authorized, { key });
    expect(tokens.body.scope).toBe('openid');
    const client = createClient(daypass.url);
    const token = String(tokens.body.access_token);
    const answer = await client.call('/userinfo', { token, key });
    const sub = JSON.parse(
      Buffer.from(String(tokens.body.id_token).split('.')[1] ?? '', 'base64url').toString(),
    ).sub;
    expect(answer.body).toEqual({ sub, tenant: 'acme' });
    const elsewhere = await client.call(`/objects?resource=${BUCKET}`, { token, key });
    expect(elsewhere.status).toBe(400);
  });

  it('takes no cookie', async () => {
    const { browser } = await authorize(daypass, { client: 'page', redirect: PAGE });
    const page = await browser.get(`${daypass.url}/userinfo`);
    expect(page.status).toBe(401);
  });
});
