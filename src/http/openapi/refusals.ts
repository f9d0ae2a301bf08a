import type { OpenAPIRegistry, ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { type OAuthErrorCode, STATUS } from '../../protocol/oauth-error.ts';
import type { Route } from '../route.ts';

/** A proof that came beside a `DPoP` credential is refused as the credential is (RFC 9449 §7.1, §9). */
const BESIDE_A_CREDENTIAL: readonly OAuthErrorCode[] = ['invalid_dpop_proof', 'use_dpop_nonce'];

const TITLE: Readonly<Record<number, string>> = {
  400: 'What was asked is malformed, or more than is held',
  401: 'The credential, or the proof beside it, is not acceptable',
  403: 'Policy says no',
  404: "There is no such thing, or it is another tenant's",
  405: 'The path does not answer this method',
  409: 'The state has moved on meanwhile',
  410: 'Used, or expired',
  412: 'It is not, or no longer, what `If-Match` or `If-None-Match` says',
  413: 'The body is larger than is read',
  429: 'A rate limit or quota is used up',
  500: 'A defect of ours; never for input',
  503: 'A part that is needed is down; nothing was issued',
};

/** Headers that say more about a refusal, by its status; they stand under `components.headers`. */
const HEADERS: Readonly<Record<number, readonly string[]>> = {
  400: ['DPoP-Nonce'],
  401: ['WWW-Authenticate', 'DPoP-Nonce'],
  405: ['Allow'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
};

const codesByStatus = (): ReadonlyMap<number, readonly OAuthErrorCode[]> => {
  const codes = Object.keys(STATUS) as OAuthErrorCode[];
  const statuses = [...new Set(Object.values(STATUS))].toSorted((a, b) => a - b);
  return new Map(
    statuses.map((status) => [
      status,
      [
        ...codes.filter((code) => STATUS[code] === status),
        ...(status === 401 ? BESIDE_A_CREDENTIAL : []),
      ],
    ]),
  );
};

const text = { type: 'string' as const };

const violation = {
  type: 'object' as const,
  required: ['field', 'rule', 'message', 'remedy'],
  properties: { field: text, rule: text, message: text, remedy: text },
};

const refusal = {
  type: 'object' as const,
  description: 'Every refusal, whatever was asked. docs/errors.md says when each is sent.',
  required: ['error', 'error_description', 'violations', 'request_id'],
  properties: {
    error: { ...text, enum: Object.keys(STATUS) },
    error_description: text,
    violations: {
      type: 'array' as const,
      description: 'Which field broke which rule, and what would help.',
      items: { $ref: '#/components/schemas/Violation' },
    },
    request_id: { ...text, description: 'The same as X-Request-Id; the log knows it.' },
  },
};

/** Puts a response for each status an error may have under `components.responses`, and one for all. */
export const registerRefusals = (registry: OpenAPIRegistry): void => {
  registry.registerComponent('schemas', 'Violation', violation);
  registry.registerComponent('schemas', 'Refusal', refusal);
  registry.registerComponent('responses', 'Refusal', response('A refusal', undefined, []));
  for (const [status, codes] of codesByStatus()) {
    const description = `${TITLE[status] ?? 'Refused'}: ${codes.map((code) => `\`${code}\``).join(', ')}.`;
    registry.registerComponent(
      'responses',
      `Refusal${status}`,
      response(description, codes, HEADERS[status] ?? []),
    );
  }
};

const response = (
  description: string,
  codes: readonly OAuthErrorCode[] | undefined,
  headers: readonly string[],
) => {
  const shape = { $ref: '#/components/schemas/Refusal' };
  const narrowed = { type: 'object' as const, properties: { error: { enum: [...(codes ?? [])] } } };
  return {
    description,
    headers: headersNamed(['X-Request-Id', ...headers]),
    content: {
      'application/json': { schema: codes === undefined ? shape : { allOf: [shape, narrowed] } },
    },
  };
};

export const headersNamed = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** The refusals an endpoint may answer with, from what it takes; `default` stands for all others. */
export const refusalsOf = (route: Route): Record<string, ResponseConfig | { $ref: string }> => {
  const isProtected = route.authentication !== 'none';
  const takesParameters = route.path.includes('{');
  const isRead = route.body !== undefined;
  const statuses = [
    ...(isProtected || isRead || route.query || takesParameters ? [400] : []),
    ...(isProtected ? [401, 403] : []),
    ...(takesParameters ? [404] : []),
    ...(route.method === 'PUT' || route.path.endsWith('/complete') ? [409] : []),
    ...(route.isConditional ? [409, 412] : []),
    ...(isRead ? [413] : []),
    ...(isProtected ? [429] : []),
    ...(isProtected || route.path === '/health/ready' ? [503] : []),
  ];
  return {
    ...Object.fromEntries(statuses.map((status) => [String(status), refer(`Refusal${status}`)])),
    default: refer('Refusal'),
  };
};

const refer = (name: string) => ({ $ref: `#/components/responses/${name}` });
