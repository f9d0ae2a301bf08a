import { createHmac, hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DPOP_ALGORITHMS } from '../protocol/dpop.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { createProofReader, ProofFault, type SignedProof } from './dpop-proof.ts';
import type { JsonObject } from './jwt.ts';

/** A key its caller has proven to hold, for one request. */
export interface Proof {
  /** RFC 7638 thumbprint of the key, base64url. */
  readonly jkt: string;
  /** What it is signed with. */
  readonly alg: string;
  /** Epoch seconds, by its maker's clock: its age is that of the nonce. */
  readonly iat: number;
  readonly jti: string;
  /** Ours, and young enough. */
  readonly nonce: string;
  /** SHA-256 over `jkt` and `jti`, base64url: what is remembered against replay, in one atomic insert. */
  readonly replayId: string;
  /** Until when the replay id must be kept: no clock of ours accepts the proof any more. */
  readonly keepUntil: Date;
}

export interface ProvenRequest {
  readonly method: string;
  /** Configured public URL and path, without query: never what the Host header says. */
  readonly url: string;
  /** The access token the request presents: the proof must then have its `ath`. */
  readonly accessToken?: string;
  /** Whether the proof accompanies a `DPoP` credential (refused with 401) or a request (400). */
  readonly beside: 'credential' | 'request';
  /** The first proof of the same request, where this is its second: the nonce is the same, key and `jti` are not. */
  readonly second?: { readonly to: Proof; readonly field: string };
}

/** DPoP: which key does a request prove? It does not know which key was expected, nor what was seen before. */
export interface Dpop {
  /**
   * Synchronous: RFC 9449 §4.3 without the replay check, which is the ledger's.
   *
   * @throws {OAuthError} `use_dpop_nonce` for an otherwise acceptable proof whose nonce is not one of ours, or
   *   not of now, or missing; `invalid_dpop_proof`, reading alike, for everything else. Both carry `DPoP-Nonce`.
   */
  verify(header: string | string[] | undefined, request: ProvenRequest, now: Date): Proof;
}

export interface Nonces {
  /** The nonce for the next proof. */
  issue(now: Date): string;
  /** Seconds since the nonce was first issued; undefined when it is not ours or too old. */
  age(nonce: string, now: Date): number | undefined;
}

/** Seconds for which one nonce is issued. */
const NONCE_STEP = 60;
/** Steps for which a nonce is accepted, the one it is issued in included. */
const NONCE_STEPS = 5;
/** Steps by which the instance that issued a nonce may be ahead of the one that sees it. */
const NONCE_STEPS_AHEAD = 1;
/** Seconds from the first to the last moment at which one nonce is accepted. */
const ACCEPTANCE_WINDOW = NONCE_STEP * (NONCE_STEPS + NONCE_STEPS_AHEAD);

/** Seconds by which `iat` may be ahead where no nonce says when a proof was made. */
const IAT_AHEAD = 5;

/** Seconds by which `nbf` may be ahead, as in ID tokens. */
const NBF_AHEAD = 10;

const LONGEST_JTI = 256;

const seconds = (now: Date): number => now.getTime() / 1000;

/**
 * Nonces without a store (RFC 9449 §8): an HMAC over the minute, so every instance with the same secret
 * issues and accepts the same ones. A nonce is public, hence compared without ceremony.
 *
 * @param secret at least 32 random bytes.
 */
export const createNonces = (secret: Buffer): Nonces => {
  const stepAt = (now: Date): number => Math.floor(seconds(now) / NONCE_STEP);
  // Every proof asks for the same few: remembered, an HMAC is paid once a minute.
  const remembered = new LRUCache<number, string>({
    max: NONCE_STEPS + 2 * NONCE_STEPS_AHEAD,
  });
  const nonceOf = (step: number): string => {
    const known = remembered.get(step);
    if (known !== undefined) return known;
    const mac = createHmac('sha256', secret).update(`dpop-nonce ${step}`).digest('base64url');
    const nonce = `${step.toString(36)}.${mac}`;
    remembered.set(step, nonce);
    return nonce;
  };

  return {
    issue: (now) => nonceOf(stepAt(now)),
    age: (nonce, now) => {
      const step = Number.parseInt(nonce, 36);
      const elapsed = stepAt(now) - step;
      // Also false where the step is not a number.
      if (!(elapsed >= -NONCE_STEPS_AHEAD && elapsed < NONCE_STEPS)) return undefined;
      return nonce === nonceOf(step) ? Math.max(0, seconds(now) - step * NONCE_STEP) : undefined;
    },
  };
};

/**
 * RFC 9449 §4.3 step 9: without query and fragment, normalised as RFC 3986 §6.2.2 and §6.2.3 allow.
 * Leans closed: what stays percent-encoded differently is different.
 */
const isFor = (htu: unknown, url: string): boolean => {
  if (htu === url) return true;
  const claimed = typeof htu === 'string' ? URL.parse(htu) : null;
  if (!claimed) return false;
  claimed.search = '';
  claimed.hash = '';
  return claimed.href === new URL(url).href;
};

/** RFC 9449 §4.3, steps 3, 8, 9 and 12: is the proof for this request, and for the token beside it? */
const mustFit = (claims: JsonObject, { method, url, accessToken }: ProvenRequest): void => {
  const { htm, htu, iat, ath } = claims;
  if (htm !== method) throw new ProofFault('htm');
  if (!isFor(htu, url)) throw new ProofFault('htu');
  if (typeof iat !== 'number' || !Number.isFinite(iat)) throw new ProofFault('iat is not a number');
  if (accessToken !== undefined && ath !== hash('sha256', accessToken, 'base64url')) {
    throw new ProofFault('ath');
  }
};

