/**
 * What a proof may be signed with: asymmetric signatures only (RFC 9449 §4.2). The validator, every challenge
 * (§7.1) and the metadata (§5.1) read this one list.
 */
export const DPOP_ALGORITHMS = ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'] as const;
