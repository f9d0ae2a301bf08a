import { hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { unproven } from '../protocol/oauth-error.ts';
import type { SignIn } from '../protocol/principal.ts';
import { shortNameOf } from '../protocol/short-name.ts';
import { type ClaimRules, mustBeOfNow, readIdTokenClaims } from './claims.ts';
import { createIssuerKeys, type Fetch, type WantedKey } from './issuer-keys.ts';
import { type DecodedJwt, decodeJwt, type JsonObject, keyTypeFor, verifySignature } from './jwt.ts';

/** A corporate identity provider whose ID tokens are believed, within its tenant. */
export interface TrustedIssuer extends ClaimRules {
  readonly id: string;
  /** The exact `iss` value. */
  readonly issuer: string;
  readonly tenant: string;
  readonly algorithms: readonly string[];
}

/** Identity: whom does an ID token speak for? It does not know what they may do, nor for which app. */
export interface IdTokenVerifier {
  /**
   * Without waiting while the issuer's keys are cached.
   *
   * @throws {OAuthError} `invalid_token` for whatever is wrong with the token, all reading alike;
   *   `temporarily_unavailable` when the issuer's keys cannot be had.
   */
  verify(token: string, now: Date): Promise<SignIn>;
}

export interface IdTokenVerifierDependencies {
  /** Never altered: rules that have changed are other objects. */
  readonly issuers: () => readonly TrustedIssuer[];
  readonly fetch: Fetch;
}

/** Bytes: more than any issuer sends, little enough to parse before anything is known. */
const LONGEST_TOKEN = 16 * 1024;

/** `u_` and 26 characters of SHA-256(issuer NUL subject). */
export const userIdOf = (issuer: string, subject: string): string =>
  `u_${shortNameOf(`${issuer}\0${subject}`)}`;

const decode = (token: string): DecodedJwt => {
  const jwt = decodeJwt(token);
  if (!jwt) throw unproven('not a JWS in compact form');
  return jwt;
};

/** What a token says, and the key that signed it. */
interface Signed {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly key: KeyObject;
  readonly tokenHash: string;
}

/** ID tokens remembered at once, at about 2 kB each. */
const REMEMBERED = 4096;

const issuerOf = (payload: JsonObject, issuers: readonly TrustedIssuer[]): TrustedIssuer => {
  const [issuer, ...others] = issuers.filter(({ issuer }) => issuer === payload.iss);
  if (!issuer) throw unproven('issuer is not trusted');
  // Two tenants sharing an issuer: whose the user is would be a guess.
  if (others.length > 0) throw unproven('issuer is configured twice');
  return issuer;
};

/**
 * What to look for among the issuer's keys. `jku`, `x5u`, `jwk` and `x5c` are never read: a token
 * does not say where its own key comes from (RFC 8725 §3.10).
 */
const wantedKey = (header: JsonObject, algorithms: readonly string[]): WantedKey => {
  const { alg, kid, typ } = header;
  // RFC 7515 §4.1.11: we understand no extension.
  if (Object.hasOwn(header, 'crit')) throw unproven('crit');
  // RFC 8725 §3.11: access tokens, proofs and logout tokens say what they are.
  if (typ !== undefined && !(typeof typ === 'string' && typ.toUpperCase() === 'JWT')) {
    throw unproven('typ is not that of an ID token');
  }
  if (typeof alg !== 'string' || !algorithms.includes(alg) || !keyTypeFor(alg)) {
    throw unproven('alg is not one the issuer uses');
  }
  if (kid !== undefined && typeof kid !== 'string') throw unproven('kid is not a string');
  return { alg, kid };
};

/** Verifies ID tokens of the issuers that are trusted at the time. */
export const createIdTokenVerifier = ({
  issuers,
  fetch,
}: IdTokenVerifierDependencies): IdTokenVerifier => {
  const keys = createIssuerKeys({ fetch });
  // An app comes back with the same ID token every few minutes. That a key signed it stays true, and so does what
  // it says while its issuer's rules are the same; whose the key is, whether it is believed, and every time are
  // looked at each time. By hash: law 4.
  const signed = new LRUCache<string, Signed>({ max: REMEMBERED });
  const signIns = new WeakMap<Signed, { readonly under: TrustedIssuer; readonly signIn: SignIn }>();

  const signInOf = (token: Signed, issuer: TrustedIssuer): SignIn => {
    const known = signIns.get(token);
    if (known?.under === issuer) return known.signIn;
    const signIn = readSignIn(token, issuer);
    signIns.set(token, { under: issuer, signIn });
    return signIn;
  };

  return {
    async verify(token, now) {
      if (token.length > LONGEST_TOKEN) throw unproven('token is too long');
      const spelling = hash('sha256', token, 'base64');

      // 1. Whose does it claim to be, and signed how?
      const jwt = signed.get(spelling) ?? decode(token);
      const issuer = issuerOf(jwt.payload, issuers());
      const wanted = wantedKey(jwt.header, issuer.algorithms);

      // 2. Is it?
      const key = await keys.find(issuer.issuer, wanted, now);
      const isRemembered = 'key' in jwt;
      const proven =
        isRemembered && jwt.key === key
          ? jwt
          : mustBeSigned(isRemembered ? decode(token) : jwt, wanted.alg, key);
      if (proven !== jwt) signed.set(spelling, proven);

      // 3. Is it for us, and for now?
      const signIn = signInOf(proven, issuer);
      mustBeOfNow(proven.payload, issuer, now);
      return signIn;
    },
  };
};

const readSignIn = ({ payload, tokenHash }: Signed, issuer: TrustedIssuer): SignIn => {
  const claims = readIdTokenClaims(payload, issuer);
  return Object.freeze({
    ...claims,
    issuerId: issuer.id,
    issuer: issuer.issuer,
    tenant: issuer.tenant,
    userId: userIdOf(issuer.issuer, claims.subject),
    tokenHash,
  });
};

const mustBeSigned = (jwt: DecodedJwt, alg: string, key: KeyObject): Signed => {
  const { header, payload, signingInput, signature } = jwt;
  if (!verifySignature(alg, key, signingInput, signature)) throw unproven('signature');
  // Without the signature, which anyone can respell (see protocol/ecdsa.ts): one token, one hash.
  return { header, payload, key, tokenHash: hash('sha256', signingInput, 'base64url') };
};
