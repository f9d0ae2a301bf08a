import {
  preparsePolicySet,
  type Response,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { Violation } from '../../protocol/oauth-error.ts';
import {
  ACTIONS,
  type Action,
  type Decision,
  type PolicyEngine,
  type Question,
} from '../engine.ts';
import type { Policy, PolicyBundle } from './policy.ts';
import { cedarRequest } from './request.ts';

const slotOf = (action: Action): string => `daypass/${action}`;

/** Nothing forbade it, but Cedar permits only what a policy permits, and then has no reason to give. */
const NO_POLICY_PERMITS: Violation = {
  field: 'actions',
  rule: 'no_policy_permits',
  message: 'no policy permits this',
  remedy: 'ask whoever runs Daypass for a policy that permits it',
};

/**
 * The engine built in: Cedar, in this process.
 *
 * @throws {Error} where Cedar cannot take the bundle, which `loadBundle` rules out.
 */
export const createCedarEngine = (bundle: PolicyBundle): PolicyEngine => {
  const policies = new Map(bundle.policies.map((policy, order) => [policy.id, { policy, order }]));
  const determining = (ids: readonly string[]): readonly Policy[] =>
    ids
      .map((id) => policies.get(id))
      .filter((found) => found !== undefined)
      .sort((a, b) => a.order - b.order)
      .map(({ policy }) => policy);

  const answer = ({ decision, diagnostics }: Response): Decision => {
    // Cedar skips a policy that fails to evaluate; were it a forbid, that would permit. So any failure refuses.
    if (diagnostics.errors.length > 0) {
      return failed(
        diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`),
      );
    }
    const reasons = determining(diagnostics.reason);
    const ids = reasons.map(({ id }) => id);
    if (decision === 'allow') return { effect: 'permit', policies: ids };
    const violations = reasons.map(violationOf);
    return {
      effect: 'deny',
      policies: ids,
      violations: violations.length > 0 ? violations : [NO_POLICY_PERMITS],
    };
  };

  install(bundle);
  return {
    digest: bundle.digest,

    decide(question: Question): Decision {
      try {
        if (installed !== bundle) install(bundle);
        const result = statefulIsAuthorized({
          ...cedarRequest(question),
          preparsedPolicySetId: slotOf(question.action),
        });
        return result.type === 'success'
          ? answer(result.response)
          : failed(result.errors.map(({ message }) => message));
      } catch (cause) {
        return failed([String(cause)]); // Cedar throws on input of the wrong shape
      }
    },
  };
};

const failed = (details: readonly string[]): Decision => ({
  effect: 'error',
  detail: details.join('; '),
});

const violationOf = ({ id, annotations }: Policy): Violation => ({
  field: annotations.field ?? '',
  rule: id,
  message: annotations.reason ?? '',
  remedy: annotations.remediation ?? '',
});

/**
 * What Cedar's cache holds. That cache is the process's, not ours, and never forgets a name: so a new bundle takes the
 * old one's names (a reload keeps 4 MB per name otherwise), and an engine whose bundle was displaced installs it again.
 */
let installed: PolicyBundle | undefined;

/** One set per action, of the policies that can apply to it: a decision costs 3–7 µs for each policy in its set. */
const install = (bundle: PolicyBundle): void => {
  installed = undefined;
  for (const action of ACTIONS) {
    const applicable = bundle.policies.filter(({ actions }) => actions.includes(action));
    const staticPolicies = Object.fromEntries(applicable.map(({ id, text }) => [id, text]));
    const answer = preparsePolicySet(slotOf(action), { staticPolicies });
    if (answer.type === 'failure') throw new Error(answer.errors.map((e) => e.message).join('; '));
  }
  installed = bundle;
};
