/** The JWS algorithms we sign with (RFC 7518 §3.1, RFC 8037 §3.1), the one that is used unless told otherwise first. */
export const SIGNING_ALGORITHMS = ['ES256', 'EdDSA', 'RS256'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];
