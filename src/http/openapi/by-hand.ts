import type { OpenAPIRegistry, RouteConfig } from '@asteasolutions/zod-to-openapi';

const TAG = 'OAuth';

const text = { type: 'string' } as const;
const uri = { type: 'string', format: 'uri' } as const;

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** RFC 8693 §2.1, RFC 6749 §4.4.2. */
const tokenRequest = {
  type: 'object',
  required: ['grant_type'],
  properties: {
    grant_type: { type: 'string', enum: [TOKEN_EXCHANGE, 'client_credentials'] },
    client_id: { ...text, description: 'Of a public client, which has no other authentication.' },
    subject_token: { ...text, description: 'Required for a token exchange.' },
    subject_token_type: uri,
    actor_token: text,
    actor_token_type: { ...uri, description: 'Comes with `actor_token`.' },
    requested_token_type: uri,
    dpop_binding_proof: {
      ...text,
      description: 'A second proof, under the key to bind to, where the subject token is bound to another.',
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
  },
} as const;

const json = (schema: object) => ({ 'application/json': { schema } });

const refused = (status: number) => ({ $ref: `#/components/responses/Refusal${status}` });

/** What a library answers: no route of ours describes it. */
const ENDPOINTS: readonly RouteConfig[] = [
  {
    method: 'post',
    path: '/token',
    operationId: 'token',
    summary: 'The token endpoint: token exchange (RFC 8693) and client credentials',
    description:
      'Clients authenticate; a public one only exchanges an ID token issued to it, or its own Daypass token, with a proof. The audience of a client assertion is the issuer.',
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
];

export const registerByHand = (registry: OpenAPIRegistry): void => {
  for (const endpoint of ENDPOINTS) registry.registerPath(endpoint);
};
