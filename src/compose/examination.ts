import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { InForce } from '../broker/configuration.ts';
import { createCurrentConfiguration } from '../broker/configure/current-configuration.ts';
import type { Config } from '../config/config.ts';
import type { Bucket } from '../config/deployment.ts';
import { secretReader } from '../config/secret.ts';
import { createFetch, type Fetch } from '../egress/fetch.ts';
import { serverVersion, unappliedMigrations } from '../ledger/postgres/inquiry.ts';
import { openPostgresLedger, type PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import type { SelfDescribing } from '../storage/bucket-settings.ts';
import { multipartOf } from '../storage/multipart.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createKeyOwners, type KeyOwner } from '../storage/s3/key-owner.ts';
import { examineBucket } from './bucket-examination.ts';
import { MIGRATIONS } from './database.ts';
import { createExaminersVouch, type VouchingParts } from './examination-vouch.ts';
import { missingVariableOf } from './missing-variable.ts';
import { ownerOfKey, ROOT_KEY } from './root-keys.ts';
import { createStores } from './stores.ts';

/** One thing that must be so for a broker to work, and what to do where it is not. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'failed' | 'skipped';
  readonly detail: string;
  readonly fix?: string;
}

/**
 * Whether a broker could run with this configuration. Starts nothing and changes nothing; of what cannot be
 * reached, what depends on it is left out.
 */
export const examine = async (config: Config, env: NodeJS.ProcessEnv): Promise<Check[]> => {
  const url = await databaseUrl(config);
  if (url === undefined) return nothingRuns(config);
  const reached = await reach(url);
  if (reached.status === 'failed') return [reached];
  const checks = [reached, await migrated(url)];
  const ledger = openPostgresLedger({ url, onConnectionError: () => {}, localTime: Date.now });
  try {
    checks.push(await restricted(ledger));
    const { production } = config;
    const configuration = createCurrentConfiguration({
      configurations: ledger.configurations,
      production,
      elapsed: () => performance.now(),
    });
    const inForce = await configuration.refresh().catch((error: unknown) => reasonOf(error));
    if (typeof inForce === 'string') return [...checks, unconfigured(inForce)];
    checks.push(ok('configuration', `version ${inForce.version} is in force`));
    const fetch = createFetch({ allowLoopback: !production });
    const issuers = inForce.deployment.issuers.filter(({ enabled }) => enabled);
    const discovered = issuers.map(({ id, issuer }) => discover(fetch, id, issuer, production));
    const secret = secretReader(env);
    const elapsed = () => performance.now();
    const parts = { config, ledger, configuration, secret, elapsed, onError: () => {} };
    const examined = await Promise.all([...discovered, ...buckets(parts, inForce)]);
    return [...checks, ...examined.flat()];
  } finally {
    await ledger.close();
  }
};

const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail });

const failed = (name: string, detail: string, fix: string): Check => ({
  name,
  status: 'failed',
  detail,
  fix,
});

/** Where no database was named and none runs here: what was tried, so that whoever runs one elsewhere sees where. */
const nothingRuns = async ({ issuer, home, production }: Config): Promise<Check[]> => {
  const url = `${issuer}/health/live`;
  const fetch = createFetch({ allowLoopback: !production, timeoutMs: 3_000 });
  const isLive = await fetch(url).then(
    ({ status }) => status === 200,
    () => false,
  );
  const missing = `DATABASE_URL is not set, and no embedded PostgreSQL runs under ${join(home, 'pg')}`;
  if (isLive) {
    const fix = 'set DATABASE_URL or DAYPASS_HOME as for the broker that answers there';
    return [ok('broker', `${url} answers`), failed('database', missing, fix)];
  }
  return [failed('broker', `nothing answers at ${url}`, START), failed('database', missing, START)];
};

const START = 'start it: npm start, or daypass serve';

const unconfigured = (reason: string): Check =>
  failed('configuration', reason, 'apply one: daypass apply -f daypass.yaml');

const databaseUrl = async ({ databaseUrl: url, home }: Config): Promise<string | undefined> => {
  if (url !== undefined) return url;
  const { runningPostgresUrl } = await import('../demo/embedded-postgres.ts');
  return runningPostgresUrl(join(home, 'pg'));
};

const reach = async (url: string): Promise<Check> => {
  const { host } = new URL(url);
  try {
    return ok('database', `PostgreSQL ${await serverVersion(url)} answers at ${host}`);
  } catch (error) {
    const fix = 'start it, or correct host, user and password in DATABASE_URL';
    return failed('database', `${host}: ${reasonOf(error)}`, fix);
  }
};

const migrated = async (url: string): Promise<Check> => {
  const fix = 'run daypass migrate as the owner of the database';
  try {
    const { known, missing } = await unappliedMigrations(url, MIGRATIONS);
    if (missing.length > 0) return failed('migrations', `not applied: ${missing.join(', ')}`, fix);
    return ok('migrations', `all ${known} applied`);
  } catch (error) {
    const reason = reasonOf(error);
    if (!/permission|denied/i.test(reason)) return failed('migrations', 'none applied', fix);
    // A broker's own role need not see the history; whether the tables are there, the next checks tell.
    return { name: 'migrations', status: 'skipped', detail: 'this role may not read the history' };
  }
};

