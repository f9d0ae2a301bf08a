import { createHash } from 'node:crypto';
import { mintOpaqueToken } from '../../src/protocol/opaque-token.ts';
import { ADMIN_REQUESTS } from './admin-requests.ts';
import type { Random } from './random.ts';
import type { Held } from './target.ts';

/** A good request, before anything is done to it. */
export interface Draft {
  readonly origin: 'api' | 'content';
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly form?: Readonly<Record<string, string>>;
  /** Who asks: `sign-in` presents an ID token, `service` authenticates as a client. */
  readonly as: 'nobody' | 'sign-in' | 'token' | 'admin' | 'service';
}

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const exchange = (path: string): Draft => ({
  origin: 'api',
  method: 'POST',
  path,
  as: 'sign-in',
  json: {
    app_id: 'lowcode',
    resource: 'bucket:project-123',
    actions: ['read', 'write', 'list'],
    ttl: 120,
    constraints: { prefix: '/lowcode/', max_size: 1_048_576, content_types: ['image/png'] },
    lawful_basis: 'contract',
    dry_run: false,
  },
});

const get = (path: string, as: Draft['as'], query: Draft['query'] = {}): Draft => ({
  origin: 'api',
  method: 'GET',
  path,
  as,
  query,
});

const page = { limit: '20', cursor: Buffer.from(`tk_${'0'.repeat(26)}`).toString('base64url') };

const UNKNOWN_REFRESH_TOKEN = mintOpaqueToken('rt');

const AUTHORIZATION = {
  response_type: 'code',
  client_id: 'lowcode',
  redirect_uri: 'http://localhost:5173/',
  scope: 'openid',
  resource: 'bucket:project-123',
  state: 'a',
  nonce: 'b',
  prompt: 'login',
  max_age: '60',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
  dpop_jkt: 'A'.repeat(43),
};

/** As clouds tell of what has arrived. */
const EVENTS: readonly Draft[] = [
  ['POST', '/events/s3', { Type: 'Notification', Message: '{}', TopicArn: 'arn:aws:sns:eu:1:t' }],
  ['POST', '/events/gcs', { message: { data: 'e30=', attributes: {} }, subscription: 'a' }],
  ['POST', '/events/azure', { id: '1', type: 'Microsoft.Storage.BlobCreated', data: {} }],
  ['OPTIONS', '/events/azure', undefined],
].map(([method, path, json]) => ({
  origin: 'api',
  method: String(method),
  path: String(path),
  as: 'nobody',
  headers: { 'webhook-request-origin': 'eventgrid.azure.net' },
  ...(typeof json === 'object' && { json }),
}));

