import { unproven } from '../protocol/oauth-error.ts';
import { createIssuerKeys, type Fetch } from './issuer-keys.ts';
import { decodeJwt, type JsonObject, keyTypeFor, verifySignature } from './jwt.ts';

/** An IdP that says to us when a session of its ends. */
export interface LogoutIssuer {
  /** The exact `iss` value. */
  readonly issuer: string;
  /** What Daypass is to it: the only audience of its logout tokens. */
  readonly clientId: string;
  readonly algorithms: readonly string[];
}

/** Whose sessions have ended: at least one of `subject` and `sessionId` is there. */
export interface Logout {
  readonly issuer: string;
  readonly subject: string | undefined;
  /** `sid`: that session alone. Without it, all of the subject's. */
  readonly sessionId: string | undefined;
  /** `jti`: names the token, once. */
  readonly id: string;
}

/** Logout tokens: which of a company's sessions has ended? It does not know what came of them here. */
export interface LogoutTokenVerifier {
  /**
   * OpenID Connect Back-Channel Logout 1.0 §2.6, but for whether `jti` was seen before.
   *
   * @param receivedAt when it came: a token that waited for the issuer's keys is as old as it was then.
   * @throws {OAuthError} `invalid_token` for whatever is wrong with it, all reading alike;
   *   `temporarily_unavailable` when the issuer's keys cannot be had.
   */
  verify(token: string, issuer: LogoutIssuer, receivedAt: Date, now: Date): Promise<Logout>;
}

const LONGEST_TOKEN = 16 * 1024;
const LONGEST_NAME = 255;
/** Seconds by which an issuer's clock and ours may differ. */
const TOLERANCE = 10;
/** Seconds: how long a logout token may be on its way, and the end of one that names none. */
const LONGEST_WAY = 10 * 60;
/** §2.4. The member's value is an object, and an empty one at that. */
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const CONTROL = /\p{Cc}/u;

/**
 * §2.4 recommends `logout+jwt`; IdPs that precede it write `JWT` or nothing, and `events` tells their logout
 * tokens from ID tokens. Whatever names another kind of token is one.
 */
const TYPES: ReadonlySet<unknown> = new Set([
  'logout+jwt',
  'application/logout+jwt',
  'jwt',
  undefined,
]);

const readName = (payload: JsonObject, claim: string): string | undefined => {
  const value = payload[claim];
  if (value === undefined) return undefined;
  const isName =
    typeof value === 'string' &&
    value !== '' &&
    value.length <= LONGEST_NAME &&
    value.isWellFormed() &&
    !CONTROL.test(value);
  if (isName) return value;
  throw unproven(`${claim} is not a plain string`);
};

const algorithmOf = (header: JsonObject, { algorithms }: LogoutIssuer): string => {
  const { alg, typ, crit } = header;
  if (crit !== undefined) throw unproven('crit');
  if (!TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) {
    throw unproven('typ is not that of a logout token');
  }
  if (typeof alg !== 'string' || !algorithms.includes(alg) || !keyTypeFor(alg)) {
    throw unproven('alg is not one the issuer uses');
  }
  return alg;
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** §2.6 step 5 and 6: it is a logout token, and cannot be taken for an ID token. */
const mustBeLogout = (payload: JsonObject): void => {
  const { events } = payload;
  if (!isObject(events) || !Object.hasOwn(events, EVENT) || !isObject(events[EVENT])) {
    throw unproven('events does not say that a session ended');
  }
  if (Object.hasOwn(payload, 'nonce')) throw unproven('logout token with a nonce');
};

const mustBeInTime = ({ iat, exp }: JsonObject, receivedAt: Date): void => {
  const received = receivedAt.getTime() / 1000;
  if (typeof iat !== 'number' || !Number.isFinite(iat)) throw unproven('iat is missing');
  if (iat > received + TOLERANCE) throw unproven('iat is in the future');
  if (received - iat > LONGEST_WAY + TOLERANCE) throw unproven('too long on its way');
  if (exp === undefined) return;
  if (typeof exp !== 'number' || exp <= received - TOLERANCE) throw unproven('expired');
};

const readLogout = (payload: JsonObject, { issuer, clientId }: LogoutIssuer): Logout => {
  if (payload.iss !== issuer) throw unproven('iss is another issuer');
  const audiences: unknown[] = [payload.aud].flat();
  // Alone: a token that others hold too could be handed on by them.
  if (audiences.length !== 1 || audiences[0] !== clientId) throw unproven('aud is not our client');
  const subject = readName(payload, 'sub');
  const sessionId = readName(payload, 'sid');
  const id = readName(payload, 'jti');
  if (id === undefined) throw unproven('jti is missing');
  if (subject === undefined && sessionId === undefined) throw unproven('neither sub nor sid');
  return { issuer, subject, sessionId, id };
};

export const createLogoutTokenVerifier = ({
  fetch,
}: {
  readonly fetch: Fetch;
}): LogoutTokenVerifier => {
  const keys = createIssuerKeys({ fetch });
  return {
    async verify(token, issuer, receivedAt, now) {
      const jwt = token.length <= LONGEST_TOKEN ? decodeJwt(token) : undefined;
      if (!jwt) throw unproven('not a JWS in compact form');

      // 1. What it says, which costs nothing to look at and sends garbage away before anyone is asked.
      const alg = algorithmOf(jwt.header, issuer);
      const logout = readLogout(jwt.payload, issuer);
      mustBeLogout(jwt.payload);
      mustBeInTime(jwt.payload, receivedAt);

      // 2. Is it the issuer's?
      const { kid } = jwt.header;
      if (kid !== undefined && typeof kid !== 'string') throw unproven('kid is not a string');
      const key = await keys.find(issuer.issuer, { alg, kid }, now);
      if (!verifySignature(alg, key, jwt.signingInput, jwt.signature)) throw unproven('signature');
      return logout;
    },
  };
};
