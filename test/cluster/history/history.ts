/**
 * What clients saw, each operation with the moments it began and ended on one monotonic clock. Between
 * those it took effect, if it did: of what ended before something else began, the order is known.
 */
export type Operation = Issue | Derive | Use | Revoke | Lift;

interface Seen {
  /** Milliseconds. */
  readonly began: number;
  /** Infinity where no answer came: it may take effect at any time, or never. */
  readonly ended: number;
  readonly place: number;
  readonly outcome: Outcome;
}

/** `unknown`: no answer, or one that says nothing (503). It may have been done, unheard. */
export type Outcome = 'granted' | 'refused' | 'unknown';

/** An exchange of an ID token. */
export interface Issue extends Seen {
  readonly kind: 'issue';
  readonly user: string;
  readonly app: string;
  /** When the ID token was made. */
  readonly signedInAt: number;
  /** Where granted. */
  readonly token?: string;
}

/** An exchange of a token of ours. */
export interface Derive extends Seen {
  readonly kind: 'derive';
  readonly parent: string;
  /** Where granted. */
  readonly token?: string;
}

export interface Use extends Seen {
  readonly kind: 'use';
  readonly token: string;
}

export interface Revoke extends Seen {
  readonly kind: 'revoke';
  readonly target: Target;
  /** Also refuses to issue until it is lifted. */
  readonly block: boolean;
  /** Where granted. */
  readonly revocation?: string;
}

/** `token:…`, `app:…` or `user:…`. */
export type Target = `${'token' | 'app' | 'user'}:${string}`;

export interface Lift extends Seen {
  readonly kind: 'lift';
  readonly revocation: string;
}

/** What the database holds when all is over. */
export interface Kept {
  readonly tokens: readonly KeptToken[];
  readonly revocations: readonly KeptRevocation[];
  /** Audit events of action `revocation.create` that granted. */
  readonly revocationEvents: number;
}

export interface KeptToken {
  readonly token: string;
  readonly parent: string | undefined;
  readonly user: string;
  readonly app: string;
  /** Audit events that say it was issued. */
  readonly events: number;
}

export interface KeptRevocation {
  readonly revocation: string;
  readonly target: string;
  readonly lifted: boolean;
}

export interface Violation {
  readonly rule:
    | 'honoured_after_revocation'
    | 'issued_under_a_block'
    | 'issued_from_a_dead_sign_in'
    | 'refused_without_cause'
    | 'no_record'
    | 'no_audit_event'
    | 'another_record'
    | 'revocation_lost'
    | 'lift_lost'
    | 'miscounted';
  readonly about: string;
}
