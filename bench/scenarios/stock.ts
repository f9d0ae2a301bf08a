import { createClient, newKey } from '../../test/support/client.ts';
import type { ProofKey } from '../../test/support/dpop.ts';
import { CLIENT, JWT_API, OPAQUE_API, SCOPE } from '../baseline/client.ts';
import type { LoadRequest } from '../load/messages.ts';
import { basic, nonceAt, textOf } from './preparation.ts';
import { FORMATS, type Format, NAMES, type Scenario, type ScenarioParts } from './scenario.ts';

export const stockOf = (format: Format): string => `baseline-${format}`;
export const stockWithDpopOf = (format: Format): string => `baseline-dpop-${format}`;
export const STOCK_INTROSPECTION = 'baseline-introspect';

/** Keys that clients come back with. */
export const KNOWN_KEYS = 200;

/** What a broker is compared with: `client_credentials`, the same with a proof, and introspection. */
export const stockScenarios = ({ baselineOrigin }: ScenarioParts): Scenario[] => {
  const keys = Array.from({ length: KNOWN_KEYS }, newKey);
  return [
    ...FORMATS.map(clientCredentials),
    ...FORMATS.map((format) => withProof(format, baselineOrigin, keys)),
    introspection(baselineOrigin),
  ];
};

const HEADERS = {
  authorization: basic(CLIENT),
  'content-type': 'application/x-www-form-urlencoded',
  accept: 'application/json',
};

const form = (format: Format) => ({
  grant_type: 'client_credentials',
  scope: SCOPE,
  resource: format === 'jwt' ? JWT_API : OPAQUE_API,
});

const tokenRequest = (format: Format): LoadRequest => ({
  path: '/token',
  headers: HEADERS,
  body: new URLSearchParams(form(format)).toString(),
});

const rows = (model: string): string => `artifact WHERE model = '${model}'`;

const clientCredentials = (format: Format): Scenario => ({
  id: stockOf(format),
  title: `stock client_credentials, ${NAMES[format]}`,
  server: 'baseline',
  against: undefined,
  records: format === 'jwt' ? [] : [rows('ClientCredentials')],
  requests: async () => [tokenRequest(format)],
});

const withProof = (format: Format, origin: string, keys: readonly ProofKey[]): Scenario => ({
  id: stockWithDpopOf(format),
  title: `stock client_credentials with DPoP, ${NAMES[format]}`,
  server: 'baseline',
  against: undefined,
  records: [rows('ReplayDetection'), ...(format === 'jwt' ? [] : [rows('ClientCredentials')])],
  once: 'refused',
  requests: async (wanted) => {
    const url = `${origin}/token`;
    const asked = { form: form(format), headers: { authorization: basic(CLIENT) } };
    const nonce = await nonceAt(origin, '/token', asked);
    const { path, headers, body } = tokenRequest(format);
    return Array.from({ length: wanted }, (_, index) => {
      const dpop = keys[index % keys.length]?.prove({ method: 'POST', url, nonce }) ?? '';
      return { path, headers: { ...headers, dpop }, ...(body && { body }) };
    });
  },
});

/** Of opaque tokens: of a JWT it says nothing. */
const introspection = (origin: string): Scenario => ({
  id: STOCK_INTROSPECTION,
  title: 'stock introspection, opaque',
  server: 'baseline',
  against: undefined,
  records: [],
  answer: '"active":true',
  requests: async () => {
    const client = createClient(origin);
    const requests: LoadRequest[] = [];
    for (let index = 0; index < 64; index += 1) {
      const answer = await client.call('/token', { form: form('opaque'), headers: HEADERS });
      const token = textOf(answer, 'access_token');
      const body = new URLSearchParams({ token }).toString();
      requests.push({ path: '/token/introspection', headers: HEADERS, body });
    }
    return requests;
  },
});
