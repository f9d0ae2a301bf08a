import { hash, type JsonWebKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
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

/** Tokens remembered at once, at about 2 kB each. */
const REMEMBERED = 4_096;

interface Key {
  readonly key: KeyObject;
  readonly thumbprint: string;
}

const createVerifier = ({ issuer, published }: OwnKeys, typ: string) => {
  const known = new WeakMap<JsonWebKey, Key>();
  // Who verifies for an API asks about the same token again and again. That a key signed it stays true; whether that
  // key is still one of ours is looked at each time. By hash: law 4.
  const remembered = new LRUCache<string, { readonly signed: Signed; readonly by: string }>({
    max: REMEMBERED,
  });

  const read = (jwk: JsonWebKey | undefined): Key | undefined => {
    const kept = jwk && known.get(jwk);
    if (!jwk || kept) return kept;
    const fields = readPublicJwk(jwk);
    const key = fields && importPublicJwk(fields);
    if (!key) return undefined;
    const own = { key, thumbprint: fields.thumbprint };
    known.set(jwk, own);
    return own;
  };

  const ours = (kid: unknown): JsonWebKey | undefined =>
    published().find((jwk) => jwk.kid !== undefined && jwk.kid === kid);

  /** The payload of what the key named in the header signed. */
  const verify = (spelling: string, jwt: DecodedJwt): Signed | undefined => {
    const { header, payload, signingInput, signature } = jwt;
    const jwk = ours(header.kid);
    const own = read(jwk);
    // The algorithm is the key's, never the token's choice (RFC 8725 §3.1).
    const alg = String(jwk?.alg);
    if (!own || header.alg !== alg) return undefined;
    if (!verifySignature(alg, own.key, signingInput, signature)) return undefined;
    const signed: Signed = { ...payload, kid: String(header.kid) };
    if (signed.iss !== issuer) return undefined;
    remembered.set(spelling, { signed, by: own.thumbprint });
    return signed;
  };

  return (token: string): Signed | undefined => {
    if (token.length > LONGEST) return undefined;
    const spelling = hash('sha256', token, 'base64');
    const kept = remembered.get(spelling);
    if (kept && read(ours(kept.signed.kid))?.thumbprint === kept.by) return kept.signed;
    const jwt = decodeJwt(token);
    return jwt?.header.typ === typ ? verify(spelling, jwt) : undefined;
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
