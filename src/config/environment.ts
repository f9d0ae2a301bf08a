import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration, readDuration } from '../scope/scope.ts';
import { isOrigin, webUrl } from './url.ts';

/** What a variable's value must be; `remedy` travels in the issue, beside the message. */
const says = (message: string, remedy: string) => ({ error: message, params: { remedy } });

/**
 * An issuer is compared as a string by everyone who meets it (RFC 8414 §2, RFC 9207 §2.4), so only the
 * one spelling that `URL` would print is taken.
 */
const isIssuer = (text: string): boolean => {
  const url = webUrl(text);
  if (url === undefined || text.endsWith('/')) return false;
  return text === url.origin + (url.pathname === '/' ? '' : url.pathname);
};

const isCidr = (text: string): boolean => {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  // A width of 0 would believe a forged header from anyone: refused, since it is never meant.
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32);
};

const decodeKey = (text: string): Buffer => Buffer.from(text, 'base64');
// The length is checked with the spelling: Buffer.from skips what is not base64 and would shorten the key.
const isKey = (text: string): boolean =>
  /^[A-Za-z0-9+/]{43}=$/.test(text) && decodeKey(text).length === 32;

const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

const port = z
  .string()
  .refine(isPort, says('must be a port from 1 to 65535', 'give a number such as 8080'));

/** Headers that say something else already: whoever names one would have every request refused, or worse. */
const TAKEN =
  /^(?:authorization|connection|content-.*|cookie|dpop|forwarded|host|origin|te|traceparent|transfer-encoding|x-forwarded-.*)$/;

const isFreeHeader = (name: string): boolean =>
  /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && !TAKEN.test(name);

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Everything the process is told by its environment, in the order `.env.example` lists it. `standard` says
 * what holds where the variable is absent; `secret` ones may be given as `NAME_FILE`.
 */
