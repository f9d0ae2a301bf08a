import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { registerByHand } from './openapi/by-hand.ts';
import { nameSchemas } from './openapi/names.ts';
import { headersNamed, refusalsOf, registerRefusals } from './openapi/refusals.ts';
import { admission, registerSecuritySchemes, securityOf } from './openapi/security.ts';
import type { AnswerHeader, Route } from './route.ts';

export interface About {
  readonly issuer: string;
  readonly version: string;
}

/**
 * The API described (OpenAPI 3.1), from the same values that serve it: what a route takes and answers cannot
 * differ from what is said of it here.
 */
export const createOpenApi = (routes: readonly Route[], { issuer, version }: About): object => {
  nameSchemas();
  const registry = new OpenAPIRegistry();
  registerSecuritySchemes(registry);
  registerHeaders(registry);
  registerRefusals(registry);
  for (const route of routes) registry.registerPath(toOperation(route));
  registerByHand(registry);
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Daypass', version, description: DESCRIPTION, license: LICENSE },
    servers: [{ url: issuer }],
    tags: TAGS.map(([name, description]) => ({ name, description })),
  });
};

const LICENSE = { name: 'UNLICENSED' };

const DESCRIPTION =
  'An OAuth 2.0 token broker for micro apps: short-lived, narrow, bound, revocable credentials instead of pasted keys. Sizes are bytes, TTLs seconds, `issued_at` epoch seconds, other times RFC 3339 UTC.';

const TAGS = [
  ['Exchange', 'A sign-in in, a narrow credential out.'],
  ['Objects', 'Uploads and downloads, with a token for a bucket.'],
  ['Administration', 'What was issued, what happened, and how to end it.'],
  ['Operations', 'For whoever runs it.'],
  ['OAuth', 'The authorization server.'],
] as const;

const HEADERS = {
  'X-Request-Id': 'Names this request in log and audit.',
  'DPoP-Nonce': 'The nonce for the next proof (RFC 9449 §8.2).',
  'WWW-Authenticate': 'The schemes that would be taken (RFC 6750 §3, RFC 9449 §7.1).',
  'Retry-After': 'Seconds to wait before trying again.',
  RateLimit: 'What is left, and until when.',
  'RateLimit-Policy': 'What the limit is, and over how many seconds.',
  Allow: 'The methods that the path answers.',
  Location: 'Where what was made is.',
  'Daypass-Notices':
    'Where there is any: what was accepted and is worth a word, a list of `{ field, message }` as JSON, percent-encoded.',
} as const satisfies Readonly<Record<AnswerHeader, string>> & Readonly<Record<string, string>>;

const registerHeaders = (registry: OpenAPIRegistry): void => {
  for (const [name, description] of Object.entries(HEADERS)) {
    registry.registerComponent('headers', name, { description, schema: { type: 'string' } });
  }
};

const toOperation = (route: Route): RouteConfig => {
  const { method, path, summary, answer } = route;
  const description = [route.description, admission(route)].filter(Boolean).join('\n\n');
  const isProtected = route.authentication !== 'none';
  return {
    method: METHOD[method],
    path,
    operationId: operationId(method, path),
    summary,
    ...(description === '' ? {} : { description }),
    tags: [tagOf(route)],
    security: securityOf(route),
    request: requestOf(route),
    responses: {
      [answer.status]: {
        description: answer.description,
        headers: headersNamed([
          'X-Request-Id',
          ...(isProtected ? ['DPoP-Nonce'] : []),
          ...(answer.headers ?? []),
        ]),
        ...(answer.schema && { content: { 'application/json': { schema: answer.schema } } }),
      },
      ...refusalsOf(route),
    },
  };
};

const METHOD = {
  GET: 'get',
  POST: 'post',
  PUT: 'put',
  DELETE: 'delete',
  OPTIONS: 'options',
} as const;

/** `GET /uploads/{objectId}` → `getUploadsByObjectId`: unique because method and path are. */
const operationId = (method: Route['method'], path: string): string =>
  path
    .replace('/admin/v1/', '/admin/')
    .replaceAll('/{', '/by/')
    .split(/[^A-Za-z]+/)
    .filter((word) => word !== '')
    .reduce((id, word) => id + word.charAt(0).toUpperCase() + word.slice(1), METHOD[method]);

const tagOf = ({ authentication, path }: Route): (typeof TAGS)[number][0] => {
  if (path.startsWith('/backchannel-logout/')) return 'OAuth';
  if (path === '/jwks' || path.startsWith('/.well-known/')) return 'OAuth';
  if (path.startsWith('/events/')) return 'Objects';
  if (path.startsWith('/status/') || path.startsWith('/revocations/')) return 'OAuth';
  switch (authentication) {
    case 'none':
      return 'Operations';
    case 'credential':
      return 'Exchange';
    case 'token':
      return 'Objects';
    default:
      return 'Administration';
  }
};

const MEDIA = {
  json: 'application/json',
  event: 'application/json',
  form: 'application/x-www-form-urlencoded',
} as const;

const requestOf = (route: Route): NonNullable<RouteConfig['request']> => {
  const { body, encoding, query, path } = route;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const params = Object.fromEntries(names.map((name) => [name, z.string()]));
  return {
    ...(body && {
      body: {
        required: route.isBodyOptional !== true,
        content: { [MEDIA[encoding ?? 'json']]: { schema: body } },
      },
    }),
    ...(query instanceof z.ZodObject && { query }),
    ...(names.length > 0 && { params: z.object(params) }),
  };
};
