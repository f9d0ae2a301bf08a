import { join } from 'node:path';
import {
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadBundle } from '../../../src/policy/cedar/bundle.ts';
import { createCedarEngine } from '../../../src/policy/cedar/cedar-engine.ts';
import { cedarRequest } from '../../../src/policy/cedar/request.ts';
import { failureOf, loadCases } from '../../../src/policy/gate/cases.ts';
import { POLICIES } from './questions.ts';

const bundle = loadBundle(POLICIES);
const engine = createCedarEngine(bundle);
const cases = loadCases(join(POLICIES, 'cases')).map((one) => [one.name, one] as const);

describe('the policies', () => {
  it('are many enough to mean something', () => {
    expect(cases.length).toBeGreaterThan(100);
  });

  it.each(cases)('decide: %s', (_, one) => {
    expect(failureOf(engine, one)).toBeUndefined();
  });

  it.each(cases)('name field, rule, message and remedy when they refuse: %s', (_, { question }) => {
    const decision = engine.decide(question);
    const violations = decision.effect === 'deny' ? decision.violations : [];
    expect(violations.length > 0).toBe(decision.effect === 'deny');
    for (const violation of violations) {
      expect(Object.values(violation).every((text) => text.length > 0)).toBe(true);
    }
  });
});

// The engine decides per action and without the schema, for speed; this is Cedar with all its checks on.
describe('Cedar with every policy, the schema and request validation', () => {
  beforeAll(() => {
    preparseSchema('strict', bundle.schema);
    const staticPolicies = Object.fromEntries(bundle.policies.map(({ id, text }) => [id, text]));
    preparsePolicySet('strict', { staticPolicies });
  });

  it.each(cases)('answers alike: %s', (_, { question, expect: { effect, policies } }) => {
    const answer = statefulIsAuthorized({
      ...cedarRequest(question),
      preparsedPolicySetId: 'strict',
      preparsedSchemaName: 'strict',
      validateRequest: true,
    });
    expect(answer).toMatchObject({
      type: 'success',
      response: { decision: effect === 'permit' ? 'allow' : 'deny', diagnostics: { errors: [] } },
    });
    const reason = answer.type === 'success' ? answer.response.diagnostics.reason : [];
    expect([...reason].sort()).toEqual([...policies].sort());
  });
});
