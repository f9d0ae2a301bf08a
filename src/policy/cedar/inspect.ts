import { validate } from '@cedar-policy/cedar-wasm/nodejs';
import { actionsOf } from './applicability.ts';
import type { Fragment, Policy, PolicyBundle } from './policy.ts';
import { schemaProblems } from './probe.ts';

interface Inspected {
  readonly policies: readonly Policy[];
  readonly problems: readonly string[];
}

/** What a refusal tells its reader comes from here: without them a forbid says no and not why. */
const REQUIRED = {
  permit: ['reason'],
  forbid: ['reason', 'remediation', 'field'],
} as const;

const ID = /^[a-z][a-z0-9_]*$/;

/** Fragments as policies, with all that is wrong with them; types are only checked once every id is right. */
export const inspect = (
  schema: { name: string; text: string },
  fragments: readonly Fragment[],
): Inspected => {
  const misfits = schemaProblems(schema.text).map((problem) => `${schema.name}: ${problem}`);
  if (misfits.length > 0) return { policies: [], problems: misfits };
  const unfit = [...fragments.flatMap(annotationProblems), ...repeatedIds(fragments)];
  if (unfit.length > 0) return { policies: [], problems: unfit };

  const policies = fragments.map((fragment) => ({
    ...fragment,
    id: idOf(fragment),
    actions: actionsOf(fragment.action),
  }));
  return { policies, problems: typeProblems(schema.text, policies) };
};

const annotationProblems = (fragment: Fragment): readonly string[] => {
  const missing = REQUIRED[fragment.effect].filter((name) => !fragment.annotations[name]?.trim());
  return [
    ...(ID.test(idOf(fragment)) ? [] : ['needs an @id of lower case letters, digits and _']),
    ...missing.map((name) => `a ${fragment.effect} needs @${name}`),
  ].map((problem) => `${placeOf(fragment)}: ${problem}`);
};

const repeatedIds = (fragments: readonly Fragment[]): readonly string[] => {
  const first = new Map<string, Fragment>();
  const problems: string[] = [];
  for (const fragment of fragments) {
    const id = idOf(fragment);
    const other = first.get(id);
    if (other) problems.push(`${placeOf(fragment)}: @id("${id}") is taken by ${placeOf(other)}`);
    else first.set(id, fragment);
  }
  return problems;
};

/** Strict: a policy that could fail to evaluate, never match or always match is a problem, warnings included. */
const typeProblems = (schema: string, policies: readonly Policy[]): readonly string[] => {
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  const answer = validate({
    schema,
    policies: { staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])) },
    validationSettings: { mode: 'strict' },
  });
  if (answer.type === 'failure') return answer.errors.map(({ message }) => message);
  const located = [...answer.validationErrors, ...answer.validationWarnings].map((found) => {
    const policy = byId.get(found.policyId);
    return `${policy ? placeOf(policy) : found.policyId}: ${found.error.message}`;
  });
  const general = answer.otherWarnings.map(({ message }) => message);
  return [...located, ...general].sort(); // Cedar's order differs from run to run
};

/** Would its policies pass the type check? */
export const isSound = ({ schema, policies }: PolicyBundle): boolean =>
  typeProblems(schema, policies).length === 0;

const idOf = ({ annotations }: Fragment): string => annotations.id ?? '';

const placeOf = ({ file, line }: Fragment): string => `${file}:${line}`;
