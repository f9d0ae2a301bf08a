import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './daypass.ts';

/** The command line's process: it gives the program a terminal, and ends with its status. */

const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
) as { readonly version: string };

const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(1); // asked twice: at once
      asked = true;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });

// A reader such as `head` may have enough before we have said it all.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: 'open',
  win32: 'explorer',
};

/** No shell in between: the URL is an argument, whatever is in it. */
const openBrowser = (url: string): void => {
  const opener = spawn(OPENERS[process.platform] ?? 'xdg-open', [url], {
    stdio: 'ignore',
    detached: true,
  });
  opener.on('error', () => undefined); // the URL was printed: it can be opened by hand
  opener.unref();
};

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  fetch,
  now: () => new Date(),
  version,
  compose: async () => ({
    ...(await import('../compose.ts')),
    ...(await import('../compose/administration.ts')),
  }),
  offline: async () => (await import('../compose/command-line.ts')).offline,
  openBrowser,
  untilStopped,
});
