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
import { bindingOf } from './binding.ts';
import { createDecisionMemo, type Remembered } from './decision-memo.ts';
import type { Exchange } from './exchange.ts';
import { coarselyLeft, secondsLeft } from './lifetime.ts';
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
 * The function it returns takes what is known so far (`event`) and fills in what becomes known, for the
 * record. @throws {OAuthError} with violations, whichever step refuses.
 */
export const createDecide = ({ policy, issuer, now: clock }: DecideDependencies) => {
  const remember = createDecisionMemo();

  const settleAndAsk = (
    exchange: Exchange,
    inForce: InForce,
    left: number,
    event: AuditDraft,
  ): Remembered => {
    // 2. Settle what would be issued: inside subject ∩ app ∩ request.
    const { app, authority, asked } = exchange;
    const bound = bindingOf(exchange) !== undefined;
    const settled = settle(asked, { app, authority, bound, inForce, issuer, left });
    Object.assign(event, { resource: settled.target.id, scopes: settled.scopes });

    // 3. Ask policy, leaving nothing to be filled in after it has answered.
    return { settled, policies: permitAll(policy, toQuestions(exchange, settled, inForce, left)) };
  };

  return (exchange: Exchange, inForce: InForce, event: AuditDraft): Decided => {
    const now = clock();
    // May this app ask at all? Depends on the moment and on where the request comes from: never remembered.
    admit(exchange, inForce, now);

    const { default: usual } = inForce.deployment.limits.ttl;
    const left = coarselyLeft(
      secondsLeft(exchange.authority, exchange.app, now),
      exchange.asked.ttl ?? usual,
    );
    const { settled, policies } = remember(exchange, inForce, left, () =>
      settleAndAsk(exchange, inForce, left, event),
    );
    const { digest: policyDigest } = policy;
    Object.assign(event, {
      resource: settled.target.id,
      scopes: settled.scopes,
      policies,
      policyDigest,
    });
    return { exchange, settled, policies, policyDigest, inForce, now };
  };
};

/** Every part must be permitted; the refusal of one is the refusal of all. */
const permitAll = (policy: PolicyEngine, questions: readonly Question[]): readonly string[] => {
  const decisions = questions.map((question): Decision => policy.decide(question));
  return [...new Set(decisions.flatMap(mustPermit))];
};
