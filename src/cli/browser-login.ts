import { createPublicKey, hash, type KeyObject, randomBytes } from 'node:crypto';
import { Refusal, Unreachable } from './daypass-client.ts';
import type { KeptLogin } from './kept-login.ts';
import { openLoopback } from './loopback.ts';
import { createProver, newKey, writeKey } from './proof.ts';
import type { Surroundings } from './surroundings.ts';

/** The client behind `daypass login`: built into every broker. */
export const CLIENT_ID = 'daypass-cli';

/** Milliseconds that someone may take to sign in: as long as the broker remembers that they began. */
const PATIENCE = 10 * 60 * 1000;
/** Milliseconds. */
const ANSWER_WITHIN = 30_000;

type Asking = Pick<Surroundings, 'fetch' | 'now'>;

interface TokenAnswer {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly expires_in?: number;
  readonly id_token?: string;
  readonly error?: string;
  readonly error_description?: string;
}

const random = (): string => randomBytes(32).toString('base64url');

/** RFC 7638 */
const thumbprintOf = (key: KeyObject): string => {
  const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' });
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url');
};

/**
 * Signs somebody in through the browser: authorization code with PKCE and DPoP, the answer on loopback
 * (RFC 8252, RFC 7636, RFC 9449 §10).
 *
 * @param show what to do with the URL the person has to open.
 * @throws Refusal where the broker says no; Unreachable; Error where nobody signed in.
 */
export const logInThroughBrowser = async (
  server: string,
  show: (url: string) => void,
  asking: Asking,
): Promise<KeptLogin> => {
  const [state, codeVerifier, key] = [random(), random(), newKey()];
  const loopback = await openLoopback((answer) => answer.get('state') === state);
  try {
    const { redirectUri } = loopback;
    const resource = `${server}/admin`;
    const parameters = new URLSearchParams({
      client_id: CLIENT_ID,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid admin',
      resource,
      state,
      code_challenge: hash('sha256', codeVerifier, 'base64url'),
      code_challenge_method: 'S256',
      dpop_jkt: thumbprintOf(key),
      // A sign-in opens the admin door once, and within minutes: one for each login.
      prompt: 'login',
    });
    show(`${server}/authorize?${parameters}`);
    const answer = await loopback.answer(PATIENCE);
    const code = codeOf(answer, server);
    const form = { grant_type: 'authorization_code', client_id: CLIENT_ID, resource };
    const token = await redeem(server, asking, key, {
      ...form,
      code,
      redirect_uri: redirectUri,
      code_verifier: codeVerifier,
    });
    return toLogin(server, token, key, asking.now());
  } finally {
    loopback.close();
  }
};

const codeOf = (answer: URLSearchParams, server: string): string => {
  // RFC 9207 §2.4: another server's answer, whatever it says.
  if (answer.get('iss') !== server) throw new Error('another server answered than was asked');
  const error = answer.get('error');
  if (error !== null) {
    const why = answer.get('error_description') ?? 'the broker signed nobody in';
    throw new Refusal(400, { error, error_description: why });
  }
  return answer.get('code') ?? '';
};

const redeem = async (
  server: string,
  { fetch, now }: Asking,
  key: KeyObject,
  form: Readonly<Record<string, string>>,
): Promise<TokenAnswer> => {
  const prove = createProver(key);
  const url = `${server}/token`;
  const attempt = async (nonce: string | undefined): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: {
        Accept: 'application/json',
        DPoP: prove({ method: 'POST', url, nonce, accessToken: undefined, now: now() }),
      },
      body: new URLSearchParams(form),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    }).catch((cause: unknown) => {
      throw new Unreachable(`no broker answers at ${server}`, { cause });
    });
  const first = await attempt(undefined);
  const said = await read(first);
  // RFC 9449 §8: once more, with the nonce that came with the refusal.
  if (said.error !== 'use_dpop_nonce') return mustBeToken(first.status, said);
  const second = await attempt(first.headers.get('DPoP-Nonce') ?? undefined);
  return mustBeToken(second.status, await read(second));
};

const read = async (response: Response): Promise<TokenAnswer> =>
  (await response.json().catch(() => ({}))) as TokenAnswer;

const mustBeToken = (status: number, answer: TokenAnswer): TokenAnswer => {
  if (status >= 400) throw new Refusal(status, answer);
  return answer;
};

/** Who it is, for people to read: nothing is decided by it here. */
const userIdOf = (idToken: string | undefined): string => {
  try {
    const [, payload = ''] = (idToken ?? '').split('.');
    const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub?: unknown };
    return typeof sub === 'string' ? sub : 'somebody';
  } catch {
    return 'somebody';
  }
};

const toLogin = (server: string, token: TokenAnswer, key: KeyObject, now: Date): KeptLogin => {
  const { access_token: accessToken, token_type: type, expires_in: life = 0, id_token } = token;
  // Unbound it would be worth stealing from where it is kept.
  if (!accessToken || type !== 'DPoP') throw new Error('the broker gave no bound token');
  return {
    server,
    accessToken,
    key: writeKey(key),
    userId: userIdOf(id_token),
    expiresAt: new Date(now.getTime() + life * 1000).toISOString(),
  };
};

/**
 * Gives the token back (RFC 7009). It is forgotten here whether or not the broker can be told.
 *
 * @returns whether the broker was told.
 */
export const giveBack = async (login: KeptLogin, { fetch }: Asking): Promise<boolean> => {
  const body = new URLSearchParams({ token: login.accessToken, client_id: CLIENT_ID });
  const signal = AbortSignal.timeout(ANSWER_WITHIN);
  const request = { method: 'POST', body, redirect: 'error', signal } as const;
  const answer = await fetch(`${login.server}/revoke`, request).catch(() => undefined);
  return answer?.ok === true;
};