/** Every endpoint there is, with all that it takes. `fuzz.ts` compares this with /openapi.json. */
export const drafts = (held: Held): readonly Draft[] => [
  ...ADMIN_REQUESTS,
  ...EVENTS,
  exchange('/exchange'),
  exchange('/issue-token'),
  {
    origin: 'api',
    method: 'POST',
    path: '/request-upload',
    as: 'token',
    json: {
      filename: 'menu.png',
      size: 1_000,
      contentType: 'image/png',
      sha256: 'a'.repeat(64),
      resource: 'bucket:project-123',
      path: 'menus/2026',
      ttl: 300,
    },
  },
  get(`/uploads/${held.objectId}`, 'token'),
  { origin: 'api', method: 'POST', path: `/uploads/${held.objectId}/complete`, as: 'token' },
  {
    origin: 'api',
    method: 'POST',
    path: `/uploads/${held.objectId}/parts`,
    as: 'token',
    json: { numbers: [1, 2] },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/request-credentials',
    as: 'token',
    json: { resource: 'bucket:project-123', actions: ['read'], prefix: '/lowcode/', ttl: 300 },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/request-download',
    as: 'token',
    json: { objectId: held.objectId, once: true, delivery: 'proxy', ttl: 60 },
  },
  get('/objects', 'token', { resource: 'bucket:project-123', prefix: '/lowcode/', ...page }),
  { origin: 'api', method: 'DELETE', path: `/objects/ob_${'0'.repeat(26)}`, as: 'token' },
  {
    origin: 'api',
    method: 'POST',
    path: '/admin/v1/revocations',
    as: 'admin',
    json: { target: { token_id: held.tokenId.replace(/.$/, '0') }, block: false, reason: 'a test' },
  },
  get('/admin/v1/revocations', 'admin', page),
  get(`/admin/v1/revocations/rv_${'0'.repeat(26)}`, 'admin'),
  {
    origin: 'api',
    method: 'DELETE',
    path: `/admin/v1/revocations/rv_${'0'.repeat(26)}`,
    as: 'admin',
  },
  get('/admin/v1/tokens', 'admin', {
    app_id: 'lowcode',
    user_id: 'u_1',
    device_id: 'd_1',
    ...page,
  }),
  get(`/admin/v1/tokens/${held.tokenId}`, 'admin'),
  get('/admin/v1/audit', 'admin', {
    action: 'token.issue',
    outcome: 'granted',
    since: '2026-01-01T00:00:00Z',
    until: '2027-01-01T00:00:00Z',
    token_id: held.tokenId,
    ...page,
  }),
  get('/admin/v1/config', 'admin'),
  {
    origin: 'api',
    method: 'PUT',
    path: '/admin/v1/config',
    as: 'admin',
    query: { dry_run: 'true' },
    json: configuration,
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/token',
    as: 'service',
    form: {
      grant_type: 'client_credentials',
      scope: 'orders:read',
      resource: 'https://orders.acme.example',
      audience: 'https://orders.acme.example',
      lawful_basis: 'contract',
    },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/token',
    as: 'nobody',
    form: {
      grant_type: TOKEN_EXCHANGE,
      client_id: 'lowcode',
      subject_token: held.idToken(held.idClaims, {}),
      subject_token_type: ID_TOKEN,
      requested_token_type: ACCESS_TOKEN,
      resource: 'bucket:project-123',
      scope: 'storage:bucket:project-123:read:prefix=/lowcode/',
      authorization_details: JSON.stringify([
        {
          type: 'daypass_storage',
          locations: ['bucket:project-123'],
          actions: ['read'],
          prefix: '/lowcode/',
        },
      ]),
    },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/token',
    as: 'service',
    form: {
      grant_type: TOKEN_EXCHANGE,
      subject_token: held.token,
      subject_token_type: ACCESS_TOKEN,
      actor_token: held.token,
      actor_token_type: ACCESS_TOKEN,
      resource: 'https://orders.acme.example',
    },
  },
  ...(['/introspect', '/revoke'] as const).map(
    (path): Draft => ({
      origin: 'api',
      method: 'POST',
      path,
      as: 'service',
      // Of the right form and unknown: the live ones are kept for the others.
      form: { token: UNKNOWN_REFRESH_TOKEN, token_type_hint: 'refresh_token' },
    }),
  ),
  {
    origin: 'api',
    method: 'POST',
    path: '/introspect',
    as: 'service',
    headers: { accept: 'application/token-introspection+jwt' },
    form: { token: held.token },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/token',
    as: 'nobody',
    form: {
      grant_type: 'refresh_token',
      client_id: 'lowcode',
      refresh_token: UNKNOWN_REFRESH_TOKEN,
    },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/token',
    as: 'nobody',
    form: {
      grant_type: 'authorization_code',
      client_id: 'lowcode',
      code: 'A'.repeat(43),
      redirect_uri: 'http://localhost:5173/',
      code_verifier: 'A'.repeat(43),
    },
  },
  { origin: 'api', method: 'POST', path: '/par', as: 'nobody', form: AUTHORIZATION },
  get('/authorize', 'nobody', AUTHORIZATION),
  get('/sign-in/callback', 'nobody', { code: 'A', state: 'A'.repeat(43), iss: 'a' }),
  get('/status/1', 'nobody'),
  get('/revocations/feed', 'service'),
  { origin: 'api', method: 'POST', path: '/revocations/feed', as: 'service', form: {} },
  get('/session/end', 'nobody', { client_id: 'lowcode', state: 'a' }),
  {
    origin: 'api',
    method: 'POST',
    path: '/register',
    as: 'nobody',
    json: { client_name: 'menus', redirect_uris: ['http://localhost:5173/'] },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/backchannel-logout/corp',
    as: 'nobody',
    form: { logout_token: held.idToken(held.idClaims, { typ: 'logout+jwt' }) },
  },
  get('/userinfo', 'token'),
  { origin: 'api', method: 'POST', path: '/userinfo', as: 'token' },
  get('/admin/v1/keys', 'admin'),
  {
    origin: 'api',
    method: 'POST',
    path: '/admin/v1/keys/rotate',
    as: 'admin',
    json: { now: false },
  },
  {
    origin: 'api',
    method: 'POST',
    path: '/admin/v1/keys/nobodys/revoke',
    as: 'admin',
    json: { reason: 'a test' },
  },
  get('/.well-known/openid-configuration', 'nobody'),
  get('/.well-known/oauth-authorization-server', 'nobody'),
  get('/.well-known/oauth-protected-resource', 'nobody'),
  get('/jwks', 'nobody'),
  get('/health/live', 'nobody'),
  get('/health/ready', 'nobody'),
  get('/metrics', 'nobody'),
  get('/openapi.json', 'nobody'),
  get('/docs', 'nobody'),
  {
    origin: 'content',
    method: 'PUT',
    path: held.uploadTarget.split('?')[0] ?? '',
    query: Object.fromEntries(new URLSearchParams(held.uploadTarget.split('?')[1] ?? '')),
    headers: { 'content-type': 'image/png', 'if-none-match': '*' },
    json: {},
    as: 'nobody',
  },
  { origin: 'content', method: 'GET', path: held.ticketTarget, as: 'nobody' },
];

