import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Configure } from '../broker/configure/configure.ts';
import type { Config } from '../config/config.ts';
import { demoDeployment } from '../config/demo-deployment.ts';
import { type DeploymentDocument, readDeployment } from '../config/deployment.ts';
import { type Notice, notYet } from '../config/not-yet.ts';
import { withSchemaFiles } from '../config/schema-files.ts';
import { standingKeys } from '../config/standing-keys.ts';
import type { AppliedConfiguration } from '../ledger/ledger.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';

/** The secret of the demo's service app: printed by the demo, and good for nothing else. */
export const DEMO_SECRET = 'demo-secret-of-nightly-report-not-for-production';

/** What the database says of a configuration that nobody but the demo has written. */
const DEMO_SOURCE = 'demo configuration';

/**
 * A file that is given is applied at start; otherwise the database rules. Where neither says anything,
 * outside production, the demo does; and where the demo did, it does again once its IdP has moved.
 */
export const applyAtStart = async (
  config: Config,
  configure: Configure,
  { configurations, clock }: PostgresLedger,
  demoIdp: string,
): Promise<void> => {
  if (config.configFile !== undefined) {
    await configure.apply(readFile(config, clock.now()), {
      by: 'start',
      source: config.configFile,
    });
    return;
  }
  if (config.production) return;
  const applied = await configurations.current();
  if (applied && !isDemoElsewhere(applied, demoIdp)) return;
  const nightlySecretHash = `sha256:${createHash('sha256').update(DEMO_SECRET).digest('hex')}`;
  const document = demoDeployment(demoIdp, { now: clock.now(), nightlySecretHash });
  await configure.apply(document, { by: 'start', source: DEMO_SOURCE });
};

/** Leans to leaving alone: what somebody has changed is theirs, also where its IdP answers no more. */
const isDemoElsewhere = (
  { source, document }: Pick<AppliedConfiguration, 'source' | 'document'>,
  demoIdp: string,
): boolean =>
  source === DEMO_SOURCE &&
  !(document as DeploymentDocument).issuers?.some(({ issuer }) => issuer === demoIdp);

/** A notice, and what it is a notice of. */
interface Said {
  readonly notice: Notice;
  readonly text: string;
}

/** What whoever runs a broker should hear of its configuration at start: nothing here keeps it from starting. */
export const noticesOf = (document: DeploymentDocument): readonly Said[] => [
  ...notYet(document).map((notice) => ({
    notice,
    text: 'a setting does not do what it says in this release',
  })),
  ...standingKeys(document).map((notice) => ({
    notice,
    text: 'a bucket is opened by a key that has no end',
  })),
];

export const noticesInForce = async ({
  configurations,
}: PostgresLedger): Promise<readonly Said[]> => {
  const applied = await configurations.current();
  return applied ? noticesOf(applied.document as DeploymentDocument) : [];
};

const readFile = ({ configFile = '', production }: Config, now: Date): unknown => {
  const text = readFileSync(configFile, 'utf8');
  const { document, lineOf } = readDeployment(text, { production, now, source: configFile });
  const fileBeside = (name: string): string =>
    readFileSync(resolve(dirname(configFile), name), 'utf8');
  return withSchemaFiles(document, fileBeside, configFile, lineOf);
};
