import { ALGORITHMS, type Algorithm, type CorporateIdp } from '../corporate-idp.ts';
import { APP } from '../deployment.ts';
import type { LoadRequest } from '../load/messages.ts';
import { exchangeBody, JSON_HEADERS, signIns } from './preparation.ts';
import { FORMATS, type Format, NAMES, type Scenario, type ScenarioParts } from './scenario.ts';
import { stockOf } from './stock.ts';

/** Exchanges of an ID token alone. */
export const exchangeScenarios = ({ idp, users }: ScenarioParts): Scenario[] => {
  const tokens = Object.fromEntries(
    ALGORITHMS.map((algorithm) => [algorithm, idp.idTokens(algorithm, users, APP)]),
  ) as Record<Algorithm, string[]>;
  return [
    ...FORMATS.flatMap((format) =>
      ALGORITHMS.map((algorithm) => exchange(format, algorithm, tokens[algorithm])),
    ),
    firstExchange(idp, users),
  ];
};

const exchange = (format: Format, algorithm: Algorithm, tokens: readonly string[]): Scenario => {
  const requests = tokens.map((token) => exchangeRequest(format, token));
  return {
    id: `exchange-${format}-${algorithm.toLowerCase()}`,
    title: `exchange, ${NAMES[format]}, ID token ${algorithm}`,
    server: 'broker',
    against: stockOf(format),
    records: ['issued_token', 'audit_event'],
    requests: async () => requests,
  };
};

/** Nothing is remembered of these people: each signature is checked, and each time policy is asked. */
const firstExchange = (idp: CorporateIdp, users: number): Scenario => {
  let known = users;
  return {
    id: 'first-exchange',
    title: 'first exchange of a person, opaque, ES256',
    server: 'broker',
    against: stockOf('opaque'),
    records: ['issued_token', 'audit_event'],
    once: 'new each time',
    requests: async (wanted) => {
      const tokens = signIns(idp, wanted, { first: known, users: wanted });
      known += wanted;
      return tokens.map((token) => exchangeRequest('opaque', token));
    },
  };
};

const asJson = (path: string, token: string, body: object): LoadRequest => ({
  path,
  headers: { authorization: `Bearer ${token}`, ...JSON_HEADERS },
  body: JSON.stringify(body),
});

const exchangeRequest = (format: Format, token: string): LoadRequest =>
  asJson('/exchange', token, exchangeBody(format === 'jwt' ? 'jwt' : 'bucket'));
