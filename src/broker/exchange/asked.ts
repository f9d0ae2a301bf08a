import type { Constraints, StorageDetail } from '../../protocol/authorization-details.ts';

/** A lawful basis: a word of the record, which nobody should have to escape. */
export const LAWFUL_BASIS = /^[a-z0-9_-]{1,64}$/;

/** What a caller asks for, before anything is known of whether it may have it. */
export interface Asked {
  /** `bucket:<id>`, the id of a resource server, or `{ISSUER}/admin`; as written. */
  readonly resource: string | undefined;
  /** Absent: all that is held. */
  readonly actions: readonly string[] | undefined;
  /** As written: what is not canonical is made so, or refused, when it is settled. */
  readonly constraints: object;
  /** Storage asked for as scopes or `authorization_details`: takes the place of actions and constraints. */
  readonly details: readonly StorageDetail[] | undefined;
  /** Seconds. */
  readonly ttl: number | undefined;
  readonly lawfulBasis: string | undefined;
}

export interface CanonicalAsked extends Asked {
  readonly constraints: Constraints;
}
