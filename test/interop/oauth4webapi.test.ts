import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import {
  ACCESS_TOKEN,
  BUCKET,
  EXCHANGE,
  ID_TOKEN,
  ORDERS,
  openTokenEndpoint,
  SECRET,
  signer,
  type TokenEndpoint,
} from '../spec/token-endpoint.ts';

/** oauth4webapi as it comes, its caller doing what its documentation says: nonces are asked for once more. */

let endpoint: TokenEndpoint;
let as: oauth.AuthorizationServer;
const plain = { [oauth.allowInsecureRequests]: true };

beforeAll(async () => {
  endpoint = await openTokenEndpoint();
  const issuer = new URL(endpoint.issuer);
  const response = await oauth.discoveryRequest(issuer, { ...plain, algorithm: 'oauth2' });
  as = await oauth.processDiscoveryResponse(issuer, response);
}, 60_000);
afterAll(() => endpoint?.stop());

/** As its documentation has it: once more where a nonce is wanted. */
const withNonce = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return work();
  }
};

const signerAuthentication = async (): Promise<oauth.ClientAuth> => {
  const key = await crypto.subtle.importKey(
    'jwk',
    signer.privateKey.export({ format: 'jwk' }),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  );
  return oauth.PrivateKeyJwt({ key, kid: signer.kid });
};

/** A request as the API at ORDERS gets it. */
const toOrders = (token: string, scheme: string, proof?: string): Request =>
  new Request(`${ORDERS}/today`, {
    headers: { authorization: `${scheme} ${token}`, ...(proof && { dpop: proof }) },
  });

describe('oauth4webapi', () => {
  it('discovers the authorization server through the protected resource (RFC 9728)', async () => {
    const resource = new URL(endpoint.issuer);
    const response = await oauth.resourceDiscoveryRequest(resource, plain);
    const metadata = await oauth.processResourceDiscoveryResponse(resource, response);
    expect(metadata.authorization_servers).toEqual([as.issuer]);
  });

  it('gets client credentials with private_key_jwt, bound to a key', async () => {
    const client: oauth.Client = { client_id: 'signer' };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const authentication = await signerAuthentication();
    const tokens = await withNonce(async () => {
      const response = await oauth.clientCredentialsGrantRequest(
        as,
        client,
        authentication,
        { resource: ORDERS },
        { ...plain, DPoP },
      );
      return oauth.processClientCredentialsResponse(as, client, response);
    });
    expect(tokens.token_type).toBe('dpop');
  });

  it('has an API validate the JWT it gets, by the published keys', async () => {
    const client: oauth.Client = { client_id: 'reports' };
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      client,
      oauth.ClientSecretBasic(SECRET),
      { resource: ORDERS, scope: 'orders:read' },
      plain,
    );
    const { access_token: token } = await oauth.processClientCredentialsResponse(
      as,
      client,
      response,
    );
    const claims = await oauth.validateJwtAccessToken(as, toOrders(token, 'Bearer'), ORDERS, plain);
    expect(claims).toMatchObject({ client_id: 'reports', sub: 'reports', scope: 'orders:read' });
    await expect(
      oauth.validateJwtAccessToken(as, toOrders(token, 'Bearer'), 'https://other.example', plain),
    ).rejects.toThrow();
  });

  it('has an API validate a bound JWT with its proof, and refuse it without', async () => {
    const client: oauth.Client = { client_id: 'where2eat' };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const subject_token = await endpoint.signIn('where2eat');
    const tokens = await withNonce(async () => {
      const response = await oauth.genericTokenEndpointRequest(
        as,
        client,
        oauth.None(),
        EXCHANGE,
        { subject_token, subject_token_type: ID_TOKEN, resource: ORDERS },
        { ...plain, DPoP },
      );
      return oauth.processGenericTokenEndpointResponse(as, client, response);
    });
    expect(tokens).toMatchObject({ token_type: 'dpop', issued_token_type: ACCESS_TOKEN });

    const token = tokens.access_token;
    let sent: Headers | undefined;
    await oauth.protectedResourceRequest(
      token,
      'GET',
      new URL(`${ORDERS}/today`),
      undefined,
      undefined,
      {
        DPoP,
        [oauth.customFetch]: async (_url, { headers }) => {
          sent = new Headers(headers);
          return new Response();
        },
      },
    );
    const proof = sent?.get('dpop') ?? '';
    const claims = await oauth.validateJwtAccessToken(
      as,
      toOrders(token, 'DPoP', proof),
      ORDERS,
      plain,
    );
    expect(claims.cnf?.jkt).toBe(await DPoP.calculateThumbprint());
    await expect(
      oauth.validateJwtAccessToken(as, toOrders(token, 'Bearer'), ORDERS, plain),
    ).rejects.toThrow();
  });

  it('exchanges a user’s ID token for storage by authorization_details', async () => {
    const client: oauth.Client = { client_id: 'portal' };
    const authentication = oauth.ClientSecretPost(SECRET);
    const ask = async (form: Record<string, string>) => {
      const response = await oauth.genericTokenEndpointRequest(
        as,
        client,
        authentication,
        EXCHANGE,
        {
          subject_token: await endpoint.signIn('portal'),
          subject_token_type: ID_TOKEN,
          ...form,
        },
        plain,
      );
      return oauth.processGenericTokenEndpointResponse(as, client, response);
    };
    const { authorization_details: held } = await ask({ resource: BUCKET, scope: 'read' });
    const { authorization_details: given } = await ask({
      authorization_details: JSON.stringify(held),
    });
    expect(given).toEqual(held);
    await expect(ask({ resource: 'bucket:unknown' })).rejects.toMatchObject({
      error: 'invalid_target',
    });
  });

  it('understands a challenge, where it authenticated by header', async () => {
    const client: oauth.Client = { client_id: 'reports' };
    const grant = async () =>
      oauth.processClientCredentialsResponse(
        as,
        client,
        await oauth.clientCredentialsGrantRequest(
          as,
          client,
          oauth.ClientSecretBasic('wrong'),
          { resource: ORDERS },
          plain,
        ),
      );
    await expect(grant()).rejects.toMatchObject({
      cause: [{ scheme: 'basic', parameters: { realm: endpoint.issuer } }],
    });
  });

  it('asks about a token, takes the answer signed (RFC 9701), and gives the token back', async () => {
    const reports: oauth.Client = { client_id: 'reports' };
    const basic = oauth.ClientSecretBasic(SECRET);
    const granted = await oauth.clientCredentialsGrantRequest(
      as,
      reports,
      basic,
      { resource: ORDERS },
      plain,
    );
    const { access_token: token } = await oauth.processClientCredentialsResponse(
      as,
      reports,
      granted,
    );
    // ES256, where RFC 9701 §6 would have RS256 for a client that says nothing.
    const api: oauth.Client = { client_id: 'signer', introspection_signed_response_alg: 'ES256' };
    const ask = async (requestJwtResponse: boolean) => {
      const authentication = await signerAuthentication();
      const options = { ...plain, requestJwtResponse };
      const response = await oauth.introspectionRequest(as, api, authentication, token, options);
      const answer = await oauth.processIntrospectionResponse(as, api, response);
      if (requestJwtResponse) await oauth.validateApplicationLevelSignature(as, response, plain);
      return answer;
    };
    expect(await ask(false)).toMatchObject({ active: true, client_id: 'reports', aud: ORDERS });
    expect(await ask(true)).toEqual(await ask(false));

    const revoked = await oauth.revocationRequest(as, reports, basic, token, plain);
    await oauth.processRevocationResponse(revoked);
    expect(await ask(true)).toEqual({ active: false });
  });
});
