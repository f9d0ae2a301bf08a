import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Debian's Apache with its module for OpenID Connect, on loopback, with a configuration and a log of its own. */
export interface Apache {
  readonly url: string;
  /** What it wrote to its error log. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

const MODULES = '/usr/lib/apache2/modules';
const NAMES = [
  'mpm_event',
  'authn_core',
  'authz_core',
  'authz_user',
  'auth_openidc',
  'dir',
  'headers',
];

/** Modules that are built in are not there as files. */
const loaded = (): string[] => {
  const builtIn = execFileSync('/usr/sbin/apache2', ['-l'], { encoding: 'utf8' });
  return NAMES.filter((name) => !builtIn.includes(`mod_${name}.c`)).map(
    (name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`,
  );
};

/** @param directives those of the module, for the whole server */
export const startApache = async (port: number, directives: readonly string[]): Promise<Apache> => {
  const dir = await mkdtemp(join(tmpdir(), 'daypass-apache-'));
  await chmod(dir, 0o755); // its workers are another user where this one is root
  await mkdir(join(dir, 'www/private'), { recursive: true });
  await writeFile(join(dir, 'www/index.html'), 'for everybody\n');
  await writeFile(join(dir, 'www/private/index.html'), 'for whoever is signed in\n');
  const errors = join(dir, 'error.log');
  const isRoot = process.getuid?.() === 0;
  const configuration = [
    `ServerRoot ${dir}`,
    'ServerName localhost',
    `Listen 127.0.0.1:${port}`,
    `PidFile ${dir}/pid`,
    `DefaultRuntimeDir ${dir}`,
    `ErrorLog ${errors}`,
    'LogLevel warn auth_openidc:info',
    'ServerLimit 1',
    'StartServers 1',
    ...loaded(),
    ...(isRoot ? ['User www-data', 'Group www-data'] : []),
    `DocumentRoot ${dir}/www`,
    'DirectoryIndex index.html',
    // The browser of these tests is a fetch: its pages are asked for as a program asks, which the module would refuse.
    'RequestHeader unset Sec-Fetch-Mode early',
    'RequestHeader unset Sec-Fetch-Dest early',
    ...directives,
    '<Location /private>',
    '  AuthType openid-connect',
    '  Require valid-user',
    // What an application behind it would read.
    '  Header always set X-Subject "expr=%{env:OIDC_CLAIM_sub}"',
    '  Header always set X-Tenant "expr=%{env:OIDC_CLAIM_tenant}"',
    '  Header always set X-Issuer "expr=%{env:OIDC_CLAIM_iss}"',
    '</Location>',
  ];
  const file = join(dir, 'apache.conf');
  await writeFile(file, `${configuration.join('\n')}\n`);
  const log = () => readFile(errors, 'utf8').catch(() => '');

  const child = spawn('/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => told.push(text));
  }
  const gone = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await gone;
    await rm(dir, { recursive: true, force: true });
  };
  const url = `http://localhost:${port}`;
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(`${url}/`).catch(() => undefined);
    if (answer?.ok) return { url, log, stop };
    if (child.exitCode !== null) break;
    await pause(100);
  }
  const why = `${told.join('')}${await log()}`;
  await stop();
  throw new Error(`Apache does not answer: ${why}`);
};
