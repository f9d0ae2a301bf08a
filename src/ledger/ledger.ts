import type { InspectionReport } from '../protocol/inspection-report.ts';
import type { Configurations } from './configurations.ts';
import type { Holder, HolderRefusal, Issuances } from './issuances.ts';
import type { ObjectFilter, Placements } from './placements.ts';
import type { Quotas } from './quotas.ts';
import type {
  AuditRecord,
  LockTarget,
  ObjectRecord,
  ObjectStatus,
  SeenProof,
  TicketRecord,
  TokenRecord,
} from './records.ts';

export type {
  AppliedConfiguration,
  ConfigurationChange,
  ConfigurationEntity,
  Configurations,
} from './configurations.ts';
export type { Holder, HolderRefusal, Issuance, IssuanceRefusal, Issuances } from './issuances.ts';
export type { PaceStep, Paces, Passage } from './paces.ts';
export type { QuotaClaim, Quotas, Shortage } from './quotas.ts';

/**
 * Ledger: what outlives a request? It keeps what it is told and answers what is so; it decides nothing.
 *
 * Every method rejects with `temporarily_unavailable` when the database cannot answer. A write whose
 * commit is unknown counts as not made.
 */
export interface Ledger {
  readonly issuances: Issuances;
  readonly tokens: Tokens;
  readonly audit: AuditTrail;
  readonly objects: Objects;
  readonly tickets: Tickets;
  readonly revocations: Revocations;
  readonly configurations: Configurations;
  readonly quotas: Quotas;
}

export interface HeldToken {
  readonly token: TokenRecord;
  /** It, an ancestor, its app, user, device, issuer or tenant was revoked. */
  readonly revoked: boolean;
  /** The proof was seen before. */
  readonly replayed: boolean;
}

export interface Tokens {
  /** Reads an opaque token by the SHA-256 of its value and, in the same statement, claims the proof. */
  use(hash: Buffer, proof: SeenProof | undefined): Promise<HeldToken | undefined>;
  find(tokenId: string): Promise<HeldToken | undefined>;
  list(filter: TokenFilter, page: Page): Promise<readonly HeldToken[]>;
  /** Why whoever was proven when a request began no longer holds, after any revocation under way. */
  recheck(holder: Holder): Promise<HolderRefusal | undefined>;
}

/** Newest first; `after` is the id of the last item of the page before. */
export interface Page {
  readonly limit: number;
  readonly after: string | undefined;
}

export interface TokenFilter {
  readonly tenantId?: string | undefined;
  readonly appId?: string | undefined;
  readonly userId?: string | undefined;
  readonly deviceId?: string | undefined;
}

