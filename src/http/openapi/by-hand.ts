import type { OpenAPIRegistry, RouteConfig } from '@asteasolutions/zod-to-openapi';
import { clientMetadata } from '../wire/registration.ts';
import { SIGNING_IN } from './signing-in.ts';

const TAG = 'OAuth';

const text = { type: 'string' } as const;
const uri = { type: 'string', format: 'uri' } as const;

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** RFC 8693 §2.1, RFC 6749 §4.1.3, §4.4.2, §6. */
const tokenRequest = {
  type: 'object',
  required: ['grant_type'],
  properties: {
    grant_type: {
      type: 'string',
      enum: [TOKEN_EXCHANGE, 'client_credentials', 'authorization_code', 'refresh_token'],
    },
    client_id: { ...text, description: 'Of a public client, which has no other authentication.' },
    code: { ...text, description: 'From `/authorize`; good once, for a minute.' },
    redirect_uri: { ...uri, description: 'As it was sent to `/authorize`.' },
    code_verifier: { ...text, description: 'RFC 7636 §4.5.' },
    refresh_token: { ...text, description: 'The newest one: each use gives another.' },
    subject_token: { ...text, description: 'Required for a token exchange.' },
    subject_token_type: uri,
    actor_token: text,
    actor_token_type: { ...uri, description: 'Comes with `actor_token`.' },
    requested_token_type: uri,
    dpop_binding_proof: {
      ...text,
      description:
        'A second proof, under the key to bind to, where the subject token is bound to another.',
    },
    resource: { type: 'array', items: uri, description: 'RFC 8707 §2; repeated for several.' },
    audience: { type: 'array', items: text },
    scope: { ...text, description: 'Separated by spaces.' },
    authorization_details: { ...text, description: 'A JSON array (RFC 9396 §2).' },
  },
} as const;

/** RFC 8693 §2.2.1. */
const tokenAnswer = {
  type: 'object',
  required: ['access_token', 'token_type', 'expires_in', 'scope', 'token_id'],
  properties: {
    access_token: text,
    issued_token_type: { ...uri, description: 'Of a token exchange.' },
    token_type: { type: 'string', enum: ['DPoP', 'Bearer'] },
    expires_in: { type: 'integer', description: 'Seconds.' },
    scope: text,
    authorization_details: { type: 'array', items: { type: 'object' } },
    token_id: text,
    id_token: { ...text, description: 'Of a sign-in that asked for `openid`.' },
    refresh_token: { ...text, description: 'Of a sign-in, for native and confidential apps.' },
  },
} as const;

/** RFC 7662 §2.1, RFC 7009 §2.1. */
const aboutToken = {
  type: 'object',
  required: ['token'],
  properties: {
    token: text,
    token_type_hint: { ...text, description: 'Taken for a hint: what a token is shows in it.' },
    client_id: tokenRequest.properties.client_id,
  },
} as const;

/** RFC 7662 §2.2. */
const introspection = {
  type: 'object',
  required: ['active'],
  properties: {
    active: { type: 'boolean', description: 'Where it is false, there is nothing else.' },
    scope: text,
    client_id: text,
    token_type: { type: 'string', enum: ['DPoP', 'Bearer'] },
    exp: { type: 'integer', description: 'Epoch seconds.' },
    iat: { type: 'integer', description: 'Epoch seconds.' },
    sub: text,
    aud: text,
    iss: uri,
    jti: { ...text, description: 'The `token_id`.' },
    cnf: { type: 'object', properties: { jkt: text, 'x5t#S256': text } },
    act: { type: 'object', description: 'Who acts, the newest outermost (RFC 8693 §4.1).' },
    authorization_details: { type: 'array', items: { type: 'object' } },
    tenant: text,
    app_id: text,
    device_id: text,
    policy: { ...text, description: 'Digest of the policies that allowed it.' },
  },
} as const;

const json = (schema: object) => ({ 'application/json': { schema } });

const refused = (status: number) => ({ $ref: `#/components/responses/Refusal${status}` });

const form = (schema: object) => ({
  body: { required: true, content: { 'application/x-www-form-urlencoded': { schema } } },
});

const refusals = {
  400: refused(400),
  401: refused(401),
  503: refused(503),
  default: { $ref: '#/components/responses/Refusal' },
};

/** What a library answers: no route of ours describes it. */
const ENDPOINTS: readonly RouteConfig[] = [
  {
    method: 'post',
    path: '/token',
    operationId: 'token',
    summary:
      'The token endpoint: codes, refresh tokens, token exchange (RFC 8693), client credentials',
    description:
      'Clients authenticate; a public one proves a key, and exchanges only an ID token issued to it, or its own Daypass token. The audience of a client assertion is the issuer.',
    tags: [TAG],
    security: [{ client_secret: [] }, { client_secret: [], proof: [] }, { proof: [] }],
    request: {
      body: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: tokenRequest as object } },
      },
    },
    responses: {
      200: { description: 'The token, once it is on record', content: json(tokenAnswer) },
      400: refused(400),
      401: refused(401),
      429: refused(429),
      503: refused(503),
      default: { $ref: '#/components/responses/Refusal' },
    },
  },
  {
    method: 'post',
    path: '/introspect',
    operationId: 'introspect',
    summary: 'Is this token good now, and for what? (RFC 7662)',
    description:
      'For the `introspection_clients` of the API the token is for, and the confidential app it was issued to; others hear `active: false`. Exact: a revoked token is inactive at once.',
    tags: [TAG],
    security: [{ client_secret: [] }],
    request: form(aboutToken),
    responses: {
      200: {
        description: 'What is so; signed (RFC 9701) where `Accept` prefers that',
        content: {
          ...json(introspection),
          'application/token-introspection+jwt': { schema: text },
        },
      },
      ...refusals,
    },
  },
  {
    method: 'post',
    path: '/revoke',
    operationId: 'revokeOwn',
    summary: 'Gives back a token, and all that descends from it (RFC 7009)',
    description:
      'For the app it was issued to; a public one says its `client_id`. The token is dead on every instance when this answers, and nothing is said of one that was dead or unknown before.',
    tags: [TAG],
    security: [{ client_secret: [] }, {}],
    request: form(aboutToken),
    responses: { 200: { description: 'It is dead' }, ...refusals },
  },
  {
    method: 'post',
    path: '/register',
    operationId: 'register',
    summary: 'An app registers itself (RFC 7591)',
    description:
      'With an initial access token as a bearer token, where `registration` of a tenant has one; otherwise there is no such endpoint. The app gets what the tenant gives to all such apps, and ends when it says.',
    tags: [TAG],
    security: [{ access_token: [] }],
    request: {
      body: { required: true, content: { 'application/json': { schema: clientMetadata } } },
    },
    responses: {
      201: {
        description: 'The client, with a secret where it has one, this once',
        content: json({ type: 'object', required: ['client_id'], properties: { client_id: text } }),
      },
      403: refused(403),
      404: refused(404),
      ...refusals,
    },
  },
];

export const registerByHand = (registry: OpenAPIRegistry): void => {
  for (const endpoint of [...SIGNING_IN, ...ENDPOINTS]) registry.registerPath(endpoint);
};
