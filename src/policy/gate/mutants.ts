import { type PolicyJson, policyToJson, policyToText } from '@cedar-policy/cedar-wasm/nodejs';
import type { Policy } from '../cedar/policy.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Rewrite = readonly [change: string, json: Json];

/** A policy changed in one place, as a slip of the hand would; undefined text where it is gone. */
export interface Mutant {
  readonly change: string;
  readonly text: string | undefined;
}

/** The policy deleted; each condition dropped and turned round; in each, every operand dropped and every bound moved. */
export const mutantsOf = ({ text }: Policy): readonly Mutant[] => {
  const parsed = policyToJson(text);
  if (parsed.type === 'failure') throw new Error(`Cedar cannot reread a policy: ${text}`);
  const { conditions } = parsed.json;
  const changed = conditions.flatMap((clause, at) => {
    const replaced = (...clauses: readonly Json[]): Json =>
      asJson(conditions.toSpliced(at, 1, ...(clauses as unknown as typeof conditions)));
    const { kind, body } = clause;
    const opposite = kind === 'when' ? 'unless' : 'when';
    return [
      [`${kind} dropped`, replaced()],
      [`${kind} turned into ${opposite}`, replaced(asJson({ kind: opposite, body }))],
      ...rewrites(asJson(body)).map(
        ([change, json]): Rewrite => [`${kind}: ${change}`, replaced({ kind, body: json })],
      ),
    ] satisfies readonly Rewrite[];
  });
  return [
    { change: 'deleted', text: undefined },
    ...changed.map(([change, json]) => ({ change, text: textOf(parsed.json, json) })),
  ];
};

/** Every expression that differs from this one in a single operator. */
const rewrites = (json: Json): readonly Rewrite[] => {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, value]: [string, Json]) => [
    ...operatorRewrites(key, value),
    ...rewrites(value).map(([change, inner]): Rewrite => [change, replace(json, key, inner)]),
  ]);
};

const operatorRewrites = (operator: string, operands: Json): readonly Rewrite[] => {
  switch (operator) {
    case '&&':
    case '||': {
      const { left, right } = operands as { left: Json; right: Json };
      return [
        [`left of ${operator} dropped`, right],
        [`right of ${operator} dropped`, left],
      ];
    }
    case '<=':
      return [['<= made <', { '<': operands }]];
    case 'containsAll':
    case 'containsAny': {
      const other = operator === 'containsAll' ? 'containsAny' : 'containsAll';
      return [[`${operator} made ${other}`, { [other]: operands }]];
    }
    default:
      return [];
  }
};

const replace = (json: Json, key: string, value: Json): Json =>
  Array.isArray(json)
    ? json.with(Number(key), value)
    : { ...(json as { readonly [key: string]: Json }), [key]: value };

const textOf = (policy: PolicyJson, conditions: Json): string => {
  const answer = policyToText({ ...policy, conditions: conditions as PolicyJson['conditions'] });
  if (answer.type === 'failure') throw new Error(answer.errors.map((e) => e.message).join('; '));
  return answer.text;
};

const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value));
