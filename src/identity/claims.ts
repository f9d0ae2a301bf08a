import { unproven } from '../protocol/oauth-error.ts';
import type { Attributes, MayAct } from '../protocol/principal.ts';
import type { JsonObject } from './jwt.ts';
import { readMayAct } from './may-act.ts';

/** What an issuer's ID tokens have to say to be believed. */
export interface ClaimRules {
  /** Every `aud` value, and `azp`, must be one of these. */
  readonly audiences: readonly string[];
  /** Seconds since `iat`. */
  readonly maxIdTokenAge: number;
  /** User attribute ← claim. */
  readonly claims: Readonly<Record<string, string>>;
}

export interface IdTokenClaims {
  readonly subject: string;
  readonly party: string;
  readonly audiences: readonly string[];
  /** Epoch seconds, whole. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly authenticatedAt: number | undefined;
  readonly sessionId: string | undefined;
  readonly attributes: Attributes;
  readonly mayAct: MayAct | undefined;
}

/** Seconds by which an issuer's clock and ours may differ. */
const TOLERANCE = 10;
/** Seconds: an ID token says someone signed in, not that they may for years. */
const LONGEST_LIFE = 24 * 60 * 60;
/** OpenID Connect Core §2 */
const LONGEST_SUBJECT = 255;

const CONTROL = /\p{Cc}/u;

/** Neither control characters, which the database and logs cannot hold, nor half a surrogate pair. */
const isPlain = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && !CONTROL.test(value);

const isName = (value: unknown): value is string =>
  isPlain(value) && value !== '' && value.length <= LONGEST_SUBJECT;

/** The name in `claim`, or undefined where it is absent. One that is there and is no name is refused. */
const optionalName = (payload: JsonObject, claim: string): string | undefined => {
  const value = payload[claim];
  if (value === undefined || isName(value)) return value;
  throw unproven(`${claim} is not a plain string`);
};

const optionalTime = (payload: JsonObject, claim: string): number | undefined => {
  const value = payload[claim];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw unproven(`${claim} is not a number`);
};

const requiredTime = (payload: JsonObject, claim: string): number => {
  const value = optionalTime(payload, claim);
  if (value === undefined) throw unproven(`${claim} is missing`);
  return value;
};

const mustNotBeAhead = (time: number | undefined, claim: string, now: number): void => {
  if (time !== undefined && time > now + TOLERANCE) throw unproven(`${claim} is in the future`);
};

/** A token without an end or a beginning is not one that ends or began. */
const readTimes = (payload: JsonObject) => {
  const authenticatedAt = optionalTime(payload, 'auth_time');
  return {
    // Whole seconds, rounded towards the past: earlier ends, greater ages.
    expiresAt: Math.floor(requiredTime(payload, 'exp')),
    issuedAt: Math.floor(requiredTime(payload, 'iat')),
    authenticatedAt: authenticatedAt === undefined ? undefined : Math.floor(authenticatedAt),
  };
};

/** Is it a token of this moment? By the times as they are written. @throws {OAuthError} `invalid_token` */
export const mustBeOfNow = (
  payload: JsonObject,
  { maxIdTokenAge }: Pick<ClaimRules, 'maxIdTokenAge'>,
  at: Date,
): void => {
  const now = at.getTime() / 1000;
  const expiresAt = requiredTime(payload, 'exp');
  const issuedAt = requiredTime(payload, 'iat');
  mustNotBeAhead(issuedAt, 'iat', now);
  mustNotBeAhead(optionalTime(payload, 'nbf'), 'nbf', now);
  mustNotBeAhead(optionalTime(payload, 'auth_time'), 'auth_time', now);
  if (expiresAt <= now - TOLERANCE) throw unproven('expired');
  if (expiresAt - issuedAt > LONGEST_LIFE) throw unproven('lives longer than 24 h');
  if (now - issuedAt > maxIdTokenAge) throw unproven('older than max_id_token_age');
};

const readAudiences = (payload: JsonObject, known: readonly string[]): readonly string[] => {
  const audiences: unknown[] = [payload.aud].flat();
  if (audiences.length === 0) throw unproven('aud is empty');
  // Every one, not some: a token that also serves another party can be replayed to us by it.
  const trusted = audiences.filter(
    (audience): audience is string => typeof audience === 'string' && known.includes(audience),
  );
  if (trusted.length !== audiences.length) throw unproven('aud names a party that is not listed');
  return trusted;
};

/** OpenID Connect Core §3.1.3.7, steps 3 to 5 */
const readParty = (
  payload: JsonObject,
  audiences: readonly string[],
  known: readonly string[],
): string => {
  const azp = optionalName(payload, 'azp');
  if (azp !== undefined && !known.includes(azp)) {
    throw unproven('azp names a party that is not listed');
  }
  const [only, ...others] = audiences;
  const party = azp ?? (others.length === 0 ? only : undefined);
  if (party === undefined) throw unproven('several aud values and no azp');
  return party;
};

const isAttribute = (value: unknown): value is string | string[] =>
  typeof value === 'string' ||
  (Array.isArray(value) && value.every((item) => typeof item === 'string'));

/** Other types are ignored; text that cannot be recorded refuses the token, for a missing attribute may permit more. */
const readAttributes = (payload: JsonObject, claims: ClaimRules['claims']): Attributes => {
  const attributes = Object.entries(claims).flatMap(([attribute, claim]) => {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    if (!isAttribute(value)) return [];
    if (![value].flat().every(isPlain)) throw unproven(`claim of ${attribute} is not plain text`);
    return [[attribute, value] as const];
  });
  // Defines properties rather than assigning them: `__proto__` is a name like any other.
  return Object.fromEntries(attributes);
};

/**
 * Reads the claims of an ID token whose signature is proven. Whether its times are those of now is `mustBeOfNow`'s to say.
 *
 * @throws {OAuthError} `invalid_token`, reading alike, for whatever is missing or malformed.
 */
export const readIdTokenClaims = (
  payload: JsonObject,
  { audiences: known, claims }: ClaimRules,
): IdTokenClaims => {
  // OpenID Connect Back-Channel Logout §2.4: what has `events` is a logout token, signed by the same keys.
  if (Object.hasOwn(payload, 'events')) throw unproven('logout token');
  const subject = optionalName(payload, 'sub');
  if (subject === undefined) throw unproven('sub is missing');
  const audiences = readAudiences(payload, known);
  return {
    subject,
    audiences,
    party: readParty(payload, audiences, known),
    ...readTimes(payload),
    sessionId: optionalName(payload, 'sid'),
    attributes: readAttributes(payload, claims),
    mayAct: readMayAct(payload, isName),
  };
};
