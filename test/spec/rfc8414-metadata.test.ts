import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXCHANGE, openTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const RESOURCE = '/.well-known/oauth-protected-resource';
const ALGORITHMS = ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'];
const PUBLISHED = [OAUTH, OPENID, RESOURCE, '/jwks'];

const read = async (path: string): Promise<Record<string, unknown>> => {
  const response = await fetch(`${endpoint.issuer}${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
};

/** With a Host of our choice, which fetch does not let one set. */
const readAs = (path: string, headers: Record<string, string>): Promise<string> =>
  new Promise((resolve, reject) => {
    request(`${endpoint.issuer}${path}`, { headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });

describe('metadata of the authorization server, RFC 8414', () => {
  it('§2 is what this release does, and no more', async () => {
    const { issuer } = endpoint;
    expect(await read(OAUTH)).toEqual({
      issuer,
      tls_client_certificate_bound_access_tokens: false, // no certificate reaches this one
      authorization_endpoint: `${issuer}/authorize`,
      pushed_authorization_request_endpoint: `${issuer}/par`,
      require_pushed_authorization_requests: false,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      end_session_endpoint: `${issuer}/session/end`,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        EXCHANGE,
      ],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      prompt_values_supported: ['none', 'login', 'consent'],
      scopes_supported: ['openid', 'offline_access'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      claims_supported: [
        'sub',
        'iss',
        'aud',
        'exp',
        'iat',
        'auth_time',
        'nonce',
        'acr',
        'sid',
        'tenant',
      ],
      claims_parameter_supported: false,
      request_parameter_supported: true,
      request_uri_parameter_supported: false,
      request_object_signing_alg_values_supported: ALGORITHMS,
      token_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
        'none',
      ],
      token_endpoint_auth_signing_alg_values_supported: [
        'ES256',
        'Ed25519',
        'EdDSA',
        'RS256',
        'PS256',
      ],
      introspection_endpoint: `${issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
      ],
      introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      introspection_signing_alg_values_supported: ['ES256'],
      revocation_endpoint: `${issuer}/revoke`,
      revocation_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
        'none',
      ],
      revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      dpop_signing_alg_values_supported: ALGORITHMS,
      authorization_details_types_supported: ['daypass_storage'],
      protected_resources: [issuer],
      service_documentation: `${issuer}/docs`,
    });
  });

  it('§2 names endpoints that answer', async () => {
    const metadata = await read(OAUTH);
    const { jwks_uri, service_documentation } = metadata;
    for (const endpoint of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint']) {
      const post = await fetch(String(metadata[endpoint]), { method: 'POST' });
      expect(post.status).toBe(401);
    }
    expect((await fetch(String(jwks_uri))).status).toBe(200);
    expect((await fetch(String(service_documentation))).status).toBe(200);
  });

  it.each(['/auth', '/request', '/me', '/reg', '/device/auth', '/backchannel'])(
    '§2 is silent about %s, where nothing answers',
    async (path) => {
      for (const method of ['GET', 'POST']) {
        const response = await fetch(`${endpoint.issuer}${path}`, { method });
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ error: 'not_found' });
      }
      expect(JSON.stringify(await read(OAUTH))).not.toContain(`${path}"`);
    },
  );

  it('§2 supports every grant it lists', async () => {
    const { grant_types_supported: grants } = await read(OAUTH);
    for (const grant_type of grants as string[]) {
      const { body } = await endpoint.credentials({ grant_type });
      expect(body.error).not.toBe('unsupported_grant_type');
    }
  });

  it('§5 is the same where clients of OpenID Connect look for it', async () => {
    expect(await read(OPENID)).toEqual(await read(OAUTH));
  });

  it('§3.2 is JSON that may be kept for a while', async () => {
    const { headers } = await fetch(`${endpoint.issuer}${OAUTH}`);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    expect(headers.get('x-request-id')).toMatch(/./);
  });

  it('§3.1 answers GET and HEAD alone', async () => {
    for (const path of PUBLISHED) {
      const head = await fetch(`${endpoint.issuer}${path}`, { method: 'HEAD' });
      expect(head.status).toBe(200);
      const post = await fetch(`${endpoint.issuer}${path}`, { method: 'POST' });
      expect(post.status).toBe(405);
      expect(post.headers.get('allow')).toBe('GET, HEAD');
    }
  });

  it.each([
    { host: 'evil.example' },
    { 'x-forwarded-host': 'evil.example' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    { forwarded: 'host=evil.example;proto=https' },
    { 'x-original-url': '/evil.example', 'x-forwarded-prefix': '/evil.example' },
  ])('§6.2 cannot be poisoned by %j', async (headers) => {
    for (const path of PUBLISHED) {
      const text = await readAs(path, { ...headers } as Record<string, string>);
      expect(text).toBe(await readAs(path, {}));
      expect(text).not.toContain('evil');
    }
  });

  it('§3.3 has the issuer that tokens have, letter by letter', async () => {
    const { body } = await endpoint.credentials();
    const payload = Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url');
    expect((await read(OAUTH)).issuer).toBe(JSON.parse(payload.toString()).iss);
  });
});

describe('metadata of the protected resource, RFC 9728', () => {
  it('§2 says what this API takes', async () => {
    const { issuer } = endpoint;
    expect(await read(RESOURCE)).toEqual({
      resource: issuer,
      resource_name: 'Daypass',
      tls_client_certificate_bound_access_tokens: false,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'],
      dpop_bound_access_tokens_required: false,
      authorization_details_types_supported: ['daypass_storage'],
      resource_documentation: `${issuer}/docs`,
    });
  });

  it('§4 is named by the authorization server, as the authorization server is by it', async () => {
    const { protected_resources: resources } = await read(OAUTH);
    const { resource, authorization_servers: servers } = await read(RESOURCE);
    expect(resources).toEqual([resource]);
    expect(servers).toEqual([(await read(OAUTH)).issuer]);
  });
});

describe('the key set, RFC 7517', () => {
  it('§5 has public keys alone, each with what it is for', async () => {
    const { keys } = (await read('/jwks')) as { keys: object[] };
    const key = {
      kty: 'EC',
      crv: 'P-256',
      x: expect.any(String),
      y: expect.any(String),
      kid: expect.any(String),
      alg: 'ES256',
      use: 'sig',
    };
    expect(keys).toEqual([key, key]); // the one that signs, and the one that will
  });

  it('§8.5.2 says what it is, and may be kept for a while', async () => {
    const { headers } = await fetch(`${endpoint.issuer}/jwks`);
    expect(headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    expect(headers.get('cache-control')).toBe('public, max-age=300');
  });
});
