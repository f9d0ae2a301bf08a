import {
  type Decision,
  mustPermit,
  type PolicyEngine,
  type Question,
} from '../../policy/engine.ts';
import type { AuditDraft } from '../audited.ts';
import type { InForce } from '../configuration.ts';
import { admit } from './admit.ts';
import type { Decided } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { toQuestions } from './question.ts';
import { settle } from './settle.ts';

export interface DecideDependencies {
  readonly policy: PolicyEngine;
  readonly issuer: string;
  readonly now: () => Date;
}

/**
 * Everything an exchange decides, and nothing it does: a dry run ends here.
 *
 * @param event what is known so far, filled in for the record as more becomes known.
 * @throws {OAuthError} with violations, whichever step refuses.
 */
export const decide = (
  { policy, issuer, now: clock }: DecideDependencies,
  exchange: Exchange,
  inForce: InForce,
  event: AuditDraft,
): Decided => {
  const now = clock();

  // May this app ask at all?
  admit(exchange, inForce, now);

  // 2. Settle what would be issued: inside subject ∩ app ∩ request.
  const { app, authority, jkt, asked } = exchange;
  const settled = settle(asked, { app, authority, bound: jkt !== undefined, inForce, issuer, now });
  Object.assign(event, { resource: settled.target.id, scopes: settled.scopes });

  // 3. Ask policy, leaving nothing to be filled in after it has answered.
  const policies = permitAll(policy, toQuestions(exchange, settled, inForce, now));
  Object.assign(event, { policies, policyDigest: policy.digest });
  return { exchange, settled, policies, policyDigest: policy.digest, inForce, now };
};

/** Every part must be permitted; the refusal of one is the refusal of all. */
const permitAll = (policy: PolicyEngine, questions: readonly Question[]): readonly string[] => {
  const decisions = questions.map((question): Decision => policy.decide(question));
  return [...new Set(decisions.flatMap(mustPermit))];
};
