import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { freePort, startTestDaypass, type TestDaypass } from '../support/daypass.ts';

const SERVE = join(import.meta.dirname, '../../examples/where2eat/serve.js');

/** The example app as its README starts it, and a broker that knows it. */
export interface Where2Eat {
  readonly url: string;
  readonly daypass: TestDaypass;
  stop(): Promise<void>;
}

/** @param signInAt `daypass`, or the company's IdP itself: then ID tokens are what is exchanged. */
export const startWhere2Eat = async (
  signInAt: 'daypass' | 'company' = 'daypass',
): Promise<Where2Eat> => {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const daypass = await startTestDaypass({ configure: (demo) => at(url, demo) });
  const server = spawn(process.execPath, [SERVE], {
    env: {
      ...process.env,
      PORT: String(port),
      BROKER: daypass.issuer,
      ...(signInAt === 'company' && { AUTHORITY: `http://localhost:${daypass.idpPort}` }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface(server.stdout), 'line');
  return {
    url,
    daypass,
    stop: async () => {
      await end(server);
      await daypass.stop();
    },
  };
};

const at = (url: string, demo: DeploymentDocument): DeploymentDocument => ({
  ...demo,
  apps: (demo.apps ?? []).map((app) =>
    app.id === 'where2eat'
      ? {
          ...app,
          redirect_uris: [`${url}/callback`],
          post_logout_redirect_uris: [`${url}/`],
          origins: [url],
        }
      : app,
  ),
});

const end = async (server: ChildProcess): Promise<void> => {
  const gone = once(server, 'exit');
  server.kill();
  await gone;
};
