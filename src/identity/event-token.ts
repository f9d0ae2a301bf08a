import { unproven } from '../protocol/oauth-error.ts';
import { createIssuerKeys, type Fetch } from './issuer-keys.ts';
import { decodeJwt, type JsonObject, verifySignature } from './jwt.ts';

/** Who may have made a token, and what it must say. */
export interface ExpectedEventToken {
  /** Exact `iss` values. */
  readonly issuers: readonly string[];
  /** Whether this is a token for us, from the sender that was agreed on. Nothing is proven of it yet. */
  readonly isExpected: (payload: JsonObject) => boolean;
}

/** Event tokens: did the cloud that it names send this? They do not vouch for what was sent. */
export interface EventTokenVerifier {
  /**
   * Nothing is fetched for a token that is not expected.
   *
   * @returns what it says, proven.
   * @throws {OAuthError} `invalid_token` for whatever is wrong with it, all reading alike;
   *   `temporarily_unavailable` when the issuer's keys cannot be had.
   */
  verify(token: string, expected: ExpectedEventToken, now: Date): Promise<JsonObject>;
}

/** Google and Microsoft sign with it, and with nothing else. */
const ALGORITHM = 'RS256';
const LONGEST_TOKEN = 16 * 1024;
/** Seconds by which their clock and ours may differ. */
const TOLERANCE = 10;
/** Seconds: both issue them for an hour or a little more; what lives longer was not made for this. */
const LONGEST_LIFE = 2 * 60 * 60;

const mustBeInTime = ({ iat, exp, nbf }: JsonObject, now: Date): void => {
  const at = now.getTime() / 1000;
  if (typeof iat !== 'number' || typeof exp !== 'number') throw unproven('iat or exp is missing');
  if (iat > at + TOLERANCE || exp <= at - TOLERANCE) throw unproven('not in force now');
  if (exp - iat > LONGEST_LIFE) throw unproven('lives too long');
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= at + TOLERANCE))
    throw unproven('not in force yet');
};

const wantedKey = ({ alg, kid, crit }: JsonObject) => {
  if (crit !== undefined) throw unproven('crit');
  if (alg !== ALGORITHM || typeof kid !== 'string') throw unproven('alg or kid');
  return { alg, kid };
};

export const createEventTokenVerifier = ({
  fetch,
}: {
  readonly fetch: Fetch;
}): EventTokenVerifier => {
  const keys = createIssuerKeys({ fetch });
  return {
    async verify(token, { issuers, isExpected }, now) {
      const jwt = token.length <= LONGEST_TOKEN ? decodeJwt(token) : undefined;
      if (!jwt) throw unproven('not a JWS in compact form');
      const { payload } = jwt;
      const wanted = wantedKey(jwt.header);
      const issuer = issuers.find((known) => known === payload.iss);
      if (issuer === undefined) throw unproven('iss is not one that sends events');
      mustBeInTime(payload, now);
      if (!isExpected(payload)) throw unproven('for somebody else, or from somebody else');

      const key = await keys.find(issuer, wanted, now);
      if (verifySignature(wanted.alg, key, jwt.signingInput, jwt.signature)) return payload;
      throw unproven('signature');
    },
  };
};
