/** Config: what were we told? It reads the environment once, and does not know what will be done with it. */
import { resolve } from 'node:path';
import type { z } from 'zod';
import { type EnvironmentVariable, environment } from './environment.ts';
import { wordsOfYaml } from './issue-words.ts';
import { ConfigurationError, type Problem } from './problem.ts';
import { disk, type Files, given, variableOrFile } from './secret.ts';
import { readTls, type TlsConfig } from './tls.ts';
import { isLoopback, webUrl } from './url.ts';

/** The environment, parsed and complete. */
export interface Config {
  readonly production: boolean;
  /** Exactly as clients compare it: no trailing slash. */
  readonly issuer: string;
  readonly port: number;
  readonly host: string;
  /** Absolute path. */
  readonly home: string;
  /** Absent (never in production): an embedded Postgres under `home`. */
  readonly databaseUrl?: string;
  /** Absent (never in production): the host of `issuer` on a free port, chosen at start. */
  readonly contentOrigin?: string;
  /** Where user content is listened for; absent: see `CONTENT_PORT` in docs/configuration.md. */
  readonly contentPort?: number;
  readonly demoIdpPort: number;
  /** Absolute path. Absent: the demo configuration outside production, in production the database alone. */
  readonly configFile?: string;
  /** 32 bytes. Absent (never in production): one kept under `home`. */
  readonly keyEncryptionKey?: Buffer;
  /** 32 bytes. A further key that opens what it sealed, and seals nothing. */
  readonly previousKeyEncryptionKey?: Buffer;
  /** Addresses and CIDR blocks; empty: forwarded headers are ignored. */
  readonly trustedProxies: readonly string[];
  /** In lower case. Absent: nobody tells of certificates in a header. */
  readonly clientCertificateHeader?: string;
  /** Absent: the broker speaks http, and a proxy in front of it TLS. */
  readonly tls?: TlsConfig;
  readonly logLevel: z.output<typeof environment>['LOG_LEVEL'];
  /** Seconds. */
  readonly shutdownGrace: number;
}

type Values = Partial<Record<EnvironmentVariable, string>>;

const NAMES = Object.keys(environment.shape) as EnvironmentVariable[];

/** Collects the values, those of secrets from their files too. */
const collect = (env: NodeJS.ProcessEnv, files: Files, problems: Problem[]): Values => {
  const values: Values = {};
  for (const name of NAMES) {
    const secret = environment.shape[name].meta()?.secret === true;
    const value = secret ? variableOrFile(env, name, files) : env[name];
    if (typeof value === 'object') problems.push(value);
    else if (given(value)) values[name] = value;
  }
  return values;
};

const problemOf = (issue: z.core.$ZodIssue): Problem => ({
  path: issue.path.join('.'),
  rule: 'format',
  message: issue.message,
  remedy: issue.code === 'custom' ? String(issue.params?.remedy) : 'use one of the values listed',
});

const missing = (path: EnvironmentVariable, remedy: string): Problem => ({
  path,
  rule: 'required_in_production',
  message: 'is required in production',
  remedy,
});

const REQUIRED_IN_PRODUCTION = [
  ['ISSUER', 'set it to the https URL by which clients reach this broker'],
  ['DATABASE_URL', 'set it, or DATABASE_URL_FILE, to a Postgres of your own'],
  ['KEY_ENCRYPTION_KEY', 'set it, or KEY_ENCRYPTION_KEY_FILE, to 32 random bytes in base64'],
  ['CONTENT_ORIGIN', 'set it to a second https origin that reaches this broker'],
] as const;

const mustBePublic = (path: EnvironmentVariable, text: string): Problem[] => {
  const url = webUrl(text);
  if (url === undefined || (url.protocol === 'https:' && !isLoopback(url))) return [];
  return [
    {
      path,
      rule: 'https_in_production',
      message: 'must be https and not on loopback in production',
      remedy: 'put TLS in front of the broker and give its public URL',
    },
  ];
};

const inProduction = (values: Values, problems: readonly Problem[]): Problem[] => {
  const told = new Set(problems.map(({ path }) => path.replace(/_FILE$/, '')));
  const absent = REQUIRED_IN_PRODUCTION.filter(
    ([name]) => values[name] === undefined && !told.has(name),
  );
  return [
    ...absent.map(([name, remedy]) => missing(name, remedy)),
    ...mustBePublic('ISSUER', values.ISSUER ?? ''),
    ...mustBePublic('CONTENT_ORIGIN', values.CONTENT_ORIGIN ?? ''),
  ];
};

