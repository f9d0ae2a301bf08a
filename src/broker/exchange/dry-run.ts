import type { AuditTrail, Holder } from '../../ledger/ledger.ts';
import type { LockTarget } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type AuditDraft, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestPace } from '../request-pace.ts';
import { mustStillHold } from '../use.ts';
import type { Decided } from './answer.ts';
import type { Authority } from './authority.ts';
import type { createDecide } from './decide.ts';
import { appIn, type Exchange, identify } from './exchange.ts';

export interface DryRunDependencies {
  readonly decide: ReturnType<typeof createDecide>;
  readonly now: () => Date;
  readonly pace: Pick<RequestPace, 'ofUser'>;
  readonly configuration: CurrentConfiguration;
  readonly audit: Pick<AuditTrail, 'append' | 'appendUse'>;
  readonly issuer: string;
}

export interface DryRun {
  readonly decision: 'permit' | 'deny';
  readonly policies: readonly string[];
  readonly violations: OAuthError['violations'];
  readonly wouldIssue: (Decided['settled'] & Pick<Authority, 'actors'>) | undefined;
}

/**
 * What an exchange would decide, without issuing anything. A refusal is its answer, not an error; but whoever was
 * revoked or blocked is refused the question.
 */
export const createDryRun =
  (dependencies: DryRunDependencies) =>
  (exchange: Exchange): Promise<DryRun> =>
    audited(
      dependencies,
      ACTION,
      identify(exchange, dependencies),
      exchange.proofs,
      async (event) => {
        await dependencies.pace.ofUser(exchange.app.id, exchange.authority.user?.userId);
        const answer = await answerOf(() =>
          underConfiguration(dependencies.configuration, (inForce) =>
            dependencies.decide({ ...exchange, app: appIn(inForce, exchange.app) }, inForce, event),
          ),
        );
        const outcome = answer.decision === 'permit' ? 'granted' : 'denied';
        const record = { ...event, at: dependencies.now(), action: ACTION, outcome } as const;
        // The proof is used up as by any other request, and nothing is told to whom nothing would be issued.
        const { audit } = dependencies;
        mustStillHold(await audit.appendUse(record, holderOf(exchange, event), exchange.proofs));
        return answer;
      },
    );

const ACTION = 'token.dry_run';

/** What the credential would descend from, were it issued. */
const holderOf = ({ app, authority }: Exchange, { deviceId }: AuditDraft): Holder => {
  const own: LockTarget[] = [`app:${app.id}`];
  if (deviceId !== undefined) own.push(`device:${deviceId}`);
  return { keys: [...authority.lineage, ...own], authorities: authority.authorities };
};

const answerOf = async (work: () => Promise<Decided>): Promise<DryRun> => {
  try {
    const { policies, settled, exchange } = await work();
    const wouldIssue = { ...settled, actors: exchange.authority.actors };
    return { decision: 'permit', policies, violations: [], wouldIssue };
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status >= 500) throw error;
    return { decision: 'deny', policies: [], violations: error.violations, wouldIssue: undefined };
  }
};
