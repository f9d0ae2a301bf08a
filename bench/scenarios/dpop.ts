import { newKey } from '../../test/support/client.ts';
import type { ProofKey } from '../../test/support/dpop.ts';
import type { LoadRequest } from '../load/messages.ts';
import { ASKED, boundTokens, exchangeBody, JSON_HEADERS, nonceAt, signIns } from './preparation.ts';
import { FORMATS, type Format, NAMES, type Scenario, type ScenarioParts } from './scenario.ts';
import { KNOWN_KEYS, stockWithDpopOf } from './stock.ts';

/** Whose number is this one or above it signs in for DPoP only: an ID token stays with its first key. */
const FIRST = 10_000_000;
const RECORDS = ['issued_token WHERE thumbprint IS NOT NULL', 'audit_event'];

/** Exchanges that bind what they give to a key, and of what is bound. */
export const dpopScenarios = (parts: ScenarioParts): Scenario[] => [
  ...knownKeys(parts),
  newKeys(parts),
  narrowing(parts),
];

interface Bound {
  readonly idToken: string;
  readonly key: ProofKey;
}

/** Proofs for all of them, under the nonce of this moment. */
const proven = async (
  origin: string,
  format: Format,
  each: readonly Bound[],
  wanted: number,
): Promise<LoadRequest[]> => {
  const body = exchangeBody(format === 'jwt' ? 'jwt' : 'bucket');
  const [some] = each;
  if (!some) throw new Error('nobody signed in');
  const asked = { key: some.key, token: some.idToken, bound: false, body };
  const nonce = await nonceAt(origin, '/exchange', asked);
  const url = `${origin}/exchange`;
  const text = JSON.stringify(body);
  return Array.from({ length: wanted }, (_, index) => {
    const { idToken, key } = each[index % each.length] ?? some;
    const dpop = key.prove({ method: 'POST', url, nonce });
    const headers = { ...JSON_HEADERS, authorization: `Bearer ${idToken}`, dpop };
    return { path: '/exchange', headers, body: text };
  });
};

/** People and keys that come back every few minutes, with a proof that was never seen. */
const knownKeys = ({ idp, users, brokerOrigin }: ScenarioParts): Scenario[] => {
  const keys = Array.from({ length: KNOWN_KEYS }, newKey);
  const each = signIns(idp, users, { first: FIRST, users }).map((idToken, index): Bound => {
    const key = keys[index % keys.length];
    if (!key) throw new Error('there are no keys');
    return { idToken, key };
  });
  return FORMATS.map((format) => ({
    id: `exchange-dpop-${format}`,
    title: `exchange with DPoP, known keys, ${NAMES[format]}`,
    server: 'broker',
    against: stockWithDpopOf(format),
    records: RECORDS,
    once: 'refused',
    requests: (wanted) => proven(brokerOrigin, format, each, wanted),
  }));
};

/** The same people after a new sign-in, in a browser that has made a new key: token and key are new each time. */
const newKeys = ({ idp, users, brokerOrigin }: ScenarioParts): Scenario => ({
  id: 'exchange-dpop-new',
  title: 'exchange with DPoP, new key and sign-in',
  server: 'broker',
  against: stockWithDpopOf('opaque'),
  records: RECORDS,
  once: 'refused',
  requests: (wanted) => {
    const idTokens = signIns(idp, wanted, { first: FIRST, users });
    const each = idTokens.map((idToken): Bound => ({ idToken, key: newKey() }));
    return proven(brokerOrigin, 'opaque', each, wanted);
  },
});

/** Those who narrow what they hold at once; each round gets fresh tokens. */
const HOLDERS = 64;

const narrowing = ({ idp, brokerOrigin }: ScenarioParts): Scenario => ({
  id: 'narrow-dpop',
  title: 'narrowing a held DPoP token, opaque',
  server: 'broker',
  against: stockWithDpopOf('opaque'),
  records: [...RECORDS, 'derivation'],
  once: 'refused',
  requests: async (wanted) => {
    const idTokens = signIns(idp, HOLDERS, { first: FIRST, users: HOLDERS });
    const held = await boundTokens(brokerOrigin, idTokens, 'bucket');
    const body = { ...ASKED.bucket, actions: ['read'], ttl: 60 };
    const [some] = held;
    if (!some) throw new Error('nobody holds a token');
    const asked = {
      token: signIns(idp, 1, { first: FIRST, users: 1 })[0] ?? '',
      body: exchangeBody('bucket'),
    };
    const nonce = await nonceAt(brokerOrigin, '/exchange', asked);
    const url = `${brokerOrigin}/exchange`;
    return Array.from({ length: wanted }, (_, index) => {
      const { token, key } = held[index % held.length] ?? some;
      const dpop = key.prove({ method: 'POST', url, nonce, accessToken: token });
      const headers = { ...JSON_HEADERS, authorization: `DPoP ${token}`, dpop };
      return { path: '/exchange', headers, body: JSON.stringify(body) };
    });
  },
});
