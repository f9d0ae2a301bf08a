import type { Change } from '../config/plan.ts';
import type {
  AppliedConfiguration,
  AuditFilter,
  AuditTrail,
  Configurations,
  HeldToken,
  Page,
  Revocations,
  TokenFilter,
  Tokens,
} from '../ledger/ledger.ts';
import type { AuditRecord } from '../ledger/records.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { type Admin, mustReach } from './admin.ts';
import type { Configure } from './configure/configure.ts';
import { noSuchRevocation, type Receipt, receiptOf } from './revocation/revoke.ts';
import { createWhileHeld } from './while-held.ts';

export interface OversightDependencies {
  readonly tokens: Pick<Tokens, 'list' | 'find' | 'recheck'>;
  readonly audit: Pick<AuditTrail, 'search'>;
  readonly revocations: Pick<Revocations, 'list' | 'find'>;
  readonly configurations: Pick<Configurations, 'current'>;
  readonly configure: Pick<Configure, 'plan'>;
}

/** Whatever its filter says, a list goes no further than the administrator does. */
type Within<Filter extends TokenFilter> = Omit<Filter, 'tenantId'>;

/**
 * What administrators look at: each sees their own tenant, or all where a role of theirs has deployment scope.
 * Every one of these answers only while the administrator's token holds.
 */
export const createOversight = (dependencies: OversightDependencies) => {
  const { tokens, audit, revocations, configurations, configure } = dependencies;
  const whileHeld = createWhileHeld(dependencies);

  return {
    listTokens: (
      admin: Admin,
      filter: Within<TokenFilter>,
      page: Page,
    ): Promise<readonly HeldToken[]> =>
      whileHeld(admin, () => tokens.list({ ...filter, tenantId: tenantOf(admin) }, page)),

    /** @throws {OAuthError} `not_found` where there is none, or none within reach. */
    showToken: async (admin: Admin, tokenId: string): Promise<HeldToken> => {
      const found = await whileHeld(admin, () => tokens.find(tokenId));
      mustReach(admin, found?.token.tenantId, noSuchToken());
      if (!found) throw noSuchToken();
      return found;
    },

    searchAudit: (
      admin: Admin,
      filter: Within<AuditFilter>,
      page: Page,
    ): Promise<readonly (AuditRecord & { readonly eventId: string })[]> =>
      whileHeld(admin, () => audit.search({ ...filter, tenantId: tenantOf(admin) }, page)),

    listRevocations: (admin: Admin, page: Page): Promise<readonly Receipt[]> =>
      whileHeld(admin, async () => {
        const found = await revocations.list(tenantOf(admin), page);
        return found.map(receiptOf);
      }),

    /** @throws {OAuthError} `not_found` where there is none, or none within reach. */
    showRevocation: async (admin: Admin, revocationId: string): Promise<Receipt> => {
      const found = await whileHeld(admin, () => revocations.find(revocationId));
      mustReach(admin, found?.tenantId, noSuchRevocation());
      if (!found) throw noSuchRevocation();
      return receiptOf(found);
    },

    /** @throws {OAuthError} `not_found` before the first one is applied. */
    showConfiguration: async (admin: Admin): Promise<AppliedConfiguration> => {
      const applied = await whileHeld(admin, () => configurations.current());
      if (!applied) throw new OAuthError('not_found', 'no configuration has been applied');
      return applied;
    },

    /** What applying `document` would change. @throws ConfigurationError with every problem */
    planConfiguration: (admin: Admin, document: unknown): Promise<readonly Change[]> =>
      whileHeld(admin, () => configure.plan(document)),
  };
};

export type Oversight = ReturnType<typeof createOversight>;

/** How far a list goes: undefined is everywhere. */
const tenantOf = ({ deployment, tenantId }: Admin): string | undefined =>
  deployment ? undefined : tenantId;

const noSuchToken = (): OAuthError =>
  new OAuthError('not_found', 'no such token', {
    violations: [
      {
        field: 'token_id',
        rule: 'unknown_token',
        message: 'there is no such token within your reach',
        remedy: 'search with app_id or user_id',
      },
    ],
  });
