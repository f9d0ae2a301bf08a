// Generates the Prisma client after an install. Plain JavaScript: it must run on any Node.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const prismaCli = () => {
  try {
    return createRequire(import.meta.url).resolve('prisma/build/index.js');
  } catch {
    return undefined; // a production install without dev dependencies: the build stage generated it
  }
};

const cli = prismaCli();
if (cli && existsSync(join(root, 'prisma', 'schema.prisma'))) {
  // `generate` insists on a schema engine but never calls it; the real one would be a download.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  const { status } = spawnSync(process.execPath, [cli, 'generate'], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