/** A header that anybody may write would make anybody any client. */
const headerOfWhom = (values: Values): Problem[] => {
  if (values.CLIENT_CERTIFICATE_HEADER === undefined || given(values.TRUSTED_PROXIES)) return [];
  return [
    {
      path: 'CLIENT_CERTIFICATE_HEADER',
      rule: 'trusted_proxies',
      message: 'is believed from TRUSTED_PROXIES alone, and there are none',
      remedy: 'set TRUSTED_PROXIES to the proxies that verify client certificates',
    },
  ];
};

/** User content on the broker's own origin could act as the broker in a browser. */
const contentApart = (issuer: string, content: string | undefined): Problem[] => {
  if (content === undefined || webUrl(content)?.origin !== webUrl(issuer)?.origin) return [];
  return [
    {
      path: 'CONTENT_ORIGIN',
      rule: 'different_origin',
      message: 'must be a different origin from ISSUER',
      remedy: 'serve user content from another host or port',
    },
  ];
};

const configFile = (path: string | undefined, files: Files, problems: Problem[]) => {
  if (path === undefined) return files.exists('daypass.yaml') ? resolve('daypass.yaml') : undefined;
  if (!files.exists(path)) {
    problems.push({
      path: 'DAYPASS_CONFIG',
      rule: 'exists',
      message: 'names a file that does not exist',
      remedy: 'correct the path, or leave it out to use daypass.yaml',
    });
  }
  return resolve(path);
};

const keyEncryptionKeys = (data: z.output<typeof environment>) => {
  const { KEY_ENCRYPTION_KEY: newest, KEY_ENCRYPTION_KEY_PREVIOUS: previous } = data;
  return {
    ...(newest === undefined ? {} : { keyEncryptionKey: newest }),
    ...(previous === undefined ? {} : { previousKeyEncryptionKey: previous }),
  };
};

const certificates = (data: z.output<typeof environment>, tls: TlsConfig | undefined) => {
  const { CLIENT_CERTIFICATE_HEADER: header } = data;
  return {
    ...(header === undefined ? {} : { clientCertificateHeader: header }),
    ...(tls === undefined ? {} : { tls }),
  };
};

/** A development default: the same machine, by whatever the broker speaks there. */
const localIssuer = ({ TLS_CERTIFICATE, PORT = '8080' }: Values): string =>
  `${TLS_CERTIFICATE === undefined ? 'http' : 'https'}://localhost:${PORT}`;

/**
 * Parses the environment.
 *
 * @param env `process.env`, handed in by main, cli and demo
 * @param files the disk, for `NAME_FILE` and the presence of the configuration file
 * @throws ConfigurationError with every problem at once, so a deploy is not mended one variable at a time
 */
export const loadConfig = (env: NodeJS.ProcessEnv, files: Files = disk): Config => {
  const problems: Problem[] = [];
  const values = collect(env, files, problems);
  const production = values.NODE_ENV === 'production';
  const issuer = values.ISSUER ?? localIssuer(values);
  const file = configFile(values.DAYPASS_CONFIG, files, problems);

  const parsed = environment.safeParse(values, { error: wordsOfYaml });
  if (!parsed.success) problems.push(...parsed.error.issues.map(problemOf));
  if (production) problems.push(...inProduction(values, problems));
  problems.push(...contentApart(issuer, values.CONTENT_ORIGIN), ...headerOfWhom(values));
  const tls = readTls(values, problems);
  if (!parsed.success || problems.length > 0)
    throw new ConfigurationError('the environment', problems);

  const { data } = parsed;
  return Object.freeze({
    production,
    issuer,
    port: data.PORT,
    host: data.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    home: resolve(data.DAYPASS_HOME),
    trustedProxies: Object.freeze(data.TRUSTED_PROXIES),
    logLevel: data.LOG_LEVEL,
    shutdownGrace: data.SHUTDOWN_GRACE,
    ...(data.DATABASE_URL === undefined ? {} : { databaseUrl: data.DATABASE_URL }),
    demoIdpPort: data.DEMO_IDP_PORT,
    ...(data.CONTENT_PORT === undefined ? {} : { contentPort: data.CONTENT_PORT }),
    ...(data.CONTENT_ORIGIN === undefined ? {} : { contentOrigin: data.CONTENT_ORIGIN }),
    ...keyEncryptionKeys(data),
    ...certificates(data, tls),
    ...(file === undefined ? {} : { configFile: file }),
  });
};
