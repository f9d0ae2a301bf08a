import type { StorageDetail } from '../protocol/authorization-details.ts';
import type { InspectionReport } from '../protocol/inspection-report.ts';
import type { Actor, Attributes, MayAct, SignIn } from '../protocol/principal.ts';

/** The parts of the ledger's rows that the broker fills in and reads back. Times are `Date`s. */

/** What a lock can name: `app:where2eat`, `user:u_…`, `token:tk_…`. */
export type LockTarget = `${TargetKind}:${string}`;
export type TargetKind =
  | 'token'
  | 'grant'
  | 'app'
  | 'device'
  | 'user'
  | 'issuer'
  | 'tenant'
  | 'key'
  /** One session at a company's IdP, until it is signed out there. */
  | 'session';

/** The key that whoever uses a token must prove. */
export type Binding =
  | {
      readonly method: 'dpop';
      /** RFC 7638 thumbprint. */
      readonly jkt: string;
    }
  | {
      readonly method: 'mtls';
      /** Of the certificate on the connection (RFC 8705 §3.1). */
      readonly 'x5t#S256': string;
    };

/** Thumbprints of keys and of certificates are hashes of different things: none is ever both. */
export const thumbprintOf = (binding: Binding): string =>
  binding.method === 'dpop' ? binding.jkt : binding['x5t#S256'];

/** The sign-in everything below it descends from. Nothing derived outlives it. */
export interface Root {
  readonly tokenHash: string;
  readonly sessionId: string | undefined;
  readonly expiresAt: Date;
}

/** What a person has agreed to at the authorization endpoint, kept for as long as tokens may come of it. */
export interface Authorization {
  readonly signIn: SignIn;
  readonly acr: string | undefined;
  /** What was agreed to: one resource, and what may be done there. */
  readonly limit: Pick<TokenRecord, 'resource' | 'scopes' | 'authorizationDetails' | 'lawfulBasis'>;
  /** Whether an ID token was asked for. */
  readonly openid: boolean;
  readonly nonce: string | undefined;
  /** Epoch seconds. */
  readonly authorizedAt: number;
}

export interface TokenRecord {
  readonly tokenId: string;
  /** SHA-256 of the bearer value; absent for a JWT, which nobody presents to us by value. */
  readonly tokenHash: Buffer | undefined;
  readonly format: 'opaque' | 'jwt';
  readonly tenantId: string;
  readonly appId: string;
  readonly issuerId: string | undefined;
  readonly issuer: string | undefined;
  readonly subject: string;
  readonly userId: string | undefined;
  readonly deviceId: string | undefined;
  readonly actors: readonly Actor[];
  /** Who else may act for the subject, as its sign-in says. */
  readonly mayAct?: MayAct | undefined;
  readonly attributes: Attributes;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly authorizationDetails: readonly StorageDetail[];
  readonly binding: Binding | undefined;
  readonly parentId: string | undefined;
  readonly rootId: string;
  readonly root: Root | undefined;
  /** The authorization it comes from, shared by all that comes from one sign-in; none for a client alone. */
  readonly grantId: string | undefined;
  /** Its place in the status lists, counted through all of them; a JWT's alone. */
  readonly statusIndex: number | undefined;
  readonly lineage: readonly LockTarget[];
  readonly policyDigest: string;
  readonly policies: readonly string[];
  readonly classification: string | undefined;
  readonly lawfulBasis: string | undefined;
  readonly residency: string | undefined;
  readonly signingKey: string | undefined;
  readonly ip: string | undefined;
  readonly traceId: string | undefined;
  readonly requestId: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

export type ObjectStatus =
  | 'pending'
  | 'uploaded'
  | 'validating'
  | 'available'
  | 'rejected'
  | 'quarantined'
  | 'expired'
  /** Gone for every reader; its bytes follow. */
  | 'deleted';

export interface ObjectRecord {
  readonly objectId: string;
  readonly tenantId: string;
  readonly bucketId: string;
  readonly appId: string;
  readonly userId: string | undefined;
  readonly tokenId: string;
  readonly lineage: readonly LockTarget[];
  readonly stagingKey: string;
  /** The final key: the cloud's name, without a first slash. */
  readonly key: string;
  readonly fileName: string;
  readonly contentType: string;
  /** Bytes: declared until inspected, real afterwards. */
  readonly size: number;
  /** Hex. Declared until inspected, real afterwards. */
  readonly sha256: string | undefined;
  readonly status: ObjectStatus;
  readonly reason: string | undefined;
  readonly revision: string | undefined;
  readonly createdAt: Date;
  readonly uploadExpiresAt: Date;
  /** What inspection found; absent before the first. */
  readonly report?: InspectionReport | undefined;
  /** Inspections that had to be put off. */
  readonly attempts?: number;
  /** Since when its bytes lie under the quarantine key. */
  readonly apartAt?: Date | undefined;
  readonly settledAt?: Date | undefined;
}

export interface NewObject extends ObjectRecord {
  /** What it took from sliding windows at `createdAt`: given back where it comes to nothing. */
  readonly reserved: readonly Reservation[];
}

export interface Reservation {
  /** The counter's. */
  readonly id: string;
  readonly windowSeconds: number;
  readonly amount: number;
}

/** Seconds that a URL lives which a used ticket redirected to: receipts count it for as long. */
export const REDIRECT_TTL = 60;

export interface TicketRecord {
  readonly ticketId: string;
  /** Absent for a presigned URL, which the storage honours without asking us. */
  readonly tokenHash: Buffer | undefined;
  readonly delivery: 'proxy' | 'redirect' | 'presigned';
  readonly objectId: string;
  readonly tenantId: string;
  readonly appId: string;
  readonly userId: string | undefined;
  readonly deviceId: string | undefined;
  readonly tokenId: string;
  readonly lineage: readonly LockTarget[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** Temporary credentials of a cloud: that they were lent, never what they are. */
export interface CloudCredentialRecord {
  readonly credentialId: string;
  readonly provider: string;
  readonly bucketId: string;
  readonly tenantId: string;
  readonly appId: string;
  readonly userId: string | undefined;
  readonly deviceId: string | undefined;
  readonly tokenId: string;
  readonly lineage: readonly LockTarget[];
  readonly actions: readonly string[];
  readonly prefix: string;
  /** What the cloud's own log calls whoever uses them. */
  readonly sessionName: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** One thing that happened, granted or refused. It holds no token, no proof and no signed URL. */
export interface AuditRecord {
  readonly at: Date;
  readonly action: string;
  readonly outcome: 'granted' | 'denied';
  /** Ours alone: which check failed. */
  readonly reason?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly issuer?: string | undefined;
  readonly userId?: string | undefined;
  readonly appId?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly actors?: readonly Actor[] | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly resource?: string | undefined;
  readonly objectId?: string | undefined;
  readonly classification?: string | undefined;
  readonly lawfulBasis?: string | undefined;
  readonly residency?: string | undefined;
  readonly policyDigest?: string | undefined;
  readonly policies?: readonly string[] | undefined;
  readonly ip?: string | undefined;
  readonly traceId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

/** What may be presented once: its id is remembered until `keepUntil`. */
export interface SeenProof {
  readonly kind: 'proof' | 'sign_in' | 'code';
  readonly id: string;
  readonly keepUntil: Date;
}