export interface AuditFilter extends TokenFilter {
  readonly tokenId?: string | undefined;
  readonly objectId?: string | undefined;
  /** The subject of someone in the chain of delegation: a person's, or an app's id. */
  readonly actor?: string | undefined;
  /** What was revoked, or of what a block was lifted. */
  readonly target?: LockTarget | undefined;
  readonly action?: string | undefined;
  readonly outcome?: 'granted' | 'denied' | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

export interface AuditTrail {
  /** For what issues nothing: refusals and uses. Claims the proofs too; false if one was seen before. */
  append(record: AuditRecord, proofs?: readonly SeenProof[]): Promise<boolean>;
  /**
   * For a use that hands out nothing but an answer: on record where its holder still holds in that instant
   * and no proof was seen before, else why not. What was read before that may be shown.
   */
  appendUse(
    record: AuditRecord,
    holder: Holder,
    proofs?: readonly SeenProof[],
  ): Promise<UseRefusal | undefined>;
  search(
    filter: AuditFilter,
    page: Page,
  ): Promise<readonly (AuditRecord & { readonly eventId: string })[]>;
}

export interface Objects extends Placements {
  find(objectId: string): Promise<ObjectRecord | undefined>;
  findByKey(bucketId: string, key: string): Promise<ObjectRecord | undefined>;
  /** Available objects whose key begins with one of the prefixes, letter by letter; oldest first. */
  list(
    bucketId: string,
    keyPrefixes: readonly string[],
    page: Page,
  ): Promise<readonly ObjectRecord[]>;
  /**
   * One step of the life cycle, conditional on the state before it; or why it was not taken. A step to
   * `expired` or `rejected` gives back, in the same instant, what the upload took from its app's limits.
   */
  advance(step: ObjectStep): Promise<StepRefusal | undefined>;
  /** Takes up to `limit` objects that wait for validation, each leased to this caller until `leaseUntil`. */
  lease(now: Date, leaseUntil: Date, limit: number): Promise<readonly ObjectRecord[]>;
  /** Pending objects whose bytes may have arrived without word, or whose URL has expired. */
  pending(page: Page): Promise<readonly ObjectRecord[]>;
  /** Settled objects whose upload URL has expired and whose staging bytes still lie there. */
  stale(now: Date, limit: number): Promise<readonly ObjectRecord[]>;
  forgetStaging(objectId: string, at: Date): Promise<void>;
  /** All of a tenant, or of all of them; newest first. */
  search(filter: ObjectFilter, page: Page): Promise<readonly ObjectRecord[]>;
}

/**
 * `moved_on`: another got there first, or, for a step to `available`, what the object came from has been
 * revoked. The others are said of the step's `holder`.
 */
export type StepRefusal = 'moved_on' | HolderRefusal;

export type UseRefusal = HolderRefusal | 'replayed_proof';

export interface ObjectStep {
  readonly objectId: string;
  readonly from: readonly ObjectStatus[];
  readonly to: ObjectStatus;
  readonly at: Date;
  readonly reason?: string;
  /** What must still be true, in the instant of the step, of whoever asks for it. */
  readonly holder?: Holder;
  /** What inspection found. */
  readonly found?: {
    readonly size: number;
    readonly sha256: string;
    readonly contentType: string;
    /** Absent where nothing was released. */
    readonly revision?: string;
  };
  /** Of its bytes under the final key, where they were copied there again. */
  readonly revision?: string;
  readonly report?: InspectionReport;
  /** To `available` although what it came from was revoked: the security desk says so. */
  readonly despiteRevocation?: boolean;
  readonly audit: AuditRecord;
}

export interface Tickets {
  /** The one use: undefined where unknown, used, expired or revoked. */
  use(hash: Buffer, at: Date): Promise<TicketRecord | undefined>;
  /** Reads one without using it, dead or alive. */
  find(hash: Buffer): Promise<TicketRecord | undefined>;
}

export interface RevocationOrder {
  readonly revocationId: string;
  readonly target: LockTarget;
  readonly tenantId: string;
  /** Whose sign-in ends, where the target is what came of one. */
  readonly userId?: string | undefined;
  readonly block: boolean;
  readonly reason: string;
  /** Whether available objects that came from the target are quarantined in the same instant. */
  readonly containObjects: boolean;
  readonly holder: Holder;
  readonly by: string;
  readonly audit: AuditRecord;
}

export interface Residual {
  readonly kind: 'presigned_put' | 'presigned_get' | 'cloud_credentials' | 'jwt';
  readonly provider: string | undefined;
  readonly count: number;
  readonly usableUntil: Date;
}

export interface RevocationRecord {
  readonly revocationId: string;
  readonly target: LockTarget;
  readonly tenantId: string;
  readonly block: boolean;
  readonly reason: string;
  readonly effectiveAt: Date;
  readonly revokedBy: string;
  readonly liftedAt: Date | undefined;
  readonly killed: {
    readonly tokens: number;
    readonly derived: number;
    readonly refreshFamilies: number;
    readonly tickets: number;
  };
  /** Objects quarantined with it. */
  readonly contained: number;
  readonly residual: readonly Residual[];
}

export interface Revocations {
  /** Returns once it holds everywhere: no later answer honours what it names. */
  revoke(order: RevocationOrder): Promise<RevocationRecord>;
  /** Ends the block and revives nothing. False where unknown or lifted already. */
  lift(revocationId: string, by: string, holder: Holder, audit: AuditRecord): Promise<boolean>;
  find(revocationId: string): Promise<RevocationRecord | undefined>;
  list(tenantId: string | undefined, page: Page): Promise<readonly RevocationRecord[]>;
  /** The tenants a target belongs to: none where there is no such thing, several where one key is used in each. */
  tenantsOf(target: LockTarget): Promise<readonly string[]>;
}
