import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import {
  authorizeUrl,
  challengeOf,
  newBrowser,
  random,
  throughPages,
} from '../support/authorization.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Two issuers to choose from, and an app that signs what it asks. */
const configure = (demo: DeploymentDocument): DeploymentDocument => {
  const { apps = [], issuers = [], ...rest } = withPeopleApps(demo);
  const portal = apps.find(({ id }) => id === 'portal');
  const [corp] = issuers;
  if (!portal || !corp) throw new Error('nothing to start from');
  const { secret_hash: _, ...signer } = portal;
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' };
  return {
    ...rest,
    issuers: [
      corp,
      { ...corp, id: 'partners', issuer: 'http://localhost:9', sign_in: { client_id: 'daypass' } },
    ],
    apps: [
      ...apps.map((app) => ({
        ...app,
        subject_audiences: (app.subject_audiences ?? []).map((audience) =>
          typeof audience === 'string' ? { issuer: 'corp', audience } : audience,
        ),
      })),
      { ...signer, id: 'signer', jwks: { keys: [jwk as { kty: 'EC' }] } },
    ],
  };
};

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure });
}, 60_000);
afterAll(() => daypass?.stop());

describe('where several issuers let people in', () => {
  it('they choose, by a link; one that is down says so on a page, with a request id', async () => {
    const browser = newBrowser(daypass);
    const url = authorizeUrl(daypass, { client: 'portal', redirect: WEB }, random());
    const chooser = await browser.get(url);
    expect(chooser.status).toBe(200);
    expect(chooser.text).toContain('<h1>Sign in to continue to portal</h1>');
    const links = [
      ...chooser.text.matchAll(/class="action second" href="([^"]+)">([^<]+) <small>([^<]+)</g),
    ];
    const named = links.map(([, , name, host]) => `${name} ${host}`);
    expect(named).toEqual([`corp localhost:${daypass.idpPort}`, 'partners localhost:9']);
    const to = (name: string): string =>
      new URL(links.find(([, , each]) => each === name)?.[1] ?? '', daypass.url).href;

    const down = await browser.get(to('partners'));
    expect(down.status).toBe(503);
    expect(down.text).toContain('request id');
    const page = await throughPages(browser, await browser.get(to('corp')), {});
    expect(new URL(page.url).searchParams.get('code')).not.toBeNull();
  });
});

describe('signed requests (RFC 9101)', () => {
  const signed = (
    claims: Record<string, unknown>,
    life = 60,
    typ: string | undefined = 'oauth-authz-req+jwt',
  ): Promise<string> =>
    new SignJWT({
      client_id: 'signer',
      response_type: 'code',
      redirect_uri: WEB,
      scope: 'openid',
      resource: ORDERS,
      state: 'signed',
      code_challenge: challengeOf('v'.repeat(43)),
      code_challenge_method: 'S256',
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', ...(typ && { typ }) })
      .setIssuer('signer')
      .setAudience(daypass.issuer)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + life)
      .sign(privateKey);

  const ask = (request: string) => {
    const query = new URLSearchParams({ client_id: 'signer', request });
    return fetch(`${daypass.url}/authorize?${query}`, { redirect: 'manual' });
  };

  it('are taken, and nothing beside them is', async () => {
    const answer = await ask(await signed({}));
    expect(answer.headers.get('location')).toContain('/sign-in/');
  });

  it('are refused where they are forged, unsigned or good for long', async () => {
    const forged = `${(await signed({})).slice(0, -8)}AAAAAAAA`;
    const [, payload] = (await signed({})).split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    for (const request of [forged, `${none}.${payload}.`, await signed({}, 3_600)]) {
      const answer = await ask(request);
      expect(answer.headers.get('location') ?? '').not.toContain('/sign-in/');
    }
  });

  /** As the client authenticates with it (RFC 7523), and with the parameters of a request besides. */
  const assertion = (claims: object = {}, typ?: string): Promise<string> =>
    new SignJWT({ ...claims, jti: random() })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', ...(typ && { typ }) })
      .setIssuer('signer')
      .setSubject('signer')
      .setAudience(daypass.issuer)
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(privateKey);

  const push = async (request: string, client_assertion?: string) =>
    fetch(`${daypass.url}/par`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'signer',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: client_assertion ?? (await assertion()),
        request,
      }),
    });

  it('may leave out their type; another type is another kind of JWT (§10.8)', async () => {
    for (const typ of ['', 'JWT', 'application/OAUTH-authz-req+jwt']) {
      const request = await signed({}, 60, typ);
      expect((await ask(request)).headers.get('location')).toContain('/sign-in/');
      expect((await push(request)).status).toBe(201);
    }
    for (const typ of ['client-authentication+jwt', 'dpop+jwt', 'at+jwt']) {
      const request = await signed({}, 60, typ);
      expect((await ask(request)).headers.get('location') ?? '').not.toContain('/sign-in/');
      const pushed = await push(request);
      expect([pushed.status, await pushed.json()]).toMatchObject([
        400,
        { error: 'invalid_request_object' },
      ]);
    }
  });

  it('are not what a client authenticates with, nor the other way (§10.8)', async () => {
    const parameters = { client_id: 'signer', response_type: 'code', redirect_uri: WEB };
    const whole = { code_challenge: challengeOf('v'.repeat(43)), code_challenge_method: 'S256' };
    for (const request of [
      await assertion(),
      await assertion({ client_id: 'signer' }),
      await assertion({ ...parameters, ...whole, scope: 'openid', resource: ORDERS }),
      await signed({ response_type: undefined }),
      await signed({ client_id: undefined }),
    ]) {
      expect((await ask(request)).headers.get('location') ?? '').not.toContain('/sign-in/');
      expect((await push(request)).status).toBe(400);
    }
    const typed = await push(await signed({}), await assertion({}, 'oauth-authz-req+jwt'));
    expect([typed.status, await typed.json()]).toMatchObject([401, { error: 'invalid_client' }]);
  });

  it('of another place are never fetched', async () => {
    const query = new URLSearchParams({ client_id: 'signer', request_uri: 'http://localhost:9/r' });
    const answer = await fetch(`${daypass.url}/authorize?${query}`, { redirect: 'manual' });
    expect(answer.headers.get('location') ?? '').not.toContain('/sign-in/');
  });
});