/**
 * RFC 7519 §4.1.5: a proof that says from when it may be used is not used before. A nonce tells how old a proof is,
 * not what its maker meant by it; so this holds with one as well.
 */
const mustHaveBegun = ({ nbf }: JsonObject, now: Date): void => {
  if (nbf === undefined) return;
  if (typeof nbf !== 'number' || !(nbf <= seconds(now) + NBF_AHEAD)) throw new ProofFault('nbf');
};

/**
 * Two proofs of one request are two keys that are there at the same time, for this request. Leans closed: what
 * one of them has from the other might be nobody's but the other's.
 */
const mustDiffer = ({ jkt, claims }: SignedProof, { to }: Second): void => {
  if (jkt === to.jkt) throw new ProofFault('the key is that of the first proof');
  if (claims.jti === to.jti) throw new ProofFault('jti is that of the first proof');
  if (claims.nonce !== to.nonce) throw new ProofFault('nonce is not that of the first proof');
};

type Second = NonNullable<ProvenRequest['second']>;

const jtiOf = ({ jti }: JsonObject): string => {
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
    throw new ProofFault('jti');
  return jti;
};

/**
 * RFC 9449 §4.3, steps 10 and 11: the nonce, if it is one of ours that is young enough. Its age then
 * governs, whatever the client's clock says (§8). Without one no proof is accepted; one made in advance is
 * refused for that, while one that looks old needs nothing but a nonce: its client's clock may be slow.
 */
const validNonceOf = (
  { nonce, iat }: JsonObject,
  nonces: Nonces,
  now: Date,
): string | undefined => {
  if (nonce !== undefined) {
    if (typeof nonce !== 'string') throw new ProofFault('nonce is not a string');
    return nonces.age(nonce, now) === undefined ? undefined : nonce;
  }
  if (Number(iat) - seconds(now) > IAT_AHEAD) throw new ProofFault('iat is in the future');
  return undefined;
};

const REFUSALS = {
  invalid_dpop_proof: {
    message: 'the DPoP proof is not acceptable',
    rule: 'proof',
    remedy: 'send one fresh proof for this method and URL, with the nonce from DPoP-Nonce',
  },
  use_dpop_nonce: {
    message: 'the DPoP proof needs a current nonce',
    rule: 'nonce',
    remedy: 'repeat the request with a proof that has the nonce from DPoP-Nonce',
  },
} as const;

const REFUSED_SECOND = {
  message: 'the proof of the key to bind to is not acceptable',
  rule: 'proof',
  remedy:
    'send one fresh proof under the other key, for the same method and URL, with a jti of its own and the nonce and ath of the DPoP proof',
};

/** RFC 9449 §5, §7.1, §8 and §9 */
const refusal = (
  code: keyof typeof REFUSALS,
  beside: ProvenRequest['beside'],
  { nonce, detail, second }: { nonce: string; detail: string; second: ProvenRequest['second'] },
): OAuthError => {
  const { message, rule, remedy } = second ? REFUSED_SECOND : REFUSALS[code];
  const challenge = `DPoP error="${code}", algs="${DPOP_ALGORITHMS.join(' ')}"`;
  const accompaniesCredential = beside === 'credential';
  return new OAuthError(code, message, {
    detail,
    violations: [{ field: second?.field ?? 'DPoP', rule, message, remedy }],
    status: accompaniesCredential ? 401 : 400,
    headers: {
      'DPoP-Nonce': nonce,
      ...(accompaniesCredential ? { 'WWW-Authenticate': challenge } : {}),
    },
  });
};

/** Our own validator of DPoP proofs (RFC 9449): a third of the library's cost, behind one seam. */
export const createDpop = ({ nonces }: { readonly nonces: Nonces }): Dpop => {
  const readProof = createProofReader();

  const prove = (
    header: string | string[] | undefined,
    request: ProvenRequest,
    now: Date,
  ): Proof | undefined => {
    const signed = readProof(header);
    const { jkt, alg, claims } = signed;
    mustFit(claims, request);
    mustHaveBegun(claims, now);
    const jti = jtiOf(claims);
    if (request.second) mustDiffer(signed, request.second);
    const nonce = validNonceOf(claims, nonces, now);
    if (nonce === undefined) return undefined;
    return {
      jkt,
      alg,
      iat: Number(claims.iat), // a number, or it did not fit
      jti,
      nonce,
      replayId: hash('sha256', `${jkt}.${jti}`, 'base64url'),
      keepUntil: new Date(now.getTime() + ACCEPTANCE_WINDOW * 1000),
    };
  };

  return {
    verify(header, request, now) {
      const refuse = (code: keyof typeof REFUSALS, detail: string): OAuthError =>
        refusal(code, request.beside, {
          nonce: nonces.issue(now),
          detail,
          second: request.second,
        });
      try {
        const proof = prove(header, request, now);
        if (proof) return proof;
      } catch (error) {
        if (error instanceof ProofFault) throw refuse('invalid_dpop_proof', error.message);
        throw error;
      }
      throw refuse('use_dpop_nonce', 'no nonce of ours that is young enough');
    },
  };
};
