import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import {
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  Provider,
} from 'oidc-provider';
import { allClients, type RelyingParty } from './idp-clients.ts';
import { loginSteps } from './idp-login.ts';
import { memoryAdapter } from './idp-memory.ts';
import { failurePage, logoutPage, PAGE_HEADERS, signedOutPage } from './idp-pages.ts';
import { findPerson } from './people.ts';

/**
 * Demo IdP: what does a company's SSO look like to us? A real OpenID provider with three people
 * and no secrets. It knows nothing of Daypass beyond its client ids.
 */

const HOUR = 3600;

export interface DemoIdpOptions {
  /** 8081; 0 takes a free one. */
  readonly port?: number;
  /** Loopback, and it should stay there: everyone's password is public. */
  readonly host?: string;
  /** Keeps the signing key, so that ID tokens outlive a restart; without it the key is new each time. */
  readonly dir?: string;
  /** Ids of further public clients like the demo's own: whatever else the configuration lets exchange. */
  readonly audiences?: readonly string[];
  /** Brokers that people may sign in to through it. */
  readonly relyingParties?: readonly RelyingParty[];
  /** Added to the demo's own; one with the same `client_id` takes its place. */
  readonly clients?: readonly ClientMetadata[];
}

export interface DemoIdp {
  readonly issuer: string;
  stop(): Promise<void>;
}

/**
 * Starts the IdP; its issuer is `http://localhost:{port}`.
 *
 * @throws Error when the port is taken.
 */
export const startDemoIdp = async (options: DemoIdpOptions = {}): Promise<DemoIdp> => {
  const { port = 8081, host = '127.0.0.1', dir } = options;
  const { audiences = [], relyingParties = [], clients = [] } = options;
  const key = await signingKey(dir);
  const server = createServer();
  const issuer = `http://localhost:${await listen(server, port, host)}`;
  const provider = new Provider(
    issuer,
    configuration(key, allClients({ audiences, relyingParties, clients })),
  );
  provider.use(loginSteps(provider));
  const answer = provider.callback();
  server.on('request', (request, response) => {
    // The library builds its own URLs from Host, which is the caller's to choose.
    request.headers.host = new URL(issuer).host;
    answer(request, response);
  });
  return {
    issuer,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const configuration = (key: JWK, clients: ClientMetadata[]): Configuration => {
  const policy = interactionPolicy.base();
  policy.remove('consent'); // first-party applications: their company has agreed for everyone
  return {
    adapter: memoryAdapter(),
    clients,
    jwks: { keys: [key] },
    responseTypes: ['code'],
    scopes: ['openid', 'profile', 'email'],
    claims: { openid: ['sub', 'name', 'email', 'groups', 'dept', 'region', 'amr'] },
    conformIdTokenClaims: false, // the ID token is all that Daypass sees: it holds every claim
    pkce: { required: () => true },
    ttl: {
      IdToken: HOUR,
      AccessToken: HOUR,
      Session: 8 * HOUR,
      Grant: 8 * HOUR,
      Interaction: HOUR,
    },
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      // Cookies know no port: the broker on the same host has a `_session` of its own.
      names: { session: 'idp_session', interaction: 'idp_interaction', resume: 'idp_resume' },
    },
    interactions: { policy, url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, id) => {
      const person = findPerson(id);
      if (!person) return undefined;
      const { user, role: _role, ...claims } = person;
      return {
        accountId: user,
        claims: () => ({ sub: user, ...claims, groups: [...claims.groups] }),
      };
    },
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId,
        accountId: oidc.session?.accountId,
      });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
    // It calls nobody but the brokers it was told of, on this machine: the library's guard refuses just those.
    fetch: (url, options) => {
      const { dispatcher: _, ...rest } = { dispatcher: undefined, ...options };
      return fetch(url, rest);
    },
    clientBasedCORS: (_ctx, origin) => /^http:\/\/(localhost|127\.0\.0\.1):\d+$/.test(origin),
    renderError: (ctx, { error, error_description: description = '' }) => {
      ctx.set(PAGE_HEADERS);
      ctx.type = 'html';
      ctx.body = failurePage(error, description);
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.set(PAGE_HEADERS);
          ctx.body = logoutPage(form);
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.set(PAGE_HEADERS);
          ctx.body = signedOutPage();
        },
      },
    },
  };
};

/** RS256, as most corporate IdPs sign. */
const signingKey = async (dir: string | undefined): Promise<JWK> => {
  const file = dir && join(dir, 'signing-key.json');
  const kept = file && (await readFile(file, 'utf8').catch(() => undefined));
  if (kept) return JSON.parse(kept);
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'RS256', use: 'sig' };
  if (file) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeFile(file, JSON.stringify(key), { mode: 0o600 });
  }
  return key;
};

const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken
          ? new Error(
              `port ${port}, the demo IdP's, is taken: stop what listens there, or set DEMO_IDP_PORT`,
            )
          : error,
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
