import { type Answer, type CallOptions, createClient, newKey } from '../../test/support/client.ts';
import type { ProofKey } from '../../test/support/dpop.ts';
import type { CorporateIdp } from '../corporate-idp.ts';
import { APP, BUCKET, INVOICES, LIMITED_BUCKET, ORDERS, ORIGIN, S3_BUCKET } from '../deployment.ts';

/** What is done before a round, so that nothing of it is measured. */

export const basic = ({ id, secret }: { readonly id: string; readonly secret: string }): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

/** @throws Error with the answer, where it does not have the member. */
export const textOf = ({ status, text, body }: Answer, name: string): string => {
  const value = body[name];
  if (typeof value === 'string') return value;
  throw new Error(`no ${name} to prepare with: ${status} ${text.slice(0, 300)}`);
};

/** The nonce of this moment: good for proofs of the minutes to come. */
export const nonceAt = async (
  origin: string,
  path: string,
  asked: CallOptions,
): Promise<string> => {
  const client = createClient(origin);
  const answer = await client.call(path, { key: newKey(), bound: false, ...asked });
  const nonce = client.nonce();
  if (nonce === undefined || answer.status >= 300) {
    throw new Error(`${path} gave no nonce: ${answer.status} ${answer.text.slice(0, 300)}`);
  }
  return nonce;
};

/** What the app asks for at each API. */
export const ASKED = {
  bucket: { resource: BUCKET, actions: ['read', 'write'] },
  s3: { resource: S3_BUCKET, actions: ['read', 'write'] },
  limited: { resource: LIMITED_BUCKET, actions: ['read', 'write'] },
  jwt: { resource: ORDERS, actions: ['orders:read'] },
  opaque: { resource: INVOICES, actions: ['invoices:read'] },
} as const;

export const exchangeBody = (what: keyof typeof ASKED) => ({
  app_id: APP,
  ttl: 300,
  ...ASKED[what],
});

/** As from a page: the check of origins is part of the price. */
export const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json',
  origin: ORIGIN,
};

/** ID tokens for as many sign-ins, of `users` people who take turns; people number `first` and on. */
export const signIns = (
  idp: CorporateIdp,
  wanted: number,
  { first, users }: { readonly first: number; readonly users: number },
): string[] => {
  const tokens: string[] = [];
  while (tokens.length < wanted) {
    tokens.push(...idp.idTokens('ES256', Math.min(users, wanted - tokens.length), APP, first));
  }
  return tokens;
};

export interface Held {
  readonly token: string;
  readonly tokenId: string;
  readonly key: ProofKey;
}

/** Bound tokens, one for each ID token, each for a key of its own. */
export const boundTokens = async (
  origin: string,
  idTokens: readonly string[],
  what: keyof typeof ASKED,
): Promise<Held[]> => {
  const client = createClient(origin);
  const held: Held[] = [];
  const take = async (turn: Iterator<string>): Promise<void> => {
    for (let next = turn.next(); !next.done; next = turn.next()) {
      const key = newKey();
      const asked = { token: next.value, body: exchangeBody(what), key, bound: false };
      const answer = await client.call('/exchange', asked);
      held.push({
        token: textOf(answer, 'access_token'),
        tokenId: textOf(answer, 'token_id'),
        key,
      });
    }
  };
  await take(idTokens.slice(0, 1).values()); // the first learns the nonce for all
  const rest = idTokens.slice(1).values();
  await Promise.all(Array.from({ length: 16 }, () => take(rest)));
  return held;
};

/** Tokens that are nobody's in particular, one for each ID token: they live 300 s. */
export const unboundTokens = async (
  origin: string,
  idTokens: readonly string[],
  what: keyof typeof ASKED,
): Promise<string[]> => {
  const { call } = createClient(origin);
  const tokens: string[] = [];
  for (const token of idTokens) {
    const answer = await call('/exchange', {
      token,
      body: exchangeBody(what),
      headers: JSON_HEADERS,
    });
    tokens.push(textOf(answer, 'access_token'));
  }
  return tokens;
};
