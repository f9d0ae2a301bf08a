import type { AuditRecord } from './records.ts';

/**
 * Which apps were told of which sign-in, and which of them have yet to hear that it has ended. Where a sign-in ends,
 * the revocation that ends it says so here in the same transaction.
 */
export interface AppSessions {
  /** Begins or prolongs what one app has of one sign-in. */
  begin(session: AppSession): Promise<void>;
  /** Takes some that have ended and are to be told of by now, each for this caller until `leaseUntil`. */
  take(now: Date, leaseUntil: Date, share: Share): Promise<readonly EndedAppSession[]>;
  /** What came of telling the app, on record. `again`: when to try once more; undefined where it is over. */
  settle(
    session: Pick<AppSession, 'sid' | 'appId'>,
    again: Date | undefined,
    audit: AuditRecord | undefined,
  ): Promise<void>;
}

/** What one taking leaves for others. */
export interface Share {
  /** In all. */
  readonly limit: number;
  /** Of one app. */
  readonly perApp: number;
  /** Apps of which none is taken: they have enough under way. */
  readonly except: readonly string[];
}

export interface AppSession {
  /** As its ID tokens have it. */
  readonly sid: string;
  readonly appId: string;
  readonly tenantId: string;
  readonly userId: string;
  /** The company's session behind it, where the company names sessions. */
  readonly sessionId: string | undefined;
  /** From then on nothing is left there to end. */
  readonly expiresAt: Date;
}

export interface EndedAppSession extends Omit<AppSession, 'sessionId' | 'expiresAt'> {
  /** Counted with the one that begins now. */
  readonly attempts: number;
}
