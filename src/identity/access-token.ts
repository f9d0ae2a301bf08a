import type { JsonWebKey, KeyObject } from 'node:crypto';
import { importPublicJwk, readPublicJwk } from './jwk.ts';
import { type DecodedJwt, decodeJwt, type JsonObject, verifySignature } from './jwt.ts';

export interface OwnKeys {
  /** The `iss` of what we sign. */
  readonly issuer: string;
  /** Every key that a live token may be signed with, retiring ones too: what `/jwks` publishes. */
  readonly published: () => readonly JsonWebKey[];
}

/** What an access token of ours says of itself. Whether it is alive, only its row knows. */
export interface OwnAccessToken {
  readonly tokenId: string;
  readonly kid: string;
}

type Signed = JsonObject & { readonly kid: string };

/** What we sign is far shorter; what is longer is not even decoded. */
const LONGEST = 16_384;

const createVerifier = ({ issuer, published }: OwnKeys, typ: string) => {
  const known = new WeakMap<JsonWebKey, KeyObject>();

  const keyOf = (jwk: JsonWebKey): KeyObject | undefined => {
    const kept = known.get(jwk);
    if (kept) return kept;
    const read = readPublicJwk(jwk);
    const key = read && importPublicJwk(read);
    if (key) known.set(jwk, key);
    return key;
  };

  /** The payload of what the key named in the header signed. */
  const verify = ({ header, payload, signingInput, signature }: DecodedJwt): Signed | undefined => {
    const jwk = published().find(({ kid }) => kid !== undefined && kid === header.kid);
    const key = jwk && keyOf(jwk);
    // The algorithm is the key's, never the token's choice (RFC 8725 §3.1).
    const alg = String(jwk?.alg);
    return key && header.alg === alg && verifySignature(alg, key, signingInput, signature)
      ? { ...payload, kid: String(header.kid) }
      : undefined;
  };

  return (token: string): Signed | undefined => {
    const jwt = token.length > LONGEST ? undefined : decodeJwt(token);
    const signed = jwt?.header.typ === typ ? verify(jwt) : undefined;
    return signed?.iss === issuer ? signed : undefined;
  };
};

/**
 * Reads access tokens that we signed ourselves (RFC 9068), and nothing else we signed or may sign:
 * an answer of introspection and a status list have the same keys and another `typ` (RFC 8725 §3.11).
 *
 * Undefined for whatever is wrong: foreign, forged, malformed, or signed with a key no longer published.
 * Times are not compared: the row has them.
 */
export const createAccessTokenReader = (keys: OwnKeys) => {
  const verify = createVerifier(keys, 'at+jwt');
  return (token: string): OwnAccessToken | undefined => {
    const signed = verify(token);
    if (typeof signed?.jti !== 'string') return undefined;
    return { tokenId: signed.jti, kid: signed.kid };
  };
};

export type ReadAccessToken = ReturnType<typeof createAccessTokenReader>;

/** What an ID token of ours says of itself, where a client hints at somebody with it; it may have expired. */
export interface OwnIdToken {
  readonly sub: string;
  readonly aud: string;
}

/** As for access tokens: undefined for all that we did not sign as an ID token. */
export const createIdTokenReader = (keys: OwnKeys) => {
  const verify = createVerifier(keys, 'JWT');
  return (token: string): OwnIdToken | undefined => {
    const signed = verify(token);
    if (typeof signed?.sub !== 'string' || typeof signed.aud !== 'string') return undefined;
    return { sub: signed.sub, aud: signed.aud };
  };
};

export type ReadIdToken = ReturnType<typeof createIdTokenReader>;
