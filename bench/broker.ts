import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { migrate } from '../src/ledger/postgres/migrate.ts';
import { type Child, freePort, startChild } from './child.ts';
import type { CorporateIdp } from './corporate-idp.ts';
import { benchDeployment, S3_VARIABLES, type S3Place } from './deployment.ts';

export interface Server extends Child {
  readonly origin: string;
}

export interface BrokerOptions {
  readonly dir: string;
  readonly databaseUrl: string;
  readonly idp: CorporateIdp;
  readonly profile: string | undefined;
  /** Where a second bucket lies. */
  readonly s3?: S3Place;
}

const SOURCES = join(import.meta.dirname, '..');

/** `npm start` as it is, on a database that was there before. */
export const startBroker = async (options: BrokerOptions): Promise<Server> => {
  const { dir, databaseUrl, idp, profile, s3 } = options;
  await migrate(databaseUrl, join(SOURCES, 'prisma', 'migrations'));
  const file = join(dir, 'daypass.yaml');
  writeFileSync(file, stringify(benchDeployment(idp, s3)));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = await startChild({
    script: join(SOURCES, 'src', 'main.ts'),
    nodeOptions: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    env: {
      ISSUER: origin,
      PORT: String(port),
      DAYPASS_HOME: join(dir, 'home'),
      DAYPASS_CONFIG: file,
      DATABASE_URL: databaseUrl,
      LOG_LEVEL: 'info',
      SHUTDOWN_GRACE: '1s',
      ...(s3 && { [S3_VARIABLES.id]: s3.accessKeyId, [S3_VARIABLES.secret]: s3.secretAccessKey }),
    },
    readyUrl: `${origin}/health/ready`,
  });
  return { ...child, origin };
};
