/**
 * Numbers and names of the FAPI 2.0 Security Profile, for apps that chose it. What it asks of everybody's requests
 * (S256, `iss`, codes of 60 s, no `none`) holds for all apps and is not repeated here.
 */
export const FAPI2 = 'fapi2';

/** §5.4.1: what a client may sign with. Ed25519 by either of its names (RFC 9864). */
export const FAPI2_ALGORITHMS: readonly string[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];

/** Seconds, §5.3.2.1: what says that it was made later than that is refused, whatever else vouches for its age. */
export const FAPI2_LONGEST_AHEAD = 60;

/** Bits, §5.4.1. */
export const FAPI2_RSA_BITS = 2048;
