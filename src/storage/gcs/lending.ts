import { unavailable } from '../../protocol/oauth-error.ts';
import type { Lender } from '../cloud-credentials.ts';
import { accessBoundary, type BoundaryRule } from './access-boundary.ts';
import { type Call, readText } from './http.ts';

export interface LendingOptions {
  readonly bucket: string;
  /** Whose tokens are lent, each of exactly its life, and narrowed. */
  readonly serviceAccount: string;
  readonly call: () => Call;
  /** Of IAM Credentials and of the token service; others for tests. */
  readonly endpoints?: { readonly iam: string; readonly sts: string };
}

const GOOGLE = {
  iam: 'https://iamcredentials.googleapis.com',
  sts: 'https://sts.googleapis.com',
};
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** A caller waits for this, so not for long. */
const TIMEOUT_MS = 5_000;

/**
 * An access token that Google narrows by a Credential Access Boundary. Such a token lives as long as the one it is made
 * of: so one is made for it, that ends when it should.
 */
export const createLender = (options: LendingOptions): Lender => {
  const { bucket, serviceAccount, call, endpoints = GOOGLE } = options;

  const tokenUntil = async (expiresAt: Date, now: Date): Promise<string> => {
    const left = Math.floor((expiresAt.getTime() - now.getTime()) / 1000);
    const url = `${endpoints.iam}/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:generateAccessToken`;
    const response = await call()('generateAccessToken', {
      method: 'POST',
      url,
      json: { scope: [SCOPE], lifetime: `${left}s` },
      timeoutMs: TIMEOUT_MS,
    });
    return memberOf(await readText(response), 'accessToken', response.status);
  };

  return {
    prepareCredentials: (grant) => {
      const rules = accessBoundary(grant, bucket);
      return {
        issue: async (now) => {
          const token = await tokenUntil(grant.expiresAt, now);
          return {
            provider: 'gcs',
            bucket,
            accessToken: await narrow(`${endpoints.sts}/v1/token`, token, rules),
          };
        },
      };
    },
  };
};

/** The token speaks for itself: the call has no other authorization. */
const narrow = async (
  url: string,
  token: string,
  accessBoundaryRules: readonly BoundaryRule[],
): Promise<string> => {
  const body = new URLSearchParams({
    grant_type: EXCHANGE,
    requested_token_type: TOKEN_TYPE,
    subject_token_type: TOKEN_TYPE,
    subject_token: token,
    options: JSON.stringify({ accessBoundary: { accessBoundaryRules } }),
  });
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { method: 'POST', body, signal, redirect: 'error' });
    return memberOf(await response.text(), 'access_token', response.status);
  } catch (error) {
    throw unavailable(`storage token exchange failed: ${(error as Error).name}`);
  }
};

/** @throws {OAuthError} `temporarily_unavailable`; whatever the answer said is not quoted. */
const memberOf = (text: string, name: string, status: number): string => {
  const value = status === 200 ? parsed(text)[name] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw unavailable(`storage ${name} failed: ${status}`);
};

const parsed = (text: string): Readonly<Record<string, unknown>> => {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
};
