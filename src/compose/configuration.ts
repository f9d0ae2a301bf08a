import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Configure } from '../broker/configure/configure.ts';
import type { Config } from '../config/config.ts';
import { demoDeployment } from '../config/demo-deployment.ts';
import { type DeploymentDocument, readDeployment } from '../config/deployment.ts';
import { type Notice, notYet } from '../config/not-yet.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';

/** The secret of the demo's service app: printed by the demo, and good for nothing else. */
export const DEMO_SECRET = 'demo-secret-of-nightly-report-not-for-production';

/**
 * A file that is given is applied at start; otherwise the database rules. Where neither says anything,
 * outside production, the demo does.
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
  if ((await configurations.version()) > 0 || config.production) return;
  const nightlySecretHash = `sha256:${createHash('sha256').update(DEMO_SECRET).digest('hex')}`;
  const document = demoDeployment(demoIdp, { now: clock.now(), nightlySecretHash });
  await configure.apply(document, { by: 'start', source: 'demo configuration' });
};

/** What the configuration in force asks for that this release does not do. */
export const noticesInForce = async ({
  configurations,
}: PostgresLedger): Promise<readonly Notice[]> => {
  const applied = await configurations.current();
  return applied ? notYet(applied.document as DeploymentDocument) : [];
};

const readFile = ({ configFile = '', production }: Config, now: Date): unknown =>
  readDeployment(readFileSync(configFile, 'utf8'), { production, now, source: configFile })
    .document;
