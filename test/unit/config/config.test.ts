import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/config.ts';
import { ConfigurationError, type Problem } from '../../../src/config/problem.ts';
import { type Files, secretReader } from '../../../src/config/secret.ts';

const disk = (files: Readonly<Record<string, string>> = {}): Files => ({
  exists: (path) => Object.hasOwn(files, path),
  read: (path) => {
    const text = files[path];
    if (text === undefined) throw new Error('no such file');
    return text;
  },
});

const KEY = Buffer.alloc(32, 7).toString('base64');

const production = {
  NODE_ENV: 'production',
  ISSUER: 'https://daypass.example',
  DATABASE_URL: 'postgresql://daypass:pw@db/daypass',
  CONTENT_ORIGIN: 'https://content.example',
  KEY_ENCRYPTION_KEY: KEY,
};

const problemsOf = (env: NodeJS.ProcessEnv, files = disk()): readonly Problem[] => {
  try {
    loadConfig(env, files);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
};

const rulesOf = (env: NodeJS.ProcessEnv, files = disk()) =>
  problemsOf(env, files).map(({ path, rule }) => `${path} ${rule}`);

describe('ports', () => {
  it('of user content and of the demo IdP are named by the environment', () => {
    const env = { ...production, CONTENT_PORT: '9092', DEMO_IDP_PORT: '9091' };
    expect(loadConfig(env, disk())).toMatchObject({ contentPort: 9092, demoIdpPort: 9091 });
    expect(loadConfig({}, disk())).toMatchObject({ demoIdpPort: 8081 });
    expect(loadConfig({}, disk())).not.toHaveProperty('contentPort');
  });

  it.each(['CONTENT_PORT', 'DEMO_IDP_PORT', 'PORT'])('%s is one', (name) => {
    for (const text of ['0', '65536', '80a', '-1'])
      expect(rulesOf({ [name]: text })).toEqual([`${name} format`]);
  });
});

describe('loadConfig', () => {
  it('needs nothing outside production', () => {
    expect(loadConfig({}, disk())).toEqual({
      production: false,
      issuer: 'http://localhost:8080',
      port: 8080,
      host: '127.0.0.1',
      home: resolve('.daypass'),
      trustedProxies: [],
      logLevel: 'info',
      shutdownGrace: 10,
      demoIdpPort: 8081,
    });
  });

  it('takes an empty variable for an absent one', () => {
    const env = { ISSUER: '', PORT: '', DATABASE_URL: '', KEY_ENCRYPTION_KEY: '', LOG_LEVEL: '' };
    expect(loadConfig(env, disk())).toEqual(loadConfig({}, disk()));
  });

  it('gives the default issuer the port that is listened on', () => {
    expect(loadConfig({ PORT: '9000' }, disk()).issuer).toBe('http://localhost:9000');
  });

  it('reads everything it is given', () => {
    const env = {
      ...production,
      PORT: '443',
      DAYPASS_HOME: '/var/lib/daypass',
      DAYPASS_CONFIG: '/etc/daypass.yaml',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1 192.0.2.1',
      LOG_LEVEL: 'warn',
      SHUTDOWN_GRACE: '1m',
    };
    expect(loadConfig(env, disk({ '/etc/daypass.yaml': '' }))).toEqual({
      production: true,
      issuer: 'https://daypass.example',
      port: 443,
      host: '0.0.0.0',
      home: '/var/lib/daypass',
      databaseUrl: production.DATABASE_URL,
      contentOrigin: 'https://content.example',
      demoIdpPort: 8081,
      configFile: '/etc/daypass.yaml',
      keyEncryptionKey: Buffer.alloc(32, 7),
      trustedProxies: ['10.0.0.0/8', '::1', '192.0.2.1'],
      logLevel: 'warn',
      shutdownGrace: 60,
    });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadConfig({}, disk()))).toBe(true);
    expect(Object.isFrozen(loadConfig({}, disk()).trustedProxies)).toBe(true);
  });

  it('finds daypass.yaml where it stands', () => {
    expect(loadConfig({}, disk({ 'daypass.yaml': '' })).configFile).toBe(resolve('daypass.yaml'));
  });

  it('refuses a configuration file that is named and absent', () => {
    expect(rulesOf({ DAYPASS_CONFIG: 'gone.yaml' })).toEqual(['DAYPASS_CONFIG exists']);
  });

  it('reports every problem at once', () => {
    const env = { NODE_ENV: 'production', PORT: 'http', LOG_LEVEL: 'loud', SHUTDOWN_GRACE: 'soon' };
    expect(rulesOf(env)).toEqual([
      'PORT format',
      'LOG_LEVEL format',
      'SHUTDOWN_GRACE format',
      'ISSUER required_in_production',
      'DATABASE_URL required_in_production',
      'KEY_ENCRYPTION_KEY required_in_production',
      'CONTENT_ORIGIN required_in_production',
    ]);
  });

  it.each([
    ['a trailing slash', 'https://daypass.example/'],
    ['a query', 'https://daypass.example?x=1'],
    ['an empty query', 'https://daypass.example?'],
    ['a fragment', 'https://daypass.example#x'],
    ['a user', 'https://me@daypass.example'],
    ['a default port', 'https://daypass.example:443'],
    ['upper case', 'https://Daypass.example'],
    ['another scheme', 'ftp://daypass.example'],
    ['no scheme', 'daypass.example'],
  ])('refuses an ISSUER with %s', (_, ISSUER) => {
    expect(rulesOf({ ISSUER })).toEqual(['ISSUER format']);
  });

  it.each([
    ['http', 'http://daypass.example'],
    ['localhost', 'https://localhost:8443'],
    ['a loopback address', 'https://127.1.2.3'],
    ['a loopback address of IPv6', 'https://[::1]'],
  ])('refuses an ISSUER in production that is %s', (_, ISSUER) => {
    expect(rulesOf({ ...production, ISSUER })).toEqual(['ISSUER https_in_production']);
  });

  it('refuses user content on the origin of the broker', () => {
    const env = {
      ISSUER: 'http://localhost:8080/daypass',
      CONTENT_ORIGIN: 'http://localhost:8080',
    };
    expect(rulesOf(env)).toEqual(['CONTENT_ORIGIN different_origin']);
    expect(rulesOf({ CONTENT_ORIGIN: 'http://localhost:8080' })).toEqual([
      'CONTENT_ORIGIN different_origin',
    ]);
    expect(rulesOf({ ...production, CONTENT_ORIGIN: production.ISSUER })).toHaveLength(1);
  });

  it.each([
    ['31 bytes', Buffer.alloc(31).toString('base64')],
    ['33 bytes', Buffer.alloc(33).toString('base64')],
    ['text that base64 would skip', `${KEY.slice(0, -1)} =`],
    ['hex', Buffer.alloc(32).toString('hex')],
  ])('refuses a KEY_ENCRYPTION_KEY of %s', (_, KEY_ENCRYPTION_KEY) => {
    expect(rulesOf({ KEY_ENCRYPTION_KEY })).toEqual(['KEY_ENCRYPTION_KEY format']);
  });

  it.each(['0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0/8', 'proxy.example', '10.0.0.0/8/8'])(
    'refuses %s as a trusted proxy',
    (TRUSTED_PROXIES) => {
      expect(rulesOf({ TRUSTED_PROXIES })).toEqual(['TRUSTED_PROXIES format']);
    },
  );

  it('reads a secret from the file that NAME_FILE names, without its last newline', () => {
    const { DATABASE_URL, KEY_ENCRYPTION_KEY, ...rest } = production;
    const env = { ...rest, DATABASE_URL_FILE: '/run/db', KEY_ENCRYPTION_KEY_FILE: '/run/key' };
    const files = disk({ '/run/db': `${DATABASE_URL}\n`, '/run/key': `${KEY_ENCRYPTION_KEY}\r\n` });
    expect(loadConfig(env, files)).toEqual(loadConfig(production, disk()));
  });

  it('refuses a secret that is given both ways', () => {
    const env = { ...production, DATABASE_URL_FILE: '/run/db' };
    expect(rulesOf(env, disk({ '/run/db': 'x' }))).toEqual(['DATABASE_URL one_source']);
  });

  it('refuses a secret whose file cannot be read, once', () => {
    const { DATABASE_URL: _, ...env } = production;
    expect(rulesOf({ ...env, DATABASE_URL_FILE: '/gone' })).toEqual(['DATABASE_URL_FILE readable']);
  });

  it('never repeats a value, which may be a secret', () => {
    const env = {
      DATABASE_URL: 'mysql://hunter2',
      KEY_ENCRYPTION_KEY: 'hunter2',
      LOG_LEVEL: 'hunter2',
    };
    const text = problemsOf(env).map((problem) => JSON.stringify(problem));
    expect(text).toHaveLength(3);
    expect(text.join()).not.toContain('hunter2');
  });

  it('says in its message what to do about each problem', () => {
    expect(() => loadConfig({ PORT: 'x', LOG_LEVEL: 'y' }, disk())).toThrow(
      /^the environment cannot be used, 2 problems:\n {2}PORT: .*\n {6}give a number.*\n {2}LOG_LEVEL: /,
    );
  });
});

describe('secretReader', () => {
  it('resolves the variables that daypass.yaml names, from themselves or their files', () => {
    const secret = secretReader({ A: 'a', B_FILE: '/run/b' }, disk({ '/run/b': 'b\n' }));
    expect([secret('A'), secret('B'), secret('C')]).toEqual(['a', 'b', undefined]);
  });

  it('throws where one is given both ways', () => {
    const secret = secretReader({ A: 'a', A_FILE: '/run/a' }, disk({ '/run/a': 'b' }));
    expect(() => secret('A')).toThrow(ConfigurationError);
  });
});
