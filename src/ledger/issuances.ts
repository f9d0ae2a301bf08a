import type {
  AuditRecord,
  CloudCredentialRecord,
  LockTarget,
  NewObject,
  SeenProof,
  TicketRecord,
  TokenRecord,
} from './records.ts';

/** A credential to be recorded, with all that must be true in the same instant. */
export interface Issuance {
  /** The configuration version the decision was made under. */
  readonly configuration: number;
  /** Nothing here may be blocked, nor have been revoked since the event says that it was decided. */
  readonly keys: readonly LockTarget[];
  /** Dead if a lock on `key` took effect at or after `since`. */
  readonly authorities: readonly { readonly key: LockTarget; readonly since: Date }[];
  readonly proofs: readonly SeenProof[];
  /** An ID token stays with the key it was first exchanged with. */
  readonly signIn?: {
    readonly tokenHash: string;
    readonly thumbprint: string | undefined;
    readonly expiresAt: Date;
  };
  readonly person?: {
    readonly userId: string;
    readonly issuer: string;
    readonly subject: string;
    readonly issuerId: string;
    readonly tenantId: string;
  };
  readonly device?: { readonly deviceId: string; readonly thumbprint: string };
  readonly token?: TokenRecord;
  readonly ancestors?: readonly {
    readonly ancestorId: string;
    readonly via: 'subject' | 'actor';
  }[];
  readonly object?: NewObject;
  readonly ticket?: TicketRecord;
  readonly credential?: CloudCredentialRecord;
  readonly audit: AuditRecord;
}

export type IssuanceRefusal =
  | 'stale_configuration'
  /** What it would have come of was revoked while it was under way: to be decided again. */
  | 'overtaken'
  | 'blocked'
  | 'revoked'
  | 'bound_to_another_key'
  | 'replayed_proof'
  | 'replayed_sign_in'
  | 'replayed_code';

export interface Issuances {
  /** Commits the credential and its audit event, or says why not: one statement, shared by concurrent requests. */
  record(issuance: Issuance): Promise<IssuanceRefusal | undefined>;
}

/** What whoever asks for something acts by: none of it may have been revoked when it is done. */
export type Holder = Pick<Issuance, 'keys' | 'authorities'>;

export type HolderRefusal = 'blocked' | 'revoked';
