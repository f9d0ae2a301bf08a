import { sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Answer } from '../support/client.ts';
import { FILES, ORDERS, openTokenEndpoint, signer, type TokenEndpoint } from './token-endpoint.ts';

let endpoint: TokenEndpoint;
let server: pg.Client;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
  const url = new URL(endpoint.broker.databaseUrl);
  url.pathname = '/postgres';
  server = new pg.Client({ connectionString: url.href });
  await server.connect();
}, 60_000);
afterAll(async () => {
  await server?.end();
  await endpoint?.stop();
});

const database = () => new URL(endpoint.broker.databaseUrl).pathname.slice(1);

/** Takes the database from the broker for as long as `work` takes. */
const duringOutage = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  const allow = (yes: boolean) =>
    server.query(`ALTER DATABASE ${database()} ALLOW_CONNECTIONS ${yes}`);
  await allow(false);
  await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    database(),
  ]);
  try {
    return await work();
  } finally {
    await allow(true);
  }
};

const assertion = (): string => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 60;
  const claims = { iss: 'signer', sub: 'signer', aud: endpoint.issuer, jti: `${exp}`, exp };
  const input = `${encode({ alg: 'ES256', kid: signer.kid })}.${encode(claims)}`;
  const key = { key: signer.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
};

const recovered = async (): Promise<Answer> => {
  for (let tries = 0; tries < 50; tries += 1) {
    const answer = await endpoint.credentials();
    if (answer.status === 200) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it never came back');
};

describe('the token endpoint without its database, RFC 6749', () => {
  it('§5.2 says that it is temporarily unavailable and when to come back, and issues nothing', async () => {
    const subject_token = await endpoint.signIn('portal');
    const key = endpoint.newKey();
    await endpoint.credentials({}, { key }); // for the nonce
    const answers = await duringOutage(() =>
      Promise.all([
        endpoint.credentials(),
        endpoint.credentials({}, { key }),
        endpoint.exchange({ subject_token, resource: ORDERS }),
        endpoint.post(
          {
            grant_type: 'client_credentials',
            resource: ORDERS,
            client_assertion: assertion(),
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          },
          { key },
        ),
      ]),
    );
    for (const { status, headers, body } of answers) {
      expect({ status, body }).toEqual({
        status: 503,
        body: {
          error: 'temporarily_unavailable',
          error_description: expect.stringMatching(/nothing was issued/),
          violations: [],
          request_id: headers.get('x-request-id'),
        },
      });
      expect(headers.get('retry-after')).toBe('1');
      expect(headers.get('cache-control')).toBe('no-store');
    }
    expect(await recovered()).toMatchObject({ status: 200 });
    const { rows } = await issued();
    expect(rows).toEqual([{ count: 2 }]); // the one for the nonce, and the one just now
  });

  it('says neither active nor inactive, and revokes nothing while it cannot (RFC 7662, RFC 7009 §2.2.1)', async () => {
    const tokens = await Promise.all(
      [ORDERS, FILES].map(async (resource) => {
        const { body } = await endpoint.credentials({ resource });
        return body.access_token as string;
      }),
    );
    const ask = (path: string, token: string) => endpoint.post({ token }, { path, as: 'reports' });
    await duringOutage(async () => {
      for (const token of tokens) {
        for (const path of ['/introspect', '/revoke']) {
          const answer = await ask(path, token);
          expect(answer).toMatchObject({
            status: 503,
            body: { error: 'temporarily_unavailable' },
          });
          expect(answer.headers.get('retry-after')).toBe('1');
          expect(answer.text).not.toContain('active');
        }
      }
    });
    await recovered();
    for (const token of tokens) {
      expect((await ask('/introspect', token)).body).toMatchObject({ active: true });
    }
  });

  it('§5.2 still tells who may not ask, and whom to verify against', async () => {
    await duringOutage(async () => {
      expect(await endpoint.credentials({}, { secret: 'wrong' })).toMatchObject({ status: 401 });
      // Whoever has authenticated is refused on record, or not told (security.md U2).
      expect(await endpoint.credentials({ grant_type: 'password' })).toMatchObject({ status: 503 });
      for (const path of ['/jwks', '/.well-known/oauth-authorization-server']) {
        expect((await fetch(`${endpoint.issuer}${path}`)).status).toBe(200);
      }
    });
    await recovered();
  });
});

const issued = async (): Promise<pg.QueryResult> => {
  const client = new pg.Client({ connectionString: endpoint.broker.databaseUrl });
  await client.connect();
  try {
    return await client.query('SELECT count(*)::int FROM issued_token');
  } finally {
    await client.end();
  }
};
