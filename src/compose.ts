import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { createConfigure } from './broker/configure/configure.ts';
import { createCurrentConfiguration } from './broker/configure/current-configuration.ts';
import { createVouch } from './broker/credentials/vouch.ts';
import { createTellApps } from './broker/sign-in/tell-apps.ts';
import { awaitDatabase, whereabouts } from './compose/await-database.ts';
import { createBroker } from './compose/broker.ts';
import { applyAtStart, noticesInForce } from './compose/configuration.ts';
import { contentAddress, sameHost } from './compose/content-origin.ts';
import { openServer } from './compose/database.ts';
import { createFederationWork, missingSecrets, relyingPartiesOf } from './compose/federation.ts';
import { createHandlers } from './compose/http.ts';
import { openInspection } from './compose/inspection.ts';
import { openSigning } from './compose/keys.ts';
import { openLedger } from './compose/ledger.ts';
import { createLogger } from './compose/logger.ts';
import { createComplaint } from './compose/missing-variable.ts';
import { mustNotBeRoot } from './compose/root-keys.ts';
import { createRounds } from './compose/rounds.ts';
import { loadSecrets } from './compose/secrets.ts';
import { listen } from './compose/servers.ts';
import { createStores } from './compose/stores.ts';
import type { Config } from './config/config.ts';
import type { Deployment } from './config/deployment.ts';
import { isSetIn, secretReader } from './config/secret.ts';
import { createFetch, type Fetch } from './egress/fetch.ts';
import type { PostgresLedger } from './ledger/postgres/postgres-ledger.ts';
import { createKeyOwners } from './storage/s3/key-owner.ts';

/** A broker that is running, with everything it started. */
export interface Daypass {
  readonly issuer: string;
  readonly contentOrigin: string;
  /** The demo IdP's URL, where the configuration in force names it. */
  readonly idp: string | undefined;
  readonly ledger: PostgresLedger;
  /** Ends what it started, in order; requests under way have the configured grace. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds by which tests move the ledger's clock. */
  readonly shift?: () => number;
  readonly logger?: Logger;
  /** Tests stand in for the clouds whose keys events are proven by. */
  readonly fetchForEvents?: Fetch;
  readonly idpPort?: number;
  /** False where another instance runs the demo IdP already. */
  readonly runDemoIdp?: boolean;
}

const { version: VERSION } = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'),
) as { version: string };

/** Milliseconds between two rounds of what an instance does of its own accord. */
const EVERY = {
  configuration: 1_000,
  revocations: 1_000,
  keys: 1_000,
  clock: 10_000,
  uploads: 2_000,
  parts: 2_000,
  staging: 60_000,
  orphans: 3_600_000,
  logouts: 2_000,
  tellApps: 1_000,
  purge: 30_000,
  metrics: 10_000,
};

