import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { newBrowser, throughPages } from '../support/authorization.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { LOOPBACK, ORDERS, SECRET, WEB, withPeopleApps } from '../support/people-apps.ts';

/** openid-client and oauth4webapi as they come, with nothing but their public options. */

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure: withPeopleApps });
}, 60_000);
afterAll(() => daypass?.stop());

/** What a person does with a URL that an app sends them to; where they end up. */
const visit = async (url: URL): Promise<URL> => {
  const browser = newBrowser(daypass);
  const page = await throughPages(browser, await browser.get(url.href), {});
  return new URL(page.url);
};

const discover = (client: string, authentication: oidc.ClientAuth) =>
  oidc.discovery(new URL(daypass.issuer), client, undefined, authentication, {
    execute: [oidc.allowInsecureRequests],
  });

describe('openid-client', () => {
  it('signs in to a confidential app: PAR, PKCE, DPoP, ID token, userinfo, refresh and logout', async () => {
    const config = await discover('portal', oidc.ClientSecretBasic(SECRET));
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const verifier = oidc.randomPKCECodeVerifier();
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = await oidc.buildAuthorizationUrlWithPAR(
      config,
      {
        redirect_uri: WEB,
        scope: 'openid',
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      },
      { DPoP },
    );
    const back = await visit(url);
    const tokens = await oidc.authorizationCodeGrant(
      config,
      back,
      { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 600 },
      undefined,
      { DPoP },
    );
    expect(tokens.token_type).toBe('dpop');
    const claims = tokens.claims();
    expect(claims?.sub).toMatch(/^u_/);
    const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '', {
      DPoP,
    });
    expect(userinfo.tenant).toBe('acme');

    const again = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, {
      DPoP,
    });
    expect(again.refresh_token).not.toBe(tokens.refresh_token);
    const out = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://portal.acme.example/bye',
    });
    // A browser that nobody is signed in with: it is sent on at once.
    expect((await visit(out)).href).toBe('https://portal.acme.example/bye');
  });

  it('signs in to a native app for an API', async () => {
    const config = await discover('desk', oidc.None());
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const verifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: `${LOOPBACK.replace('/callback', ':4711/callback')}`,
      scope: 'orders:read',
      resource: ORDERS,
      dpop_jkt: await DPoP.calculateThumbprint(),
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const tokens = await oidc.authorizationCodeGrant(
      config,
      await visit(url),
      { pkceCodeVerifier: verifier },
      undefined,
      { DPoP },
    );
    expect(tokens).toMatchObject({ scope: 'orders:read', token_type: 'dpop' });
    expect(tokens.id_token).toBeUndefined();
  });
});

describe('oauth4webapi', () => {
  const plain = { [oauth.allowInsecureRequests]: true };

  const withNonce = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      return work();
    }
  };

  it('pushes a request, signs in, redeems and refreshes with DPoP', async () => {
    const issuer = new URL(daypass.issuer);
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { ...plain, algorithm: 'oidc' }),
    );
    const client: oauth.Client = { client_id: 'desk' };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const options = { ...plain, DPoP };
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const request = new URLSearchParams({
      client_id: 'desk',
      response_type: 'code',
      redirect_uri: LOOPBACK,
      scope: 'openid',
      resource: ORDERS,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const none = oauth.None();
    const pushed = await withNonce(async () => {
      const response = await oauth.pushedAuthorizationRequest(as, client, none, request, options);
      return oauth.processPushedAuthorizationResponse(as, client, response);
    });
    const url = new URL(as.authorization_endpoint ?? '');
    url.search = `${new URLSearchParams({ client_id: 'desk', request_uri: pushed.request_uri })}`;
    const answer = oauth.validateAuthResponse(as, client, await visit(url), state);
    const tokens = await withNonce(async () => {
      const response = await oauth.authorizationCodeGrantRequest(
        as,
        client,
        none,
        answer,
        LOOPBACK,
        verifier,
        options,
      );
      return oauth.processAuthorizationCodeResponse(as, client, response, { requireIdToken: true });
    });
    expect(oauth.getValidatedIdTokenClaims(tokens)?.sub).toMatch(/^u_/);
    const refreshed = await withNonce(async () => {
      const token = tokens.refresh_token ?? '';
      const response = await oauth.refreshTokenGrantRequest(as, client, none, token, options);
      return oauth.processRefreshTokenResponse(as, client, response);
    });
    expect(refreshed.token_type).toBe('dpop');
  });
});
