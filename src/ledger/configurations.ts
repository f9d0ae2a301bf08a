import type { Holder } from './issuances.ts';
import type { AuditRecord } from './records.ts';

/** The configuration in force, as it was applied. */
export interface AppliedConfiguration {
  readonly version: number;
  readonly digest: string;
  readonly document: unknown;
  readonly appliedBy: string;
  readonly appliedAt: Date;
  readonly source: string;
}

export interface Configurations {
  /** 0 before the first application. */
  version(): Promise<number>;
  current(): Promise<AppliedConfiguration | undefined>;
  /** Replaces the whole. Rejects with `conflict` when `expected` is no longer the version in force. */
  apply(change: ConfigurationChange): Promise<number>;
  /**
   * Does `work` while no other instance does any here, in the order they came: so that of many changes at once each
   * is tried once. It saves tries and decides nothing; whoever waits too long for a turn works without.
   */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>;
}

export interface ConfigurationChange {
  readonly expected: number;
  readonly digest: string;
  readonly settings: object;
  readonly plan: readonly object[];
  readonly source: string;
  readonly by: string;
  /** Absent for the operator at the machine itself. */
  readonly holder?: Holder | undefined;
  readonly at: Date;
  readonly entities: readonly ConfigurationEntity[];
  /** One for each tenant that reads of it; they commit with the change. */
  readonly audit: readonly AuditRecord[];
}

export interface ConfigurationEntity {
  readonly kind: 'tenant' | 'issuer' | 'app' | 'bucket' | 'resource_server';
  readonly id: string;
  readonly tenantId: string;
  readonly definition: object;
}
