import type { Authorization, LockTarget } from './records.ts';

/** Refresh tokens: rotated with each use, and all of one family dead once one of them is used twice. */
export interface RefreshTokens {
  /** Records a family and its first token: from here on they exist. */
  begin(family: RefreshFamily, first: RefreshLink): Promise<void>;
  /** By the SHA-256 of its value; used or not, expired or not. */
  find(hash: Buffer): Promise<FoundRefreshToken | undefined>;
  /**
   * Uses a token and records its successor: one conditional update, true for exactly one caller ever.
   */
  rotate(used: Buffer, successor: Buffer, at: Date): Promise<boolean>;
  /**
   * Undoes `rotate` where nothing came of it, so that whoever could not be served may ask again; unless the successor
   * was used meanwhile.
   */
  restore(used: Buffer, successor: Buffer): Promise<void>;
}

/** All refresh tokens of one authorization, one after the other. */
export interface RefreshFamily {
  readonly familyId: string;
  /** The authorization it belongs to; its revocation ends the family. */
  readonly grantId: string;
  readonly tenantId: string;
  readonly appId: string;
  readonly issuerId: string;
  readonly userId: string;
  /** RFC 7638 thumbprint of the key that each use must prove. */
  readonly thumbprint: string | undefined;
  /** Everything whose revocation ends it. */
  readonly lineage: readonly LockTarget[];
  readonly authorization: Authorization;
  readonly createdAt: Date;
  /** The end of the last token, however often they are rotated. */
  readonly expiresAt: Date;
}

export interface RefreshLink {
  readonly hash: Buffer;
  readonly issuedAt: Date;
}

export interface FoundRefreshToken {
  readonly family: RefreshFamily;
  readonly usedAt: Date | undefined;
  readonly successor: Buffer | undefined;
  /** The successor has been used as well: whoever has this token now is not who has lost an answer. */
  readonly successorUsed: boolean;
}
