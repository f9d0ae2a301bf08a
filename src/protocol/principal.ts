/** A user's attributes for policy: mapped from claims, absent where the claim is absent. */
export type Attributes = Readonly<Record<string, string | readonly string[]>>;

/** A person as a verified ID token describes them. Identity is issuer and subject, never e-mail. */
export interface SignIn {
  /** Our id of the issuer (`issuers[].id`). */
  readonly issuerId: string;
  /** The `iss` value. */
  readonly issuer: string;
  readonly tenant: string;
  readonly subject: string;
  /** `u_` + 26 characters derived from issuer and subject. */
  readonly userId: string;
  /** The party the ID token was issued to: `azp`, else its only `aud`. */
  readonly party: string;
  readonly audiences: readonly string[];
  /** Epoch seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly authenticatedAt: number | undefined;
  readonly sessionId: string | undefined;
  readonly attributes: Attributes;
  /** Undefined where the token leaves it to policy. */
  readonly mayAct?: MayAct | undefined;
  /** SHA-256 of what was signed, base64url: one name for a token, however its signature is spelled. */
  readonly tokenHash: string;
}

/**
 * Who may act for a subject (RFC 8693 §4.4). What is named must be so of the actor; where neither `subject` nor
 * `clientId` is named, nobody may.
 */
export interface MayAct {
  readonly issuer?: string;
  readonly subject?: string;
  readonly clientId?: string;
}

export const NOBODY: MayAct = {};

/** Who acts for a subject, newest first in any list (RFC 8693 §4.1). */
export interface Actor {
  readonly issuer: string;
  readonly subject: string;
}