/** Starts a broker. What was started before a failure is stopped again. */
export const startDaypass = async (
  config: Config,
  options: StartOptions = {},
): Promise<Daypass> => {
  const logger = options.logger ?? createLogger(config.logLevel);
  const onError = createComplaint(logger, () => performance.now());
  const started: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end().catch(onError);
  };
  try {
    // 1. What is kept.
    const server = await openServer(config);
    started.push(server.stop);
    const patience = { where: whereabouts(server.url), logger, elapsed: () => performance.now() };
    const patiently = <Result>(step: () => Promise<Result>) => awaitDatabase(step, patience);
    const { shift } = options;
    const ledger = await openLedger({ config, url: server.url, shift, patiently, logger });
    started.push(ledger.close);

    // 2. What was told. The demo IdP runs where what was told names it.
    const { configure, configuration, idp } = await patiently(() =>
      readConfiguration(config, ledger, options),
    );
    if (idp) started.push(idp.stop);
    const onConfiguration = () => void configuration.poll().catch(onError);
    started.push(await patiently(() => ledger.listen(onConfiguration)));
    for (const { notice, text } of await patiently(() => noticesInForce(ledger)))
      logger.warn(notice, text);

    // 3. What signs, and where things are stored.
    const secrets = loadSecrets(config);
    const origins = { content: config.contentOrigin ?? '' };
    const contentOrigin = (): string => origins.content;
    const secret = secretReader(options.env ?? {});
    const elapsed = () => performance.now() + (options.shift?.() ?? 0);
    const { keyEncryptionKeys } = secrets;
    const parts = { ledger, configuration, keyEncryptionKeys, secret, elapsed, onError };
    const signing = await patiently(() => openSigning(parts));
    started.push(async () => signing.stop());
    const ownerOf = createKeyOwners();
    await mustNotBeRoot(configuration.get().deployment, secret, ownerOf);
    const stores = createStores({
      configuration,
      ownerOf,
      home: config.home,
      localSecret: secrets.localStore,
      contentOrigin,
      secret,
      now: ledger.clock.now,
      vouch: createVouch({
        keys: { signer: signing.keys.signer, follow: signing.follow },
        audit: ledger.audit,
        issuer: config.issuer,
        now: ledger.clock.now,
      }),
    });

    const inspection = openInspection(config);
    started.push(inspection.stop);
    await inspection.sweep(ledger.clock.now());

    // 4. The use cases, and the doors to them.
    const { issuer, production } = config;
    const broker = createBroker({
      issuer,
      production,
      ledger,
      configuration,
      configure,
      signing,
      secrets,
      stores,
      inspect: inspection.inspect,
      contentOrigin,
      secret,
      fetchForEvents: options.fetchForEvents,
      onError,
    });
    const federation = createFederationWork({
      issuer,
      production,
      ledger,
      configuration,
      verifier: broker.verifier,
      secrets,
      secret,
      onError,
    });
    for (const notice of missingSecrets(configuration.get().deployment.issuers, secret))
      logger.warn(notice, 'a secret that the configuration names is missing');
    const handlers = createHandlers({
      config,
      version: VERSION,
      ledger,
      configuration: { ...configuration, confirm: signing.confirm },
      configure,
      broker,
      federation,
      signing,
      secrets,
      stores,
      isSet: isSetIn(secret),
      logger,
    });

    const tellApps = createTellApps({
      ...ledger,
      issuer,
      configuration,
      keys: signing.keys,
      fetch: createFetch({ allowLoopback: !production }),
      now: ledger.clock.now,
      onTold: handlers.metrics.toldOfLogout,
      onError,
    });

    const content = await listen(handlers.content, contentAddress(config));
    started.push(() => content.close(config.shutdownGrace * 1000));
    if (config.contentOrigin === undefined) origins.content = sameHost(config, content.port);
    const api = await listen(handlers.api, config);
    started.push(() => api.close(config.shutdownGrace * 1000));
    started.push(async () => broker.stopFollowing()); // streams end by themselves never

    // 5. What happens without being asked.
    started.push(broker.poller.stop);
    const rounds = createRounds(onError);
    started.push(rounds.stop);
    rounds.every(EVERY.configuration, configuration.poll);
    rounds.every(EVERY.revocations, ledger.feed.poll);
    rounds.every(EVERY.keys, signing.follow);
    rounds.every(EVERY.clock, ledger.clock.synchronise);
    rounds.every(EVERY.uploads, async () => {
      await configuration.confirm();
      await broker.poller.poll();
    });
    // What it takes up is not waited for: it may be large.
    rounds.every(EVERY.uploads, async () => {
      await configuration.confirm();
      void broker.poller.validateArrived().catch(onError);
    });
    rounds.every(EVERY.parts, broker.partPoller.poll);
    rounds.every(EVERY.staging, broker.sweepStaging);
    rounds.every(EVERY.orphans, broker.partPoller.sweep);
    rounds.every(EVERY.logouts, federation.logouts.retry);
    rounds.every(EVERY.tellApps, tellApps);
    rounds.every(EVERY.purge, ledger.purge);
    rounds.every(EVERY.metrics, async () =>
      handlers.metrics.uploadsUnderWay(await ledger.objects.underWay(ledger.clock.now())),
    );

    return { issuer, contentOrigin: contentOrigin(), idp: idp?.issuer, ledger, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const readConfiguration = async (config: Config, ledger: PostgresLedger, options: StartOptions) => {
  const parts = {
    configurations: ledger.configurations,
    production: config.production,
    now: ledger.clock.now,
  };
  const configure = createConfigure(parts);
  const configuration = createCurrentConfiguration({
    ...parts,
    elapsed: () => performance.now() + (options.shift?.() ?? 0),
  });
  const idpPort = options.idpPort ?? config.demoIdpPort;
  const demoIdp = `http://localhost:${idpPort}`;
  await applyAtStart(config, configure, ledger, demoIdp);
  const { deployment } = await configuration.refresh();
  const isDemo = deployment.issuers.some(({ issuer }) => issuer === demoIdp);
  const idp =
    isDemo && !config.production && options.runDemoIdp !== false
      ? await startIdp(config, idpPort, deployment, demoIdp)
      : undefined;
  return { configure, configuration, idp };
};

/** It knows every audience that the configuration in force lets it issue for: an app of one's own can sign in. */
const startIdp = async (config: Config, port: number, { issuers }: Deployment, url: string) => {
  const { startDemoIdp } = await import('./demo/idp.ts');
  const audiences = issuers.filter(({ issuer }) => issuer === url).flatMap((one) => one.audiences);
  const relyingParties = relyingPartiesOf(config.issuer, issuers, url);
  return startDemoIdp({ port, dir: join(config.home, 'idp'), audiences, relyingParties });
};