export const environment = z.object({
  NODE_ENV: z.string().optional().meta({
    standard: 'development',
    description:
      '`production` turns every embedded part off and requires what is marked so below; any other value is development.',
  }),
  ISSUER: z
    .string()
    .refine(
      isIssuer,
      says(
        'must be an http or https URL without trailing slash, query, fragment, default port or user',
        'write it as clients will compare it, such as https://daypass.example',
      ),
    )
    .optional()
    .meta({
      standard: 'http://localhost:8080',
      production: 'https, and not on loopback',
      description:
        "The URL clients know the broker by: `iss` of its tokens, base of its endpoints, compared with a proof's `htu`. Where only `PORT` is given, the default has that port.",
    }),
  PORT: port
    .default('8080')
    .transform(Number)
    .meta({ standard: '8080', description: 'The port to listen on.' }),
  HOST: z.string().optional().meta({
    standard: '127.0.0.1; 0.0.0.0 in production',
    description: 'The address to listen on.',
  }),
  DAYPASS_HOME: z.string().default('.daypass').meta({
    standard: '.daypass',
    description: 'The folder of everything embedded: database, local objects, development keys.',
  }),
  DATABASE_URL: z
    .string()
    .refine(
      (text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? ''),
      says('must be a postgres:// URL', 'write postgresql://user:password@host:5432/database'),
    )
    .optional()
    .meta({
      secret: true,
      standard: 'an embedded Postgres under `$DAYPASS_HOME/pg`',
      production: 'required',
      description: 'The Postgres that keeps tokens, audit and configuration.',
    }),
  CONTENT_ORIGIN: z
    .string()
    .refine(
      isOrigin,
      says(
        'must be an origin: scheme, host and port only',
        'write it without a path or trailing slash, such as https://content.example',
      ),
    )
    .optional()
    .meta({
      standard: 'the same host on a free port, chosen at start',
      production: 'required, https',
      description:
        'Where user content is served from (tickets, local objects). A different origin from `ISSUER`, so that an uploaded page cannot act as the broker.',
    }),
  CONTENT_PORT: port.transform(Number).optional().meta({
    standard: 'the port of an http `CONTENT_ORIGIN`, a free one without; 8082 in production',
    description:
      'The port to listen on for user content. A proxy in front knows `CONTENT_ORIGIN`, and finds us here.',
  }),
  DEMO_IDP_PORT: port.default('8081').transform(Number).meta({
    standard: '8081',
    description:
      'The port of the demo IdP, which runs outside production where the configuration names it.',
  }),
  DAYPASS_CONFIG: z.string().optional().meta({
    standard:
      '`daypass.yaml` if present; else the demo configuration, in production the database alone',
    description: 'The configuration file to apply at start.',
  }),
  KEY_ENCRYPTION_KEY: z
    .string()
    .refine(
      isKey,
      says('must be 32 bytes in base64', 'generate one: head -c 32 /dev/urandom | base64'),
    )
    .transform(decodeKey)
    .optional()
    .meta({
      secret: true,
      standard: 'one kept under `$DAYPASS_HOME`',
      production: 'required',
      description: 'Encrypts the signing keys in the database. 32 bytes, base64.',
    }),
  KEY_ENCRYPTION_KEY_PREVIOUS: z
    .string()
    .refine(
      isKey,
      says(
        'must be 32 bytes in base64',
        'give the key that KEY_ENCRYPTION_KEY was before, or leave it out',
      ),
    )
    .transform(decodeKey)
    .optional()
    .meta({
      secret: true,
      standard: 'none',
      description:
        'Another key that signing keys may be sealed with: the one before `KEY_ENCRYPTION_KEY`, until `daypass keys reseal` has run. 32 bytes, base64.',
    }),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ''))
    .refine(
      (list) => list.every(isCidr),
      says(
        'must be addresses or CIDR blocks, separated by commas, and not everyone',
        'list your proxies, such as 10.0.0.0/8, fd00::/8',
      ),
    )
    .meta({
      standard: 'none: forwarded headers are ignored',
      description: 'Proxies whose `X-Forwarded-*` is believed: a CIDR list.',
    }),
  CLIENT_CERTIFICATE_HEADER: z
    .string()
    .transform((name) => name.toLowerCase())
    .refine(
      isFreeHeader,
      says(
        'must be the name of a header that nothing else uses',
        'name the one in which your proxies tell of client certificates, such as Client-Cert',
      ),
    )
    .optional()
    .meta({
      standard: 'none: a proxy is told of no certificate',
      description:
        'The header in which `TRUSTED_PROXIES` tell of the certificate they have verified: `Client-Cert` (RFC 9440), or percent-encoded PEM.',
    }),
  TLS_CERTIFICATE: z.string().optional().meta({
    secret: true,
    standard: 'none: a proxy speaks TLS',
    description:
      "The broker's own certificate and its chain, PEM. With it the broker speaks https itself.",
  }),
  TLS_KEY: z.string().optional().meta({
    secret: true,
    standard: 'none',
    description: 'The private key of `TLS_CERTIFICATE`, PEM.',
  }),
  TLS_CLIENT_CA: z.string().optional().meta({
    secret: true,
    standard: 'none: no certificate is asked for',
    description:
      'The CAs whose certificates apps authenticate by, PEM. Taken with `TLS_CERTIFICATE` only.',
  }),
  LOG_LEVEL: z
    .enum(LOG_LEVELS, {
      error: `must be one of ${LOG_LEVELS.join(', ')}`,
    })
    .default('info')
    .meta({
      standard: 'info',
      description: `How much is logged: ${LOG_LEVELS.join(', ')}.`,
    }),
  SHUTDOWN_GRACE: z
    .string()
    .refine(
      (text) => 'value' in readDuration(text),
      says('must be a duration', 'write it with its unit, such as 10s'),
    )
    .default('10s')
    .transform((text) => parseDuration(text))
    .meta({
      standard: '10s',
      description: 'How long requests under way may take to end after SIGTERM or SIGINT.',
    }),
});

export type EnvironmentVariable = keyof typeof environment.shape;
