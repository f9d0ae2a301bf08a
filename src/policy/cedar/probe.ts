import {
  preparsePolicySet,
  preparseSchema,
  type SchemaJson,
  schemaToJson,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { ACTIONS, type Question } from '../engine.ts';
import { cedarRequest } from './request.ts';

const NAME = 'daypass/probe';

/**
 * Does the schema describe the questions Daypass asks? Policies are checked against the schema, requests are built to
 * conform to it: this is where a schema that drifted from the code is found, before it decides anything.
 */
export const schemaProblems = (schema: string): readonly string[] => {
  const parsed = schemaToJson(schema);
  if (parsed.type === 'failure') return parsed.errors.map(({ message }) => message);
  preparseSchema(NAME, schema);
  preparsePolicySet(NAME, { staticPolicies: {} });
  const problems = ACTIONS.flatMap((action) =>
    SAMPLES.flatMap((sample) => nonconformity({ ...sample, action })),
  );
  return [...new Set([...actionProblems(parsed.json), ...problems])];
};

/**
 * Decisions are made without the schema, so Cedar would not know which actions a group holds, and a forbid on a group
 * would quietly match none of them.
 */
const actionProblems = (schema: SchemaJson<string>): readonly string[] =>
  Object.values(schema)
    .flatMap((space) => Object.entries(space.actions))
    .filter(([name, { memberOf = [] }]) => memberOf.length > 0 || !isAction(name))
    .map(([name]) => `action ${name}: groups, and actions Daypass never asks about, mislead`);

const isAction = (name: string): boolean => ACTIONS.some((action) => action === name);

/** What keeps the request for `question` from conforming to the schema probed last; empty where nothing does. */
const nonconformity = (question: Question): readonly string[] => {
  try {
    const answer = statefulIsAuthorized({
      ...cedarRequest(question),
      preparsedPolicySetId: NAME,
      preparsedSchemaName: NAME,
      validateRequest: true,
    });
    return answer.type === 'failure' ? answer.errors.map(({ message }) => message) : [];
  } catch (cause) {
    return [String(cause)];
  }
};

/** As little and as much as a question can hold. */
const LEAST: Question = {
  action: 'exchange',
  app: { id: 'a', tenant: 't', type: 'service', owner: 'o' },
  resource: { id: 'https://api.example', kind: 'api', tenant: 't' },
  actions: [],
  constraints: {},
  ttl: 0,
  ttlCeiling: 0,
  bound: false,
  actors: 0,
};

const LIMITS = { prefix: '/p/', max_size: 1, content_types: ['image/*', 'text/csv'] };

const MOST: Question = {
  ...LEAST,
  user: { id: 'u', tenant: 't', issuer: 'i', attributes: { roles: ['r'], department: 'd' } },
  resource: {
    id: 'bucket:b',
    kind: 'bucket',
    tenant: 't',
    residency: 'eu',
    classification: 'internal',
    retentionLocked: true,
    tenantResidency: 'eu',
  },
  actions: ['read'],
  constraints: LIMITS,
  grant: { ...LIMITS, actions: ['read'], content_types: ['image/*'], max_ttl: 1 },
  lawfulBasis: 'contract',
  object: { key: '/p/k', size: 1, contentType: 'image/png', overwrites: true },
  maxActors: 3,
  actor: { issuer: 'https://sso.example', subject: 's', tenant: 't', kind: 'person' },
  approval: 'ap',
};

const SAMPLES: readonly Question[] = [
  LEAST,
  MOST,
  { ...LEAST, resource: { id: 'https://broker.example/admin', kind: 'admin', tenant: 't' } },
];
