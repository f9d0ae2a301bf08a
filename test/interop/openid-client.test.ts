import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as oidc from 'openid-client';
import {
  ACCESS_TOKEN,
  BUCKET,
  EXCHANGE,
  ID_TOKEN,
  ORDERS,
  openTokenEndpoint,
  SECRET,
  type TokenEndpoint,
} from '../spec/token-endpoint.ts';

/** openid-client as it comes: public options only, plain http because the broker is on loopback. */

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const discover = (
  clientId: string,
  authentication: oidc.ClientAuth,
  algorithm?: 'oauth2',
): Promise<oidc.Configuration> =>
  oidc.discovery(new URL(endpoint.issuer), clientId, undefined, authentication, {
    execute: [oidc.allowInsecureRequests],
    ...(algorithm && { algorithm }),
  });

describe('openid-client', () => {
  it('discovers the broker under either well-known name', async () => {
    for (const algorithm of [undefined, 'oauth2'] as const) {
      const config = await discover('reports', oidc.ClientSecretPost(SECRET), algorithm);
      expect(config.serverMetadata()).toMatchObject({
        issuer: endpoint.issuer,
        token_endpoint: `${endpoint.issuer}/token`,
      });
      expect(config.serverMetadata().supportsPKCE()).toBe(true);
    }
  });

  it.each([
    ['client_secret_post', oidc.ClientSecretPost],
    ['client_secret_basic', oidc.ClientSecretBasic],
  ] as const)('gets client credentials with %s', async (_, authentication) => {
    const config = await discover('reports', authentication(SECRET));
    const tokens = await oidc.clientCredentialsGrant(config, {
      resource: ORDERS,
      scope: 'orders:read',
    });
    expect(tokens).toMatchObject({ token_type: 'bearer', scope: 'orders:read' });
    expect(tokens.expiresIn()).toBeGreaterThan(0);
  });

  it('exchanges a user’s ID token for a token of an API', async () => {
    const config = await discover('portal', oidc.ClientSecretBasic(SECRET));
    const tokens = await oidc.genericGrantRequest(config, EXCHANGE, {
      subject_token: await endpoint.signIn('portal'),
      subject_token_type: ID_TOKEN,
      resource: ORDERS,
    });
    expect(tokens).toMatchObject({ issued_token_type: ACCESS_TOKEN, token_type: 'bearer' });
  });

  it('exchanges it for storage, by scope, and narrows what it got', async () => {
    const config = await discover('portal', oidc.ClientSecretBasic(SECRET));
    const subject = {
      subject_token: await endpoint.signIn('portal'),
      subject_token_type: ID_TOKEN,
    };
    const all = await oidc.genericGrantRequest(config, EXCHANGE, { ...subject, resource: BUCKET });
    const scope = all.scope?.split(' ').find((one) => one.includes(':read:'));
    const asked = await oidc.genericGrantRequest(config, EXCHANGE, {
      ...subject,
      scope: scope ?? '',
    });
    expect(asked.scope).toBe(scope);
    const narrowed = await oidc.genericGrantRequest(config, EXCHANGE, {
      subject_token: all.access_token,
      subject_token_type: ACCESS_TOKEN,
      scope: scope ?? '',
    });
    expect(narrowed.scope).toBe(scope);
  });

  it('has a public app prove its key, nonces and all, and use what it got', async () => {
    const config = await discover('where2eat', oidc.None());
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const subject = {
      subject_token: await endpoint.signIn('where2eat'),
      subject_token_type: ID_TOKEN,
      resource: BUCKET,
    };
    const tokens = await oidc.genericGrantRequest(config, EXCHANGE, subject, { DPoP });
    expect(tokens.token_type).toBe('dpop');

    const objects = new URL(`${endpoint.issuer}/objects?resource=${BUCKET}`);
    const list = () =>
      oidc.fetchProtectedResource(config, tokens.access_token, objects, 'GET', null, undefined, {
        DPoP,
      });
    expect((await list()).status).toBe(200);
    const stranger = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    await expect(
      oidc.fetchProtectedResource(config, tokens.access_token, objects, 'GET', null, undefined, {
        DPoP: stranger,
      }),
    ).rejects.toThrow(oidc.WWWAuthenticateChallengeError);
  });

  it.each(['ES256', 'Ed25519', 'PS256', 'RS256'])('proves a key of kind %s', async (algorithm) => {
    const config = await discover('reports', oidc.ClientSecretPost(SECRET));
    expect(config.serverMetadata().dpop_signing_alg_values_supported).toContain(algorithm);
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair(algorithm));
    const tokens = await oidc.clientCredentialsGrant(config, { resource: ORDERS }, { DPoP });
    expect(tokens.token_type).toBe('dpop');
  });

  it('understands why it is refused', async () => {
    const config = await discover('reports', oidc.ClientSecretPost(SECRET));
    await expect(
      oidc.clientCredentialsGrant(config, { resource: ORDERS, scope: 'orders:write' }),
    ).rejects.toMatchObject({
      error: 'invalid_scope',
      status: 400,
      cause: { violations: [{ rule: 'not_held' }] },
    });
    const stranger = await discover('reports', oidc.ClientSecretPost('wrong'));
    await expect(oidc.clientCredentialsGrant(stranger, { resource: ORDERS })).rejects.toMatchObject(
      { error: 'invalid_client', status: 401 },
    );
  });

  it('asks about a token as the API it is for, and gives it back as the client it is of', async () => {
    const reports = await discover('reports', oidc.ClientSecretBasic(SECRET));
    const api = await discover('orders-api', oidc.ClientSecretPost(SECRET));
    const { access_token } = await oidc.clientCredentialsGrant(reports, { resource: ORDERS });
    expect(await oidc.tokenIntrospection(api, access_token)).toMatchObject({
      active: true,
      aud: ORDERS,
      client_id: 'reports',
    });
    await expect(oidc.tokenRevocation(api, access_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await oidc.tokenRevocation(reports, access_token, { token_type_hint: 'access_token' });
    expect(await oidc.tokenIntrospection(api, access_token)).toEqual({ active: false });
  });

  it('gives back the token of a page, which has no credentials', async () => {
    const page = await discover('where2eat', oidc.None());
    const DPoP = oidc.getDPoPHandle(page, await oidc.randomDPoPKeyPair('ES256'));
    const { access_token } = await oidc.genericGrantRequest(
      page,
      EXCHANGE,
      {
        subject_token: await endpoint.signIn('where2eat'),
        subject_token_type: ID_TOKEN,
        resource: ORDERS,
      },
      { DPoP },
    );
    const api = await discover('orders-api', oidc.ClientSecretBasic(SECRET));
    expect(await oidc.tokenIntrospection(api, access_token)).toMatchObject({ active: true });
    await oidc.tokenRevocation(page, access_token);
    expect(await oidc.tokenIntrospection(api, access_token)).toEqual({ active: false });
  });
});
