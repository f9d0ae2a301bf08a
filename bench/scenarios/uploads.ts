import type { LoadRequest } from '../load/messages.ts';
import {
  type ASKED,
  boundTokens,
  JSON_HEADERS,
  nonceAt,
  signIns,
  unboundTokens,
} from './preparation.ts';
import type { Scenario, ScenarioParts } from './scenario.ts';
import { stockOf, stockWithDpopOf } from './stock.ts';

const FIRST = 40_000_000;
/** People who upload at once; each round gets fresh tokens, for unbound ones live 300 s. */
const UPLOADERS = 64;
const RECORDS = ['stored_object', 'audit_event'];
const PATH = '/request-upload';
const BODY = { filename: 'menu of the day.png', size: 482_113, contentType: 'image/png' };

/** Leave to upload, beside the exchange that gave the token it is asked with: by the same client, with the same binding. */
export const uploadScenarios = (parts: ScenarioParts): Scenario[] => [
  unbound(parts),
  bound(parts, {
    id: 'request-upload-dpop',
    title: 'request-upload with DPoP',
    what: 'bucket',
  }),
  bound(parts, {
    id: 'request-upload-dpop-limits',
    title: 'request-upload with DPoP, one limit shared by all',
    what: 'limited',
  }),
];

const people = ({ idp }: ScenarioParts): string[] =>
  signIns(idp, UPLOADERS, { first: FIRST, users: UPLOADERS });

const unbound = (parts: ScenarioParts): Scenario => ({
  id: 'request-upload',
  title: 'request-upload, no key',
  server: 'broker',
  against: stockOf('opaque'),
  beside: 'exchange-opaque-es256',
  records: RECORDS,
  requests: async () =>
    (await unboundTokens(parts.brokerOrigin, people(parts), 'bucket')).map((token) => ({
      path: PATH,
      headers: { ...JSON_HEADERS, authorization: `Bearer ${token}` },
      body: JSON.stringify(BODY),
    })),
});

const bound = (
  parts: ScenarioParts,
  { id, title, what }: Pick<Scenario, 'id' | 'title'> & { readonly what: keyof typeof ASKED },
): Scenario => ({
  id,
  title,
  server: 'broker',
  against: stockWithDpopOf('opaque'),
  beside: 'exchange-dpop-opaque',
  records: RECORDS,
  once: 'refused',
  requests: async (wanted) => {
    const { brokerOrigin } = parts;
    const held = await boundTokens(brokerOrigin, people(parts), what);
    const [some] = held;
    if (!some) throw new Error('nobody holds a token');
    const asked = { key: some.key, token: some.token, bound: true, body: BODY };
    const nonce = await nonceAt(brokerOrigin, PATH, asked);
    const url = brokerOrigin + PATH;
    return Array.from({ length: wanted }, (_, index): LoadRequest => {
      const { token, key } = held[index % held.length] ?? some;
      const dpop = key.prove({ method: 'POST', url, nonce, accessToken: token });
      const headers = { ...JSON_HEADERS, authorization: `DPoP ${token}`, dpop };
      return { path: PATH, headers, body: JSON.stringify(BODY) };
    });
  },
});
