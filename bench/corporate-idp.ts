import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The two ways companies sign ID tokens; each is an issuer of its own. */
export const ALGORITHMS = ['RS256', 'ES256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** A corporate IdP reduced to what a broker sees of it: metadata, keys and ID tokens. */
export interface CorporateIdp {
  issuer(algorithm: Algorithm): string;
  /**
   * One token for each of `users` people, as an IdP would issue them at this moment, good for an hour.
   *
   * @param first the number of the first of them: another range is other people.
   */
  idTokens(algorithm: Algorithm, users: number, audience: string, first?: number): string[];
  stop(): Promise<void>;
}

interface Keys {
  readonly privateKey: KeyObject;
  readonly jwk: object;
}

const generate = (algorithm: Algorithm): Keys => {
  const { privateKey, publicKey } =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = {
    ...publicKey.export({ format: 'jwk' }),
    alg: algorithm,
    use: 'sig',
    kid: `${algorithm}-2026`,
  };
  return { privateKey, jwk };
};

export const startCorporateIdp = async (): Promise<CorporateIdp> => {
  const keys: Record<Algorithm, Keys> = { RS256: generate('RS256'), ES256: generate('ES256') };
  const documents = new Map<string, object>();
  const server = createServer((request, response) => {
    const document = documents.get(request.url ?? '');
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const issuer = (algorithm: Algorithm): string => `http://127.0.0.1:${port}/${algorithm}`;
  for (const algorithm of ALGORITHMS) {
    documents.set(`/${algorithm}/.well-known/openid-configuration`, {
      issuer: issuer(algorithm),
      jwks_uri: `${issuer(algorithm)}/jwks`,
    });
    documents.set(`/${algorithm}/jwks`, { keys: [keys[algorithm].jwk] });
  }
  return {
    issuer,
    idTokens: (algorithm, users, audience, first = 0) =>
      Array.from({ length: users }, (_, user) =>
        idToken(
          algorithm,
          keys[algorithm].privateKey,
          claims(issuer(algorithm), audience, first + user),
        ),
      ),
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};

export const emailOf = (user: number): string => `person.${user}@acme.example`;

const DEPARTMENTS = ['sales', 'engineering', 'finance', 'operations', 'legal'];

/** What a large IdP sends: about twenty claims, groups among them. */
const claims = (issuer: string, audience: string, user: number): object => {
  const now = Math.floor(Date.now() / 1000);
  const id = createHash('sha256').update(`${issuer} ${user}`).digest('base64url');
  return {
    iss: issuer,
    sub: id.slice(0, 22),
    aud: audience,
    azp: audience,
    iat: now,
    nbf: now,
    exp: now + 3_600,
    auth_time: now - 30,
    nonce: randomUUID(), // no two sign-ins are alike, not even of one person in one second
    acr: 'urn:mace:incommon:iap:silver',
    amr: ['pwd', 'mfa'],
    sid: id.slice(4, 26),
    at_hash: id.slice(2, 24),
    name: `Person Number ${user}`,
    given_name: 'Person',
    family_name: `Number ${user}`,
    email: emailOf(user),
    email_verified: true,
    locale: 'en-IE',
    groups: ['everyone', 'vpn', `team-${user % 40}`, `floor-${user % 7}`],
    dept: DEPARTMENTS[user % DEPARTMENTS.length],
    region: 'eu',
  };
};

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

const idToken = (algorithm: Algorithm, key: KeyObject, payload: object): string => {
  const header = { alg: algorithm, typ: 'JWT', kid: `${algorithm}-2026` };
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
};
