import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';

/** Loopback, any port (RFC 8252 §7.3). Nobody listens there: the code is read off the redirect. */
const REDIRECT_URI = 'http://127.0.0.1/callback';
const FURTHEST = 10;

export interface DemoTokenRequest {
  readonly issuer: string;
  readonly user: string;
  readonly password: string;
  /** A client of the IdP; becomes `aud`. */
  readonly audience: string;
}

/**
 * Signs in as a browser would (authorization code with PKCE) and returns the ID token.
 *
 * @throws Error when the IdP is not running, the password is wrong, or it refuses the client.
 */
export const demoToken = async (request: DemoTokenRequest): Promise<string> => {
  const { issuer, user, password, audience } = request;
  const browse = browser(issuer);
  const state = random();
  const nonce = random();
  const verifier = random();

  // 1. Ask to sign in; the IdP answers with its login page.
  const page = await browse(
    `${issuer}/auth?${new URLSearchParams({
      client_id: audience,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: 'openid',
      state,
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), // RFC 7636 §4.2
      code_challenge_method: 'S256',
    })}`,
  );
  const html = await page.text();
  if (!page.ok) throw new Error(`the IdP refuses this sign-in: ${alertOf(html)}`);

  // 2. Send the form; the IdP sends the browser back to the client.
  const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(html) ?? [];
  const sent = await browse(new URL(action, issuer).href, new URLSearchParams({ user, password }));
  const location = sent.headers.get('location');
  if (location === null)
    throw new Error(`cannot sign in as ${user}: ${alertOf(await sent.text())}`);
  const { searchParams: answer } = new URL(location);
  if (answer.get('state') !== state || answer.get('iss') !== issuer) {
    throw new Error('the answer belongs to another sign-in'); // RFC 9207 §2.4
  }

  // 3. Redeem the code.
  const redeemed = await browse(
    `${issuer}/token`,
    new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: audience,
      code: answer.get('code') ?? '',
      redirect_uri: REDIRECT_URI,
      code_verifier: verifier,
    }),
  );
  const { id_token: token, error, error_description: why } = await tokenAnswer(redeemed);
  if (!token)
    throw new Error(`the IdP gives no ID token: ${error ?? redeemed.status} ${why ?? ''}`);
  if (decodeJwt(token).nonce !== nonce) throw new Error('the ID token belongs to another sign-in');
  return token;
};

type Browse = (url: string, form?: URLSearchParams) => Promise<Response>;

/** Keeps cookies and follows redirects within the issuer; a redirect out of it is returned. */
const browser = (issuer: string): Browse => {
  const cookies = new Map<string, string>();
  const request: Browse = async (url, form) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const init = { redirect: 'manual' as const, headers: { cookie } };
    const response = await fetch(url, form ? { ...init, method: 'POST', body: form } : init).catch(
      (cause: unknown) => {
        throw new Error(`the demo IdP does not answer at ${issuer}: start it with npm start`, {
          cause,
        });
      },
    );
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
  return async (url, form) => {
    let response = await request(url, form);
    for (let step = 0; step < FURTHEST; step += 1) {
      const location = response.headers.get('location');
      if (location === null) return response;
      const next = new URL(location, issuer);
      if (next.origin !== new URL(issuer).origin) return response;
      response = await request(next.href);
    }
    throw new Error('the IdP redirects without end');
  };
};

interface TokenAnswer {
  readonly id_token?: string;
  readonly error?: string;
  readonly error_description?: string;
}

const tokenAnswer = (response: Response): Promise<TokenAnswer> =>
  response.json().catch(() => ({})) as Promise<TokenAnswer>;

/** What a page of the IdP says is wrong. */
const alertOf = (html: string): string =>
  /<p role="alert"[^>]*>([^<]*)/.exec(html)?.[1] ?? 'it does not say why';

const random = (): string => randomBytes(32).toString('base64url');
