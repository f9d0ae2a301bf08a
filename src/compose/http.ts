import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { ConfirmedConfiguration } from '../broker/configuration.ts';
import type { Configure } from '../broker/configure/configure.ts';
import type { RequestContext } from '../broker/context.ts';
import type { Config } from '../config/config.ts';
import { type Answered, createApp } from '../http/app.ts';
import { createAuthorizationServer } from '../http/authorization-server.ts';
import { createClientCertificate } from '../http/client-certificate.ts';
import { createContentHandler } from '../http/content.ts';
import { createCors } from '../http/cors.ts';
import { createMetrics, type IssuedKind } from '../http/metrics.ts';
import { createOpenApi } from '../http/openapi.ts';
import { createPages } from '../http/pages.ts';
import { createRegistration } from '../http/registration.ts';
import { createRequestContext } from '../http/request-context.ts';
import { routeTable } from '../http/route-table.ts';
import { createServeRoute } from '../http/serve-route.ts';
import { formTargetOf } from '../http/sign-in/html.ts';
import { loggedOutPage, logoutPage } from '../http/sign-in/pages.ts';
import { createSignIn } from '../http/sign-in/sign-in.ts';
import { createTrustedProxies } from '../http/trusted-proxies.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import { authorizationServerMetadata, protectedResourceMetadata } from '../oauth/metadata.ts';
import { createProvider } from '../oauth/provider.ts';
import { DPOP_ALGORITHMS } from '../protocol/dpop.ts';
import { createLocalGateway } from '../storage/local/gateway.ts';
import type { Broker } from './broker.ts';
import type { FederationWork } from './federation.ts';
import { type Signing, unpublishedKey } from './keys.ts';
import { isClientsOwn } from './logger.ts';
import type { Secrets } from './secrets.ts';
import { pinHost } from './servers.ts';
import type { Stores } from './stores.ts';

export interface HttpParts {
  readonly config: Config;
  readonly version: string;
  readonly ledger: PostgresLedger;
  readonly configuration: ConfirmedConfiguration;
  readonly configure: Configure;
  readonly broker: Broker;
  readonly federation: FederationWork;
  readonly signing: Signing;
  readonly secrets: Secrets;
  readonly stores: Stores;
  /** Whether the environment has a variable that the configuration names. */
  readonly isSet: (variable: string) => boolean;
  readonly logger: Logger;
}

