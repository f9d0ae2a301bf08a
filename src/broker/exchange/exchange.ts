import type { App } from '../../config/deployment.ts';
import type { IssuanceRefusal, Issuances, Quotas } from '../../ledger/ledger.ts';
import { type AuditRecord, type SeenProof, thumbprintOf } from '../../ledger/records.ts';
import { unproven } from '../../protocol/oauth-error.ts';
import { bucketOf } from '../../scope/resource.ts';
import { type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, type InForce, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { deviceIdOf } from '../identifiers.ts';
import { takeExchange } from '../limits.ts';
import type { RequestPace } from '../request-pace.ts';
import { ADMIN_CLIENT } from './admin-client.ts';
import type { Credential, Mint, Minted } from './answer.ts';
import type { Asked } from './asked.ts';
import type { Authority } from './authority.ts';
import { bindingOf } from './binding.ts';
import type { createDecide } from './decide.ts';
import { isPassing, refused } from './refused.ts';
import { isRegistered } from './target.ts';

/** A proven caller and what it asks for. Proving differs by door; everything after it is here, once. */
export interface Exchange {
  /** Where it came in: a confidential app authenticates at `/token`, and only there. */
  readonly door: 'exchange' | 'token';
  readonly app: App;
  readonly authority: Authority;
  /** The key that was proven by DPoP: what the new token is bound to, but for certificates (binding.ts). */
  readonly jkt: string | undefined;
  readonly proofs: readonly SeenProof[];
  readonly asked: Asked;
  readonly context: RequestContext;
  /** What else the app must be, as it is registered in the instant of issuing; throws where it is not. */
  readonly mustBe?: (app: App) => void;
}

export interface ExchangeDependencies {
  readonly decide: ReturnType<typeof createDecide>;
  readonly now: () => Date;
  readonly configuration: CurrentConfiguration;
  readonly issuances: Issuances;
  readonly quotas: Quotas;
  readonly pace: Pick<RequestPace, 'ofUser'>;
  readonly audit: Audited['audit'];
  readonly mint: Mint;
  readonly issuer: string;
}

/** Token exchange (RFC 8693): from what was proven (1) to a credential on record. */
export const createExchange =
  (dependencies: ExchangeDependencies) =>
  (exchange: Exchange): Promise<Credential> =>
    audited(
      dependencies,
      'token.issue',
      identify(exchange, dependencies),
      exchange.proofs,
      async (event) => {
        const { configuration, decide, quotas, mint, issuances, pace } = dependencies;
        await pace.ofUser(exchange.app.id, exchange.authority.user?.userId);
        return underConfiguration(configuration, async (inForce) => {
          // 2, 3. Settle what would be issued, and ask policy.
          const current = { ...exchange, app: appIn(inForce, exchange.app) };
          const decided = decide(current, inForce, event);
          const userId = exchange.authority.user?.userId;
          const giveBack = await takeExchange(quotas, current.app, userId, decided.now);

          // 4. Record: the credential exists from here on, or not at all.
          const minted = mint(decided);
          const refusal = await issuances.record(minted.issuance).catch(async (error: unknown) => {
            await giveBack().catch(() => undefined);
            throw error;
          });

          // 5. Answer: sign or reveal only what is on record.
          if (refusal === undefined) return minted.reveal();
          await giveBack();
          await mustBeOursToMend(refusal, minted);
          return undefined;
        });
      },
    );

/** What changed while this was decided, and not by the caller, is decided again. @throws {OAuthError} */
const mustBeOursToMend = async (refusal: IssuanceRefusal, minted: Minted): Promise<void> => {
  if (isPassing(refusal)) return;
  if (refusal === 'blocked' && (await minted.hasLostItsKey())) return;
  throw refused(refusal);
};

/** What is known of the caller, for the record of whatever comes. */
export const identify = (
  exchange: Exchange,
  { configuration, issuer }: { configuration: CurrentConfiguration; issuer: string },
): Partial<AuditRecord> => {
  const { app, authority, context, asked } = exchange;
  const binding = bindingOf(exchange);
  return {
    tenantId: authority.tenantId,
    // The token that was to be narrowed; of what is granted, the new one takes its place.
    tokenId: authority.held?.tokenId,
    appId: app.id,
    issuer: authority.user?.issuer,
    userId: authority.user?.userId,
    deviceId: binding && deviceIdOf(thumbprintOf(binding)),
    actors: authority.actors,
    // What is not registered is text of the caller's: it may be long, and it may be a token (law 4).
    resource: isRegistered(asked.resource, configuration.get(), issuer)
      ? asked.resource
      : undefined,
    ...placeOf(asked.resource, authority.tenantId, configuration.get()),
    lawfulBasis: asked.lawfulBasis,
    ip: context.ip,
    traceId: context.traceId,
    requestId: context.requestId,
  };
};

/** Class and place of a bucket of the caller's own tenant, for the record of a refusal, too. */
const placeOf = (
  resource: string | undefined,
  tenantId: string,
  { index }: InForce,
): Pick<AuditRecord, 'classification' | 'residency'> => {
  const bucketId = bucketOf(resource ?? '');
  const bucket = bucketId === undefined ? undefined : index.bucket(bucketId);
  if (bucket?.tenant !== tenantId) return {};
  return { classification: bucket.classification, residency: bucket.residency };
};

/** The app as it stands now: what it was when its token was proven may have been taken from it since. */
export const appIn = ({ index }: InForce, app: App): App => {
  if (app.id === ADMIN_CLIENT) return app;
  const current = index.app(app.id);
  if (!current) throw unproven('the app is gone');
  return current;
};
