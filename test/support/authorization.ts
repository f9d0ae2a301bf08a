import { createHash, randomBytes } from 'node:crypto';
import { Browser, formOf, type Page } from './browser.ts';
import { createClient } from './client.ts';
import type { TestDaypass } from './daypass.ts';
import type { ProofKey } from './dpop.ts';

/** Signs people in to apps through the real demo IdP, by HTTP alone. */

/** A broker that people sign in at, and the IdP behind it. */
export type Place = Pick<TestDaypass, 'url' | 'issuer' | 'idpPort'>;

export interface AskFor {
  readonly client?: string;
  readonly redirect?: string;
  readonly user?: string;
  readonly browser?: Browser;
  readonly verifier?: string;
  /** Further parameters of the authorization request; undefined leaves a usual one out. */
  readonly params?: Readonly<Record<string, string | undefined>>;
  readonly decision?: 'allow' | 'deny';
}

export interface Authorized {
  readonly page: Page;
  readonly browser: Browser;
  readonly verifier: string;
  readonly redirect: string;
  readonly client: string;
  /** What the browser brought back to the app. */
  readonly answer: URLSearchParams;
  readonly code: string;
}

export const random = (): string => randomBytes(32).toString('base64url');
export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url');

export const REDIRECT = 'http://localhost:5173/callback';

export const newBrowser = (daypass: Place): Browser =>
  new Browser([daypass.url, `http://localhost:${daypass.idpPort}`]);

export const authorizeUrl = (daypass: Place, asked: AskFor, verifier: string): string => {
  const { client = 'where2eat', redirect = REDIRECT, params = {} } = asked;
  const all = {
    client_id: client,
    response_type: 'code',
    redirect_uri: redirect,
    scope: 'openid',
    state: 'state-of-the-app',
    nonce: 'nonce-of-the-app',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    ...params,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return `${daypass.url}/authorize?${new URLSearchParams(given as [string, string][])}`;
};

/** From the app and back to it, through whatever pages come up. */
export const authorize = async (daypass: Place, asked: AskFor = {}): Promise<Authorized> => {
  const verifier = asked.verifier ?? random();
  const browser = asked.browser ?? newBrowser(daypass);
  const start = await browser.get(authorizeUrl(daypass, asked, verifier));
  const page = await throughPages(browser, start, asked);
  const { client = 'where2eat', redirect = REDIRECT } = asked;
  const answer = new URL(page.url).searchParams;
  return { page, browser, verifier, redirect, client, answer, code: answer.get('code') ?? '' };
};

export const throughPages = async (
  browser: Browser,
  start: Page,
  { user = 'ana', decision = 'allow' }: AskFor,
): Promise<Page> => {
  let page = start;
  for (let step = 0; step < 6; step += 1) {
    if (page.text.includes('name="password"')) {
      page = await browser.submit(formOf(page), { user, password: 'demo' });
    } else if (page.text.includes('name="decision"')) {
      page = await browser.submit(formOf(page), { decision });
    } else if (page.text.includes('forms[0].submit()')) {
      // The demo IdP, where somebody else was signed in there.
      page = await browser.submit(formOf(page));
    } else return page;
  }
  return page;
};

/** Redeems a code at the token endpoint. */
export const redeem = (
  daypass: Place,
  {
    code,
    verifier,
    redirect,
    client,
  }: Pick<Authorized, 'code' | 'verifier' | 'redirect' | 'client'>,
  {
    key,
    params = {},
    at = daypass.url,
    headers = {},
  }: {
    readonly key?: ProofKey;
    readonly params?: Record<string, string>;
    readonly at?: string;
    readonly headers?: Record<string, string>;
  } = {},
) =>
  createClient(at, daypass.issuer).call('/token', {
    form: {
      grant_type: 'authorization_code',
      client_id: client,
      code,
      redirect_uri: redirect,
      code_verifier: verifier,
      ...params,
    },
    headers,
    ...(key && { key }),
  });
