import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { newBrowser, throughPages } from '../support/authorization.ts';
import { type Browser, formOf } from '../support/browser.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';

/** Both libraries as they come, for an app with `profile: fapi2`: private_key_jwt, PAR and DPoP, from signing in to signing out. */

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const BYE = 'https://portal.acme.example/bye';

const configure = (demo: DeploymentDocument): DeploymentDocument => {
  const people = withPeopleApps(demo);
  const portal = people.apps?.find(({ id }) => id === 'portal');
  if (!portal) throw new Error('nothing to start from');
  const { secret_hash: _, ...app } = portal;
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one' } as { kty: 'EC' };
  return {
    ...people,
    apps: [...(people.apps ?? []), { ...app, id: 'bank', profile: 'fapi2', jwks: { keys: [jwk] } }],
  };
};

let daypass: TestDaypass;
let key: webcrypto.CryptoKey;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure });
  const jwk = privateKey.export({ format: 'jwk' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  key = await webcrypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']);
}, 60_000);
afterAll(() => daypass?.stop());

const visit = async (browser: Browser, url: URL): Promise<URL> =>
  new URL((await throughPages(browser, await browser.get(url.href), {})).url);

describe('openid-client', () => {
  it('keeps to the profile: signs in, asks about its token, gives it back and signs out', async () => {
    const config = await oidc.discovery(
      new URL(daypass.issuer),
      'bank',
      undefined,
      oidc.PrivateKeyJwt({ key, kid: 'one' }),
      { execute: [oidc.allowInsecureRequests] },
    );
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const verifier = oidc.randomPKCECodeVerifier();
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = await oidc.buildAuthorizationUrlWithPAR(
      config,
      {
        redirect_uri: WEB,
        scope: 'openid orders:read',
        resource: ORDERS,
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      },
      { DPoP },
    );
    const browser = newBrowser(daypass);
    const tokens = await oidc.authorizationCodeGrant(
      config,
      await visit(browser, url),
      { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
      { resource: ORDERS },
      { DPoP },
    );
    expect(tokens).toMatchObject({ token_type: 'dpop', scope: 'openid orders:read' });

    const refreshed = await oidc.refreshTokenGrant(
      config,
      tokens.refresh_token ?? '',
      {},
      { DPoP },
    );
    expect(refreshed.refresh_token).toBe(tokens.refresh_token);

    const told = await oidc.tokenIntrospection(config, tokens.access_token);
    expect(told).toMatchObject({ active: true, client_id: 'bank', aud: ORDERS });
    await oidc.tokenRevocation(config, tokens.access_token);
    expect((await oidc.tokenIntrospection(config, tokens.access_token)).active).toBe(false);

    const out = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: BYE,
      state: 'on the way out',
    });
    const asked = await browser.get(out.href);
    const gone = new URL((await browser.submit(formOf(asked), { logout: 'yes' })).url);
    expect(`${gone.origin}${gone.pathname}`).toBe(BYE);
    expect(gone.searchParams.get('state')).toBe('on the way out');
    // What came of the sign-in has ended with it.
    await expect(
      oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', {}, { DPoP }),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('oauth4webapi', () => {
  it('keeps to the profile: pushes, signs in, redeems, asks about its token and gives it back', async () => {
    const plain = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(daypass.issuer);
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { ...plain, algorithm: 'oauth2' }),
    );
    const bank: oauth.Client = { client_id: 'bank' };
    const authentication = oauth.PrivateKeyJwt({ key, kid: 'one' });
    const DPoP = oauth.DPoP(bank, await oauth.generateKeyPair('ES256'));
    const options = { ...plain, DPoP };
    const withNonce = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      try {
        return await work();
      } catch (error) {
        if (!oauth.isDPoPNonceError(error)) throw error;
        return work();
      }
    };

    const verifier = oauth.generateRandomCodeVerifier();
    const request = new URLSearchParams({
      client_id: 'bank',
      response_type: 'code',
      redirect_uri: WEB,
      scope: 'openid',
      resource: ORDERS,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const pushed = await withNonce(async () =>
      oauth.processPushedAuthorizationResponse(
        as,
        bank,
        await oauth.pushedAuthorizationRequest(as, bank, authentication, request, options),
      ),
    );
    const url = new URL(as.authorization_endpoint ?? '');
    url.search = `${new URLSearchParams({ client_id: 'bank', request_uri: pushed.request_uri })}`;
    const back = await visit(newBrowser(daypass), url);
    const answer = oauth.validateAuthResponse(as, bank, back, oauth.expectNoState);
    const tokens = await withNonce(async () =>
      oauth.processAuthorizationCodeResponse(
        as,
        bank,
        await oauth.authorizationCodeGrantRequest(
          as,
          bank,
          authentication,
          answer,
          WEB,
          verifier,
          options,
        ),
        { requireIdToken: true },
      ),
    );
    expect(tokens.token_type).toBe('dpop');

    const ask = async () =>
      oauth.processIntrospectionResponse(
        as,
        bank,
        await oauth.introspectionRequest(as, bank, authentication, tokens.access_token, plain),
      );
    expect(await ask()).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: await DPoP.calculateThumbprint() },
    });
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, bank, authentication, tokens.access_token, plain),
    );
    expect(await ask()).toEqual({ active: false });
  });
});