const restricted = async (ledger: PostgresLedger): Promise<Check> => {
  const name = 'database role';
  const member = 'run daypass migrate, and connect as a member of daypass_app';
  try {
    const excess = await ledger.excessPrivileges();
    if (excess.length === 0) return ok(name, 'may add audit events and not change them');
    return failed(name, `may ${excess.join(' and ')} audit events`, member);
  } catch (error) {
    return failed(name, reasonOf(error), member);
  }
};

const discover = async (
  fetch: Fetch,
  id: string,
  issuer: string,
  production: boolean,
): Promise<Check> => {
  const name = `issuer ${id}`;
  const url = `${issuer}/.well-known/openid-configuration`;
  try {
    const { status, body } = await fetch(url);
    const metadata = status === 200 ? JSON.parse(body.toString('utf8')) : {};
    // OpenID Connect Discovery 1.0 §4.3: anything else could be somebody else's metadata.
    if (metadata.issuer === issuer && typeof metadata.jwks_uri === 'string')
      return ok(name, `${issuer} publishes its keys`);
    const fix = 'write `issuer` exactly as its own metadata has it';
    return failed(name, `${url} answers ${status}, and not with the metadata of ${issuer}`, fix);
  } catch (error) {
    const demo = production ? '' : '; the demo IdP runs with daypass serve';
    const fix = `check the URL, and that this machine may reach it${demo}`;
    return failed(name, `${url}: ${reasonOf(error)}`, fix);
  }
};

/** A key nobody has: what must answer is the bucket, with "not there". */
const buckets = (parts: VouchingParts, inForce: InForce): readonly Promise<readonly Check[]>[] => {
  const { config, secret } = parts;
  const { deployment } = inForce;
  const ownerOf = createKeyOwners();
  const stores = createStores({
    configuration: { get: () => inForce, refresh: async () => inForce },
    home: config.home,
    localSecret: Buffer.alloc(32),
    contentOrigin: () => config.contentOrigin ?? config.issuer,
    secret,
    now: () => new Date(),
    ownerOf,
    vouch: createExaminersVouch(parts),
  });
  return deployment.buckets.map(async (bucket) => {
    const { id, provider } = bucket;
    try {
      const owner = await ownerOfKey(bucket, secret, ownerOf);
      if (owner === 'root') return [failed(`bucket ${id}`, ROOT_KEY.message, ROOT_KEY.remedy)];
      const store = stores.of(id);
      await store.head(`daypass-doctor/${randomUUID()}`);
      const answers = ok(`bucket ${id}`, `${provider} answers${whose(bucket, owner)}`);
      if (!describesItself(store)) return [answers];
      const settings = await store.settings();
      const examined = examineBucket({ bucket, deployment, settings, secret });
      return [answers, ...examined, ...(await takesParts(bucket, store))];
    } catch (error) {
      const missing = missingVariableOf(error);
      if (missing) return [failed(`bucket ${id}`, reasonOf(error), setIt(missing.variable))];
      const fix = 'check name, region, endpoint and credentials of the bucket in the configuration';
      return [failed(`bucket ${id}`, reasonOf(error), fix)];
    }
  });
};

const setIt = (variable: string): string =>
  `set ${variable} in the broker's environment and restart the broker; and here, so that this can ask the bucket`;

/** AWS has a token service; of the others nobody expects one. */
const whose = (bucket: Bucket, owner: KeyOwner | undefined): string =>
  owner === 'unknown' && bucket.provider === 's3' && bucket.endpoint === undefined
    ? "; not examined: whether its key is the root user's, as AWS's token service does not answer"
    : '';

/** Some servers that speak S3 begin uploads in parts, and never say which have arrived. */
const takesParts = async (bucket: Bucket, store: ObjectStore): Promise<readonly Check[]> => {
  const multipart = multipartOf(store);
  if (bucket.provider !== 's3' || bucket.endpoint === undefined || !multipart) return [];
  const name = `bucket ${bucket.id}: parts`;
  const asked = multipart.listParts(`daypass-doctor/${randomUUID()}`, 'none');
  return asked.then(
    () => [ok(name, 'takes uploads in parts')],
    (error: unknown) => [
      { name, status: 'skipped', detail: `no uploads in parts: ${reasonOf(error)}` },
    ],
  );
};

/** A store of our own has no settings but ours. */
const describesItself = (store: ObjectStore): store is ObjectStore & SelfDescribing =>
  'settings' in store;

/** What went wrong, for whoever runs it: our own `detail` where there is one. */
const reasonOf = (error: unknown): string => {
  if (error instanceof OAuthError) return error.detail ?? error.message;
  return error instanceof Error ? error.message : String(error);
};