const configuration = {
  limits: { ttl: { default: '5m', floor: '1m', ceiling: '1h' }, max_actors: 3 },
  tenants: [{ id: 'acme', residency: 'eu' }],
  issuers: [
    {
      id: 'corp',
      issuer: 'https://sso.acme.example',
      tenant: 'acme',
      audiences: ['daypass', 'where2eat'],
      algorithms: ['RS256', 'ES256'],
      max_id_token_age: '1h',
      claims: { roles: 'groups', department: 'dept', residency: 'region' },
    },
  ],
  admins: [{ issuer: 'corp', claim: 'groups', value: 'security-team', role: 'security' }],
  apps: [
    {
      id: 'where2eat',
      tenant: 'acme',
      owner: 'dana@acme.example',
      purpose: 'friends share menus and photos',
      expires: '2027-06-30',
      type: 'browser',
      origins: ['http://localhost:5173'],
      subject_audiences: ['where2eat'],
      grants: [
        {
          resource: 'bucket:project-123',
          actions: ['read', 'write', 'list'],
          prefix: '/where2eat/{app_id}/uploads/{user_id}/',
          max_size: '10MB',
          content_types: ['image/*'],
          max_ttl: '15m',
        },
      ],
      limits: { exchanges_per_minute: 60, uploads_per_hour: 100, bytes_per_day: '1GB' },
    },
  ],
  buckets: [{ id: 'project-123', tenant: 'acme', provider: 'local', residency: 'eu' }],
  resource_servers: [
    { id: 'https://orders.acme.example', tenant: 'acme', scopes: ['orders:read'] },
  ],
};

export const proofClaims = (random: Random, held: Held, draft: Draft): Record<string, unknown> => ({
  jti: random.bytes(12).toString('hex'),
  htm: draft.method,
  htu: held.issuer + draft.path,
  iat: Math.floor(Date.now() / 1000),
  nonce: held.nonce,
  ...(draft.as === 'admin' && {
    ath: createHash('sha256').update(held.adminToken).digest('base64url'),
  }),
});