/** The two origins: the API's, and the one user content leaves from. */
export const createHandlers = (parts: HttpParts) => {
  const { config, ledger, configuration, configure, broker, logger, stores } = parts;
  const { issuer } = config;
  const now = ledger.clock.now;
  const metrics = createMetrics();
  const requestContext = createRequestContext(
    config.trustedProxies,
    issuer,
    createClientCertificate({
      header: config.clientCertificateHeader,
      isTrustedProxy: createTrustedProxies(config.trustedProxies),
      now,
    }),
  );

  // The library makes a context of its own: what we know of a request travels beside it.
  const contexts = new WeakMap<IncomingMessage, RequestContext>();
  const { answer, authenticate, interactions } = createProvider({
    ...broker,
    issuer,
    artifacts: ledger.artifacts,
    configuration,
    jwks: { keys: [unpublishedKey()] },
    cookieKeys: parts.secrets.cookies,
    now,
    prover: broker.tokenEndpointProver,
    audit: ledger.audit,
    pages: SIGN_OUT_PAGES,
    contextOf: (request) => contexts.get(request) ?? requestContext(request),
  });

  const about = {
    issuer,
    dpopAlgorithms: DPOP_ALGORITHMS,
    clientCertificates: (config.clientCertificateHeader ?? config.tls?.clientCa) !== undefined,
  };
  const routes = routeTable({
    ...ledger,
    ...broker,
    logouts: parts.federation.logouts,
    issuer,
    configuration,
    configure,
    isSet: parts.isSet,
    now,
    ready: async () => {
      await ledger.ping();
      await configuration.confirm();
    },
    authorizationServer: () => {
      const { tenants } = configuration.get().deployment;
      const registration = tenants.some((tenant) => tenant.registration);
      return authorizationServerMetadata({ ...about, registration });
    },
    protectedResource: () => protectedResourceMetadata(about),
    publicKeys: parts.signing.keys.published,
    metrics: metrics.render,
    openapi: () => openapi,
  });
  const openapi = createOpenApi(routes, { issuer, version: parts.version });

  const onAnswer = (answer: Answered): void => {
    metrics.answered(answer);
    const kind = CREDENTIALS.get(answer.route);
    if (kind) metrics.issued(kind, answer.status < 300 ? 'granted' : 'denied');
    log(logger, answer);
  };
  const signIn = createSignIn({
    ...broker,
    issuer,
    configuration,
    federation: parts.federation.federation,
    interactions,
    pin: (request) => pinHost(request, issuer),
  });
  const registration = createRegistration({ issuer, configuration, register: broker.register });
  const authorizationServer = createAuthorizationServer({
    pace: broker.pace,
    answer: async ({ request, context }, response) => {
      contexts.set(request, context);
      await configuration.confirm();
      return answer(request, response);
    },
    pin: (request) => pinHost(request, issuer),
  });
  const api = createApp({
    issuer,
    routes,
    serve: createServeRoute({
      issuer,
      configuration,
      pace: broker.pace,
      proveToken: broker.proveToken,
      adminDoor: broker.adminDoor,
      proveVerifier: ({ request, context }) => {
        contexts.set(request, context);
        pinHost(request, issuer);
        return broker.proveVerifier(() => authenticate(request), context);
      },
      audit: ledger.audit,
      now,
    }),
    requestContext,
    cors: createCors(configuration, issuer),
    nonce: broker.nonce,
    onAnswer,
    onBroken: (error) => {
      if (isClientsOwn(error)) logger.debug({ err: error }, 'a client broke off');
      else logger.error({ err: error }, 'answering failed');
    },
    pages: createPages('/openapi.json'),
    provider: async (visit, response) =>
      (await registration(visit, response)) ??
      (await signIn(visit, response)) ??
      authorizationServer(visit, response),
  });
  const gateway = createLocalGateway({ stores: stores.local });
  const content = createContentHandler({
    redeem: broker.redeemTicket,
    local: (request, response) => gateway(request, response, now()),
    requestContext,
    onError: (error, requestId) =>
      logger.info({ requestId, code: error.code, detail: error.detail }, 'refused'),
  });
  return { api, content, metrics };
};

/** What people see where the library has a page to show. */
const SIGN_OUT_PAGES = {
  logout: (form: string, to: string | undefined) => ({
    content: logoutPage(form, to),
    formTargets: to === undefined ? [] : [formTargetOf(to)],
  }),
  loggedOut: () => ({ content: loggedOutPage(), formTargets: [] }),
};

/** What an answer of these routes hands out. */
const CREDENTIALS = new Map<string, IssuedKind>([
  ['/exchange', 'token'],
  ['/issue-token', 'token'],
  ['/token', 'token'],
  ['/request-upload', 'upload'],
  ['/request-download', 'download'],
  ['/request-credentials', 'credentials'],
]);

/** One line for each answer. `detail` says which check failed; no token, proof or URL is ever in it. */
const log = (logger: Logger, { error, ...answer }: Answered): void => {
  if (error === undefined) {
    logger.debug(answer, 'answered');
    return;
  }
  const refusal = { ...answer, code: error.code, detail: error.detail };
  if (error.code === 'server_error') logger.error({ ...refusal, err: error.cause }, 'failed');
  else if (error.status >= 500) logger.warn({ ...refusal, err: error.cause }, 'unavailable');
  // Each client's first proof is refused by design: that is how it learns the nonce (RFC 9449 §8).
  else if (error.code === 'use_dpop_nonce') logger.debug(refusal, 'refused');
  else logger.info(refusal, 'refused');
};
