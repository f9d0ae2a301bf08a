/** Status lists: which of the JWTs that are out are dead? By place, for verifiers that do not ask us. */
export interface StatusLists {
  /**
   * The places of one list whose tokens have been revoked, counted from its start; undefined where no living
   * token has its place in the list.
   */
  revokedIn(list: number): Promise<readonly number[] | undefined>;
}

/** Places in one list. 2^17 bits are 16 KiB before compression; most lists deflate to some hundred bytes. */
export const LIST_SIZE = 2 ** 17;

/** Places for tokens to come, taken from the database ahead of their use. */
export interface StatusPlaces {
  /** @throws {OAuthError} `temporarily_unavailable` where none could be taken in time */
  take(): number;
  /** Takes as many as will be wanted soon. */
  refill(): Promise<void>;
}
