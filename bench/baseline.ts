import { join } from 'node:path';
import type { Server } from './broker.ts';
import { freePort, startChild } from './child.ts';

/** What the broker is compared with: the library it is built on, as it comes. */
export const startBaseline = async (databaseUrl: string): Promise<Server> => {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const child = await startChild({
    script: join(import.meta.dirname, 'baseline', 'server.ts'),
    env: { PORT: String(port), DATABASE_URL: databaseUrl },
    readyUrl: `${origin}/jwks`,
  });
  return { ...child, origin };
};
