import type { App } from '../../config/deployment.ts';
import type { Issuances, Quotas } from '../../ledger/ledger.ts';
import type { AuditRecord, SeenProof } from '../../ledger/records.ts';
import {
  type Decision,
  mustPermit,
  type PolicyEngine,
  type Question,
} from '../../policy/engine.ts';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import type { CurrentConfiguration, InForce } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { takeExchange } from '../limits.ts';
import { ADMIN_CLIENT } from './admin-client.ts';
import { admit } from './admit.ts';
import type { Credential, Mint } from './answer.ts';
import type { Asked } from './asked.ts';
import type { Authority } from './authority.ts';
import { toQuestions } from './question.ts';
import { refused } from './refused.ts';
import { type Settled, settle } from './settle.ts';

/** A proven caller and what it asks for. Proving differs by door; everything after it is here, once. */
export interface Exchange {
  /** Where it came in: a confidential app authenticates at `/token`, and only there. */
  readonly door: 'exchange' | 'token';
  readonly app: App;
  readonly authority: Authority;
  /** The key the new token is bound to. */
  readonly jkt: string | undefined;
  readonly proofs: readonly SeenProof[];
  readonly asked: Asked;
  readonly context: RequestContext;
}

export interface ExchangeDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly issuances: Issuances;
  readonly quotas: Quotas;
  readonly audit: Audited['audit'];
  readonly mint: Mint;
  readonly issuer: string;
  readonly now: () => Date;
}

/** Token exchange (RFC 8693): from what was proven to a credential on record. */
export const createExchange = (dependencies: ExchangeDependencies) => {
  const { policy, issuances, mint } = dependencies;

  const attempt = async (exchange: Exchange, event: AuditDraft, inForce: InForce) => {
    const now = dependencies.now();

    // 2. Settle what would be issued: inside subject ∩ app ∩ request.
    const settled = settle(exchange.asked, {
      app: exchange.app,
      authority: exchange.authority,
      bound: exchange.jkt !== undefined,
      inForce,
      issuer: dependencies.issuer,
      now,
    });
    Object.assign(event, { resource: settled.target.id, scopes: settled.scopes });

    // 3. Ask policy, with nothing it was not asked about left to fill in later.
    const policies = decideAll(policy, toQuestions(exchange, settled, inForce, now));
    Object.assign(event, { policies, policyDigest: policy.digest });

    await takeExchange(dependencies.quotas, exchange.app, exchange.authority.user?.userId, now);

    // 4. Record: the credential exists from here on, or not at all.
    const minted = mint({ exchange, settled, policies, policyDigest: policy.digest, inForce, now });
    return { minted, refusal: await issuances.record(minted.issuance) };
  };

  return (exchange: Exchange): Promise<Credential> =>
    audited(dependencies, 'token.issue', identify(exchange), exchange.proofs, async (event) => {
      let inForce = await currentFor(dependencies.configuration, exchange.app);
      admit(exchange, inForce, dependencies.now());
      for (let tries = 0; tries < 3; tries += 1) {
        const { minted, refusal } = await attempt(exchange, event, inForce);
        // 5. Answer: sign or reveal only what is on record.
        if (refusal === undefined) return minted.reveal();
        if (refusal !== 'stale_configuration') throw refused(refusal);
        inForce = await dependencies.configuration.refresh();
      }
      throw unavailable('the configuration keeps changing');
    });
};

/** What an exchange would do, without doing it. */
export const createDryRun =
  (dependencies: Omit<ExchangeDependencies, 'mint' | 'issuances' | 'quotas'>) =>
  (exchange: Exchange): Promise<DryRun> =>
    audited(dependencies, 'token.dry_run', identify(exchange), exchange.proofs, async (event) => {
      const inForce = dependencies.configuration.get();
      try {
        admit(exchange, inForce, dependencies.now());
        const settled = settle(exchange.asked, {
          app: exchange.app,
          authority: exchange.authority,
          bound: exchange.jkt !== undefined,
          inForce,
          issuer: dependencies.issuer,
          now: dependencies.now(),
        });
        const questions = toQuestions(exchange, settled, inForce, dependencies.now());
        const policies = decideAll(dependencies.policy, questions);
        await dependencies.audit.append(
          { ...event, ...at(dependencies), outcome: 'granted' },
          exchange.proofs,
        );
        return { decision: 'permit', policies, violations: [], wouldIssue: settled };
      } catch (error) {
        if (!(error instanceof OAuthError) || error.status >= 500) throw error;
        await dependencies.audit.append(
          { ...event, ...at(dependencies), outcome: 'denied' },
          exchange.proofs,
        );
        return {
          decision: 'deny',
          policies: [],
          violations: error.violations,
          wouldIssue: undefined,
        };
      }
    });

export interface DryRun {
  readonly decision: 'permit' | 'deny';
  readonly policies: readonly string[];
  readonly violations: OAuthError['violations'];
  readonly wouldIssue: Settled | undefined;
}

const at = ({ now }: { now: () => Date }) => ({ at: now(), action: 'token.dry_run' });

/** Every part must be permitted; the refusal of one is the refusal of all. */
const decideAll = (policy: PolicyEngine, questions: readonly Question[]): readonly string[] => {
  const permitted = questions
    .map((question): Decision => policy.decide(question))
    .flatMap(mustPermit);
  return [...new Set(permitted)];
};

/** What is known of the caller, for the record of whatever comes. */
const identify = ({ app, authority, jkt, context, asked }: Exchange): Partial<AuditRecord> => ({
  tenantId: authority.tenantId,
  appId: app.id,
  issuer: authority.user?.issuer,
  userId: authority.user?.userId,
  deviceId: jkt && `d_${jkt}`,
  resource: asked.resource,
  lawfulBasis: asked.lawfulBasis,
  ip: context.ip,
  traceId: context.traceId,
  requestId: context.requestId,
});

/** An app named by a client assertion or an ID token a moment ago may have been changed since. */
const currentFor = async (configuration: CurrentConfiguration, app: App): Promise<InForce> => {
  const inForce = configuration.get();
  if (app.id === ADMIN_CLIENT) return inForce;
  return inForce.index.app(app.id) === app ? inForce : configuration.refresh();
};
