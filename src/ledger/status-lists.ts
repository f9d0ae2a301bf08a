/** Status lists: which of the JWTs that are out are dead? By place, for verifiers that do not ask us. */
export interface StatusLists {
  /**
   * A list with every revocation in it that was committed before the call; undefined where no living token has
   * its place there.
   *
   * @throws {OAuthError} `temporarily_unavailable` where nobody can say what has been revoked
   */
  read(list: number): Promise<StatusList | undefined>;
}

export interface StatusList {
  /** One bit each (draft-ietf-oauth-status-list-21 §4.1), the least significant of each byte first. */
  readonly bits: Uint8Array;
  /** Another one whenever a bit has changed. */
  readonly version: number;
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
