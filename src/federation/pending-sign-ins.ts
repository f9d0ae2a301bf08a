import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Artifacts } from '../ledger/artifacts.ts';
import { randomFrom } from '../protocol/random.ts';
import { notBegunHere } from './refusals.ts';

/** A sign-in that has begun: what the answer to it will be held against. */
export interface PendingSignIn {
  readonly issuerId: string;
  readonly returnTo: string;
  /** Seconds. */
  readonly maxAge: number | undefined;
}

/** What a sign-in is sent with. Only hashes of it stay here: see {@link secretsOf}. */
export interface SignInSecrets {
  readonly state: string;
  readonly nonce: string;
  /** RFC 7636 §4.1. */
  readonly codeVerifier: string;
}

interface Kept extends PendingSignIn {
  /** SHA-256 of the browser's cookie. */
  readonly browser: string;
}

const MODEL = 'FederatedSignIn';
const LIFE = 10 * 60 * 1000;
const SECRET_BYTES = 32;
/** What {@link SECRET_BYTES} are in base64url. */
const COOKIE = /^[\w-]{43}$/;

const hashOf = (text: string): string => hash('sha256', text, 'base64url');

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const random = (): string => randomFrom(SECRET_BYTES).toString('base64url');

/**
 * Nonce and verifier follow from the cookie and the state, so they are nowhere but in the browser: whoever
 * reads the database can finish nobody's sign-in.
 */
const secretsOf = (cookie: string, state: string): SignInSecrets => {
  const derive = (purpose: string): string =>
    createHmac('sha256', cookie).update(`${purpose}\0${state}`).digest('base64url');
  return { state, nonce: derive('nonce'), codeVerifier: derive('code_verifier') };
};

export const createPendingSignIns = ({
  artifacts,
  now,
}: {
  readonly artifacts: Artifacts;
  readonly now: () => Date;
}) => ({
  /** @param cookie the browser's, if it has one; whatever is none of ours is replaced. */
  async keep(
    pending: PendingSignIn,
    cookie: string | undefined,
  ): Promise<{ readonly cookie: string; readonly secrets: SignInSecrets }> {
    const browser = cookie !== undefined && COOKIE.test(cookie) ? cookie : random();
    const state = random();
    await artifacts.put({
      model: MODEL,
      idHash: hashOf(state),
      payload: { ...pending, browser: hashOf(browser) } satisfies Kept,
      grantId: undefined,
      uid: undefined,
      userCode: undefined,
      expiresAt: new Date(now().getTime() + LIFE),
    });
    return { cookie: browser, secrets: secretsOf(browser, state) };
  },

  /**
   * The sign-in that `state` names, for the one browser and the one time.
   *
   * Another browser's attempt uses nothing up: knowing a `state` is not enough to spoil a sign-in.
   *
   * @throws {OAuthError} `invalid_request`, reading alike whatever does not fit.
   */
  async take(
    state: string,
    cookie: string | undefined,
  ): Promise<PendingSignIn & { readonly secrets: SignInSecrets }> {
    const idHash = hashOf(state);
    const found = await artifacts.find(MODEL, idHash);
    if (!found) throw notBegunHere('unknown state');
    const { browser, ...pending } = found.payload as Kept;
    if (cookie === undefined || !isSame(browser, hashOf(cookie))) {
      throw notBegunHere('begun in another browser');
    }
    const at = now();
    if (!found.expiresAt || found.expiresAt <= at) throw notBegunHere('begun too long ago');
    // One atomic update (law 6): of two answers at once, one is heard.
    if (!(await artifacts.consume(MODEL, idHash, at))) throw notBegunHere('answered before');
    return { ...pending, secrets: secretsOf(cookie, state) };
  },
});
