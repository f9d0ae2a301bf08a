import { VERIFIER } from '../deployment.ts';
import type { LoadRequest } from '../load/messages.ts';
import { basic, boundTokens, type Held, signIns } from './preparation.ts';
import { FORMATS, type Format, NAMES, type Scenario, type ScenarioParts } from './scenario.ts';
import { STOCK_INTROSPECTION } from './stock.ts';

const FIRST = 20_000_000;
/** Tokens that an API is asked about at once; each round gets fresh ones. */
const TOKENS = 64;

/** What resource servers ask. */
export const verifierScenarios = (parts: ScenarioParts): Scenario[] => [
  ...FORMATS.map((format) => introspection(format, parts)),
  statusList(parts),
];

const held = ({ idp, brokerOrigin }: ScenarioParts, format: Format): Promise<Held[]> =>
  boundTokens(brokerOrigin, signIns(idp, TOKENS, { first: FIRST, users: TOKENS }), format);

const introspection = (format: Format, parts: ScenarioParts): Scenario => ({
  id: `introspect-${format}`,
  title: `introspection, ${NAMES[format]}`,
  server: 'broker',
  against: STOCK_INTROSPECTION,
  records: [],
  answer: '"active":true',
  requests: async () =>
    (await held(parts, format)).map(
      ({ token }): LoadRequest => ({
        path: '/introspect',
        headers: {
          authorization: basic(VERIFIER),
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body: new URLSearchParams({ token }).toString(),
      }),
    ),
});

/** A resource server that verifies offline fetches the list its tokens name; the stock server has none. */
const statusList = (parts: ScenarioParts): Scenario => ({
  id: 'status-list',
  title: 'status list',
  server: 'broker',
  against: undefined,
  records: [],
  answer: '.',
  requests: async () => {
    const lists = (await held(parts, 'jwt')).map(({ token }) => new URL(listOf(token)).pathname);
    return [...new Set(lists)].map((path) => ({
      method: 'GET' as const,
      path,
      headers: { accept: 'application/statuslist+jwt' },
    }));
  },
});

const listOf = (jwt: string): string => {
  const payload = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString();
  const { status } = JSON.parse(payload) as { status: { status_list: { uri: string } } };
  return status.status_list.uri;
};
