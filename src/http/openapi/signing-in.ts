import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

const TAG = 'OAuth';

const told = (description: string) => z.string().meta({ description });

/** RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2, RFC 9396 §2, RFC 9449 §10, OpenID Connect Core §3.1.2.1. */
const authorization = z.object({
  client_id: told('The app.'),
  response_type: z.literal('code'),
  redirect_uri: told(
    'One of the app’s `redirect_uris`, as an exact string; a native loopback port may vary.',
  ),
  code_challenge: told('SHA-256 of the `code_verifier`, base64url.'),
  code_challenge_method: z.literal('S256'),
  scope: told(
    '`openid`, `offline_access`, and scopes of one resource, separated by spaces.',
  ).optional(),
  resource: told('The one resource that the tokens are for.').optional(),
  authorization_details: told('A JSON array: `daypass_storage`.').optional(),
  lawful_basis: told('For `confidential` and `restricted` data.').optional(),
  state: told('Comes back as it was sent.').optional(),
  nonce: told('Comes back in the ID token.').optional(),
  dpop_jkt: told('The key that the code is bound to.').optional(),
  prompt: z.enum(['none', 'login', 'consent']).optional(),
  max_age: told('Seconds since the sign-in, at most.').optional(),
  acr_values: told('Handed on to the identity provider.').optional(),
  login_hint: told('Handed on to the identity provider.').optional(),
  id_token_hint: told('The person who is meant, or nobody.').optional(),
  response_mode: z.enum(['query', 'fragment']).optional(),
  request: told('The parameters, signed by the app (RFC 9101).').optional(),
});

/** After `/par` the browser says no more than whose request it is. */
const atTheBrowser = authorization.partial().extend({
  client_id: authorization.shape.client_id,
  request_uri: told('From `/par`: what was pushed stands for all the others.').optional(),
});

/** RFC 9126 §2.2. */
const pushed = z.object({
  request_uri: z.string(),
  expires_in: z.int().meta({ description: 'Seconds.' }),
});

/** OpenID Connect RP-Initiated Logout §2. */
const signOut = z.object({
  id_token_hint: told('An ID token of the session: without it the person is asked.').optional(),
  client_id: told('The app, where there is no `id_token_hint`.').optional(),
  post_logout_redirect_uri: told('One of the app’s `post_logout_redirect_uris`.').optional(),
  state: told('Comes back as it was sent.').optional(),
});

const page = (description: string) => ({
  description,
  content: { 'text/html': { schema: { type: 'string' as const } } },
});

const refused = (status: number) => ({ $ref: `#/components/responses/Refusal${status}` });

/** Where a browser is sent, and what an app sends before that. */
export const SIGNING_IN: readonly RouteConfig[] = [
  {
    method: 'get',
    path: '/authorize',
    operationId: 'authorize',
    summary: 'Where an app sends its user to sign in: authorization code with PKCE (RFC 6749 §4.1)',
    description:
      'For a browser. What cannot be told to the app, because it is not known for certain which one asks, is a page; all else goes back to `redirect_uri`, with `iss` (RFC 9207).',
    tags: [TAG],
    security: [],
    request: { query: atTheBrowser },
    responses: {
      303: {
        description: 'On to sign-in and consent, or back with `code` or `error`, `state` and `iss`',
      },
      400: page('What is wrong, for a person'),
      default: page('What is wrong, for a person'),
    },
  },
  {
    method: 'post',
    path: '/par',
    operationId: 'pushAuthorizationRequest',
    summary: 'Says before the browser is sent what it will ask for (RFC 9126)',
    description:
      'The app authenticates; a public one says its `client_id`. A proof binds the code to its key.',
    tags: [TAG],
    security: [{ client_secret: [] }, { client_secret: [], proof: [] }, { proof: [] }, {}],
    request: {
      body: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: authorization } },
      },
    },
    responses: {
      201: {
        description: 'What `/authorize` is to be told',
        content: { 'application/json': { schema: pushed } },
      },
      400: refused(400),
      401: refused(401),
      503: refused(503),
      default: { $ref: '#/components/responses/Refusal' },
    },
  },
  {
    method: 'get',
    path: '/session/end',
    operationId: 'endSession',
    summary: 'Where an app sends its user to sign out (OpenID Connect RP-Initiated Logout 1.0)',
    description: 'For a browser. What the sign-in led to, in every app, ends with it.',
    tags: [TAG],
    security: [],
    request: { query: signOut },
    responses: {
      200: page('Asks whether the person means it, or says that they are signed out'),
      303: { description: 'Back to `post_logout_redirect_uri`' },
      400: page('What is wrong, for a person'),
      default: page('What is wrong, for a person'),
    },
  },
];
