import { CLIENT, JWT_API, OPAQUE_API, SCOPE } from './baseline/client.ts';
import { ALGORITHMS, type Algorithm, type CorporateIdp } from './corporate-idp.ts';
import { APP, BUCKET, ORDERS, ORIGIN } from './deployment.ts';
import type { LoadRequest } from './load/messages.ts';

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly server: 'broker' | 'baseline';
  /** The id of the scenario that ratios are taken against. */
  readonly against: string | undefined;
  /** Tables that must have gained one row for each answer. */
  readonly records: readonly string[];
  /** The requests of the next round, sent in turn. */
  requests(): Promise<readonly LoadRequest[]>;
}

export interface ScenarioParts {
  readonly idp: CorporateIdp;
  readonly users: number;
  readonly brokerOrigin: string;
}

type Format = 'opaque' | 'jwt';
const FORMATS: readonly Format[] = ['opaque', 'jwt'];

const NAMES = { opaque: 'opaque', jwt: 'JWT' };
const baselineOf = (format: Format): string => `baseline-${format}`;

/** Stock `client_credentials`, then every exchange, then what a token is used for. */
export const createScenarios = (parts: ScenarioParts): Scenario[] => {
  const { idp, users } = parts;
  const tokens = Object.fromEntries(
    ALGORITHMS.map((algorithm) => [algorithm, idp.idTokens(algorithm, users, APP)]),
  ) as Record<Algorithm, string[]>;
  return [
    ...FORMATS.map(clientCredentials),
    ...FORMATS.flatMap((format) =>
      ALGORITHMS.map((algorithm) => exchange(format, algorithm, tokens[algorithm])),
    ),
    firstExchange(idp, users),
    upload(parts.brokerOrigin, tokens.ES256),
  ];
};

const clientCredentials = (format: Format): Scenario => {
  const basic = Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64');
  const resource = format === 'jwt' ? JWT_API : OPAQUE_API;
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, resource });
  const request = {
    path: '/token',
    headers: {
      authorization: `Basic ${basic}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    body: form.toString(),
  };
  return {
    id: baselineOf(format),
    title: `stock client_credentials, ${NAMES[format]}`,
    server: 'baseline',
    against: undefined,
    records: format === 'jwt' ? [] : ['artifact'],
    requests: async () => [request],
  };
};

const exchange = (format: Format, algorithm: Algorithm, tokens: readonly string[]): Scenario => {
  const requests = tokens.map((token) => exchangeRequest(format, token));
  return {
    id: `exchange-${format}-${algorithm.toLowerCase()}`,
    title: `exchange, ${NAMES[format]}, ID token ${algorithm}`,
    server: 'broker',
    against: baselineOf(format),
    records: ['issued_token', 'audit_event'],
    requests: async () => requests,
  };
};

/** More than a round sends: nobody comes twice. */
const NEWCOMERS = 10_000;

/** Nothing is remembered of these people: each signature is checked, and each time policy is asked. */
const firstExchange = (idp: CorporateIdp, users: number): Scenario => {
  let known = users;
  return {
    id: 'first-exchange',
    title: 'first exchange of a person, opaque, ES256',
    server: 'broker',
    against: baselineOf('opaque'),
    records: ['issued_token', 'audit_event'],
    requests: async () => {
      const tokens = idp.idTokens('ES256', NEWCOMERS, APP, known);
      known += NEWCOMERS;
      return tokens.map((token) => exchangeRequest('opaque', token));
    },
  };
};

const asJson = (path: string, token: string, body: object): LoadRequest => ({
  path,
  headers: {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json',
    origin: ORIGIN, // as from a page: the check of origins is part of the price
  },
  body: JSON.stringify(body),
});

const exchangeRequest = (format: Format, token: string): LoadRequest =>
  asJson('/exchange', token, {
    app_id: APP,
    ttl: 300,
    ...(format === 'jwt'
      ? { resource: ORDERS, actions: ['orders:read'] }
      : { resource: BUCKET, actions: ['read', 'write'] }),
  });

/** People who upload at once; each round gets fresh tokens, for unbound ones live 300 s. */
const UPLOADERS = 64;

const upload = (brokerOrigin: string, idTokens: readonly string[]): Scenario => ({
  id: 'request-upload',
  title: 'request-upload, opaque token',
  server: 'broker',
  against: baselineOf('opaque'),
  records: ['stored_object', 'audit_event'],
  requests: async () => {
    const requests: LoadRequest[] = [];
    for (const idToken of idTokens.slice(0, UPLOADERS)) {
      const { path, headers, body } = exchangeRequest('opaque', idToken);
      const answer = await fetch(brokerOrigin + path, { method: 'POST', headers, body });
      const { access_token: token } = (await answer.json()) as { access_token?: string };
      if (token === undefined) throw new Error(`no token to upload with: ${answer.status}`);
      requests.push(
        asJson('/request-upload', token, {
          filename: 'menu of the day.png',
          size: 482_113,
          contentType: 'image/png',
        }),
      );
    }
    return requests;
  },
});
