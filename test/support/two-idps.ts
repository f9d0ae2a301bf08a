import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { OAuth2Server } from 'oauth2-mock-server';
import pg from 'pg';
import { startDemoIdp } from '../../src/demo/idp.ts';
import { createFetch, type Fetch } from '../../src/egress/fetch.ts';
import {
  callbackUrlOf,
  createFederation,
  type FederatedIssuer,
  type Federation,
} from '../../src/federation/federation.ts';
import { createIdTokenVerifier, type TrustedIssuer } from '../../src/identity/verifier.ts';
import { openPostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import { freshDatabase } from './postgres.ts';

/**
 * A company with two IdPs: `corp` is our demo's (oidc-provider), `other` somebody else's (oauth2-mock-server), which
 * sends no `iss` and says whatever a test wants said. Two instances of Daypass sign people in through both.
 */

export const SELF = 'https://daypass.example';
const SECRET = 'the-secret-of-daypass-at-corp-of-32-bytes';

/** An IdP of the third party's. Its keys are ours to make: it takes jest's objects for no objects. */
export const listenOther = async () => {
  const server = new OAuth2Server();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', kid: randomUUID() };
  await server.issuer.keys.add(jwk as Parameters<typeof server.issuer.keys.add>[0]);
  await server.start(0, '127.0.0.1');
  return server;
};

export const openTwoIdps = async () => {
  const database = await freshDatabase();
  const corp = await startDemoIdp({
    port: 0,
    clients: [
      {
        client_id: 'daypass',
        client_secret: SECRET,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        redirect_uris: [callbackUrlOf(SELF, 'corp')],
        post_logout_redirect_uris: [`${SELF}/`],
        require_auth_time: true,
      },
    ],
  });
  const other = await listenOther();
  const otherUrl = other.issuer.url ?? '';

  const issuers = new Map<string, FederatedIssuer>([
    ['corp', { id: 'corp', issuer: corp.issuer, clientId: 'daypass', clientSecret: SECRET }],
    ['other', { id: 'other', issuer: otherUrl, clientId: 'daypass', clientSecret: undefined }],
  ]);
  const trusted = (): TrustedIssuer[] =>
    [...issuers.values()].map(({ id, issuer }) => ({
      id,
      issuer,
      tenant: 'acme',
      audiences: ['daypass', 'where2eat'],
      algorithms: ['RS256'],
      maxIdTokenAge: 3600,
      claims: { roles: 'groups', department: 'dept' },
    }));

  let offset = 0;
  const calls: string[] = [];
  const throughEgress = createFetch({ allowLoopback: true });
  const fetch: Fetch = (url, init) => {
    calls.push(url);
    return throughEgress(url, init);
  };
  const ledgers = [1, 2].map(() =>
    openPostgresLedger({
      url: database.url,
      onConnectionError: () => undefined,
      localTime: () => performance.timeOrigin + performance.now(),
      shift: () => offset,
    }),
  );
  const instances = await Promise.all(
    ledgers.map(async ({ artifacts, clock }): Promise<Federation> => {
      await clock.synchronise();
      const { verify } = createIdTokenVerifier({ issuers: trusted, fetch });
      const inForce = async () => [...issuers.values()];
      return createFederation({
        issuer: SELF,
        issuers: inForce,
        verify,
        artifacts,
        fetch,
        now: clock.now,
      });
    }),
  );
  const owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  const [first, second] = instances as [Federation, Federation];

  return {
    corp,
    other,
    otherUrl,
    issuers,
    /** Every URL that was called, by either instance. */
    calls,
    first,
    second,
    advance: (seconds: number): void => {
      offset += seconds * 1000;
    },
    rows: async (): Promise<string> =>
      JSON.stringify((await owner.query('SELECT * FROM oidc_artifact')).rows),
    /** Begins at the first instance, and signs in as a browser would. */
    signInAs: async (issuerId: string, user = 'ana', asked: object = {}) => {
      const begun = await first.begin({ issuerId, returnTo: '/here', ...asked });
      return { ...begun, callbackUrl: await follow(begun.url, user) };
    },
    stop: async () => {
      await owner.end();
      for (const ledger of ledgers) await ledger.close();
      await corp.stop();
      await other.stop();
      await database.drop();
    },
  };
};

export type TwoIdps = Awaited<ReturnType<typeof openTwoIdps>>;

/** Walks from `url` to wherever leads back to {@link SELF}, filling in the login page on the way. */
export const follow = async (url: string, user: string): Promise<string> => {
  const cookies = new Map<string, string>();
  const ask = async (to: string, form?: URLSearchParams): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const init = { redirect: 'manual' as const, headers: { cookie } };
    const answer = await globalThis.fetch(
      to,
      form ? { ...init, method: 'POST', body: form } : init,
    );
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return answer;
  };
  let at = url;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 12; step += 1) {
    const answer = await ask(at, form);
    form = undefined;
    const location = answer.headers.get('location');
    if (location !== null) {
      at = new URL(location, at).href;
      if (at.startsWith(SELF)) return at;
      continue;
    }
    const [, action] = /<form method="post" action="([^"]+)"/.exec(await answer.text()) ?? [];
    if (action === undefined) throw new Error(`no way on from ${at}: ${answer.status}`);
    at = new URL(action, at).href;
    form = new URLSearchParams({ user, password: 'demo' });
  }
  throw new Error('the IdP redirects without end');
};

/** How `work` was refused. */
export const refusalOf = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const { code, message, detail, violations } = error;
    return { code, message, detail, rule: violations[0]?.rule, remedy: violations[0]?.remedy };
  }
  throw new Error('it was not refused');
};
