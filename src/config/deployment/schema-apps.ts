import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDistinguishedName } from '../../protocol/distinguished-name.ts';
import { FAPI2 } from '../../protocol/fapi2.ts';
import { readMediaRanges } from '../../scope/scope.ts';
import { APP_TYPES, isPublicType } from '../app-type.ts';
import { isOrigin, isSafeTransport, isWrittenAsUri, webUrl } from '../url.ts';
import { appLimits } from './schema-limits.ts';
import { distinct, duration, id, reads, says, size, text } from './values.ts';

/** One spelling per meaning comes out: lower case, sorted, none twice. */
const mediaRanges = z
  .array(z.string())
  .transform(reads((ranges: string[]) => readMediaRanges(ranges)));

export const grant = z.strictObject({
  resource: text.meta({ description: '`bucket:<id>`, or the id of a resource server.' }),
  actions: distinct(text).min(1, { error: 'must list at least one action' }).meta({
    description: 'read, write, list, delete on a bucket; scopes of a resource server.',
  }),
  prefix: text.exactOptional().meta({
    description:
      'Where in the bucket; `{app_id}` and `{user_id}` are filled in. Starts and ends with `/`. Absent: all of it.',
  }),
  max_size: size.exactOptional().meta({ description: 'The largest object, inclusive.' }),
  content_types: mediaRanges.exactOptional().meta({
    description: 'Media types, or ranges such as image/*. Absent: every type.',
  }),
  max_ttl: duration.exactOptional().meta({ description: 'A longer asked ttl is lowered to it.' }),
});

/** What stands in it is what is compared, and what browsers are sent to: nothing that they would drop or turn. */
const uri = z.string().refine(isWrittenAsUri, {
  ...says(
    'uri_characters',
    'holds what no URI does: a space, line break, tab, backslash or other character outside RFC 3986',
    'write it as browsers send it: percent-encode the character, or remove it',
  ),
  abort: true,
});

/** Browsers and loopback tools over http on this machine; native apps by a scheme of theirs (RFC 8252 §7). */
const isRedirectUri = (value: string): boolean => {
  const url = URL.parse(value);
  if (url === null || value.includes('#') || value.includes('*')) return false;
  if (url.username !== '' || url.password !== '') return false;
  const web = webUrl(value);
  if (web !== undefined) return isSafeTransport(web);
  // RFC 8252 §7.1: a private-use scheme is a reversed domain name, so javascript: and data: are out.
  return url.protocol.includes('.');
};

const redirectUri = uri.refine(
  isRedirectUri,
  says(
    'redirect_uri',
    'must be https, http on loopback, or a private-use scheme with a dot; no user, no fragment, no *',
    'list each exact URI the app returns to',
  ),
);

const logoutUri = uri.refine(
  (value) => {
    const url = webUrl(value);
    return url !== undefined && isSafeTransport(url) && !value.includes('#');
  },
  says(
    'logout_uri',
    'must be https, or http on loopback; no user, no fragment (OpenID Connect Back-Channel Logout 1.0 §2.2)',
    'write the URL of the app that takes logout tokens',
  ),
);

const origin = uri.refine(
  (value) => {
    const url = webUrl(value);
    return isOrigin(value) && url !== undefined && isSafeTransport(url);
  },
  says(
    'origin',
    'must be an origin (https, or http on loopback) as browsers send it',
    'write scheme, host and port only, such as https://where2eat.example',
  ),
);

const subjectAudience = z.union([text, z.strictObject({ issuer: id, audience: text })], {
  error: 'must be an audience, or { issuer, audience }',
});

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const publicJwk = z
  .looseObject({ kty: z.enum(['EC', 'RSA', 'OKP'], { error: 'must be EC, RSA or OKP' }) })
  .refine(
    (jwk) => !PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member)),
    says(
      'public_key',
      'holds a private key',
      'replace this key pair, it has been written down, and list the public half only',
    ),
  );

const SECRET_HASH = /^sha256:[0-9a-f]{64}$/;

const secretHash = z
  .string()
  .refine(
    (value) => SECRET_HASH.test(value),
    says(
      'secret_hash',
      'must be sha256: and 64 lower-case hex digits',
      'hash the 32 random bytes of the secret as the app sends it; never write the secret here',
    ),
  )
  .meta({ pattern: SECRET_HASH.source });

/** From this moment (a date: 00:00 UTC). */
const moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })], {
  error: 'must be a date such as 2027-06-30',
});

/** SHA-256 of 32 random bytes, and until when they are good. */
export const secret = z.union([secretHash, z.strictObject({ hash: secretHash, expires: moment })]);

const isDistinguishedName = (value: string): boolean => parseDistinguishedName(value) !== undefined;

const NO_DN = says(
  'distinguished_name',
  'must be a distinguished name in the form of RFC 4514',
  'copy what `openssl x509 -noout -subject -nameopt RFC2253` prints after "subject="',
);

/** No pattern: a certificate is for one client. */
const isHostName = (value: string): boolean => /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(value);

const NO_HOST = says(
  'host_name',
  'must be a host name, without wildcards',
  'name the one host that the certificate is for',
);

const NO_IP = says('ip_address', 'must be an IP address', 'write one address, without a port');

/** Exactly one names the certificate's subject (RFC 8705 §2.1.2). */
const tlsClientAuth = z
  .strictObject({
    subject_dn: text.refine(isDistinguishedName, NO_DN).exactOptional(),
    san_dns: text.refine(isHostName, NO_HOST).exactOptional(),
    san_uri: text.exactOptional(),
    san_ip: text.refine((value) => isIP(value) !== 0, NO_IP).exactOptional(),
    san_email: text.exactOptional(),
  })
  .refine(
    (names) => Object.keys(names).length === 1,
    says(
      'one_name',
      'must name the certificate in exactly one way (RFC 8705 §2.1.2)',
      'keep one of subject_dn, san_dns, san_uri, san_ip, san_email',
    ),
  );

const DAY = 24 * 60 * 60;

/** 30 days: a person who comes back each month stays signed in, and a forgotten device does not for ever. */
const refresh = z.union([
  z.literal(false),
  z.strictObject({
    max_age: duration
      .refine(
        (seconds) => seconds <= 365 * DAY,
        says('at_most', 'must be at most a year', 'lower it: people sign in again after that'),
      )
      .prefault('720h')
      .meta({ description: 'From the sign-in to the end of the last refresh token.' }),
  }),
]);

interface Holder {
  readonly type: (typeof APP_TYPES)[number];
  readonly profile?: string;
  readonly tls_client_auth?: object;
  readonly certificate_bound?: boolean;
}

/** Where nothing is said of `dpop`. A certificate binds the tokens of whoever has one. */
const provesAKey = ({ type, profile, tls_client_auth, certificate_bound }: Holder): boolean =>
  isPublicType(type) || (profile === FAPI2 && !tls_client_auth && certificate_bound !== true);

export const app = z
  .strictObject({
    id: id.meta({ description: 'The OAuth `client_id`.' }),
    tenant: id,
    owner: text.meta({ description: 'The person or team that answers for it.' }),
    purpose: text.meta({ description: 'What it is for, in a sentence.' }),
    expires: moment.meta({ description: 'From this moment (a date: 00:00 UTC) it gets nothing.' }),
    type: z.enum(APP_TYPES).meta({
      description: 'browser and native are public clients; web and service are confidential.',
    }),
    profile: z.literal(FAPI2).exactOptional().meta({
      description:
        '`fapi2`: the app keeps to the FAPI 2.0 Security Profile and is refused whatever falls short of it: client authentication by key or certificate, pushed requests, tokens bound to a key or certificate, PS256, ES256 and EdDSA alone. docs/conformance.md.',
    }),
    dpop: z.enum(['required', 'optional']).exactOptional().meta({
      description:
        'Default: required for public apps and for those of a profile without a certificate, else optional. Unbound tokens live at most 300 s.',
    }),
    redirect_uris: distinct(redirectUri).default([]).meta({
      description: 'Compared as exact strings; the port of a native loopback URI may vary.',
    }),
    post_logout_redirect_uris: distinct(redirectUri).default([]).meta({
      description: 'Where /session/end may send the browser back to; compared as exact strings.',
    }),
    backchannel_logout_uri: logoutUri.exactOptional().meta({
      description:
        'Where it is told that somebody who signed in to it has signed out (OpenID Connect Back-Channel Logout 1.0).',
    }),
    trusted: z.boolean().default(false).meta({
      description:
        '`true`: people who sign in are not asked for consent, since the company has agreed. Native apps on loopback or a scheme of their own ask all the same: anybody can listen there.',
    }),
    refresh: refresh.prefault({}).meta({
      description:
        'Refresh tokens of native and confidential apps; `false`: none. Browser apps never get one.',
    }),
    origins: distinct(origin).default([]).meta({ description: 'Who may call it from a page.' }),
    subject_audiences: distinct(subjectAudience).default([]).meta({
      description:
        'Whose ID tokens it may exchange; `{ issuer, audience }` where its tenant has several issuers.',
    }),
    jwks: z
      .strictObject({ keys: z.array(publicJwk) })
      .exactOptional()
      .meta({
        description: 'Its public keys, for private_key_jwt.',
      }),
    secret_hash: distinct(secret)
      .min(1, { error: 'must list at least one hash' })
      .exactOptional()
      .meta({
        description:
          'SHA-256 of its secret, or `{ hash, expires }`; two while one replaces the other.',
      }),
    tls_client_auth: tlsClientAuth.exactOptional().meta({
      description:
        'The name in its client certificate (RFC 8705). Tokens are bound to the certificate where no key is proven.',
    }),
    certificate_bound: z.boolean().exactOptional().meta({
      description:
        '`true`: however it authenticates, its tokens are bound to its client certificate where no key is proven.',
    }),
    grants: z.array(grant).prefault([]).meta({ description: 'What it may ask for, at most.' }),
    limits: appLimits.exactOptional().meta({
      description: 'Per user of the app, over a sliding window. Absent: none.',
    }),
    registered: z.iso.datetime({ offset: true }).exactOptional().meta({
      description: 'When it registered itself (RFC 7591); absent where somebody else did.',
    }),
    enabled: z.boolean().default(true).meta({ description: '`false` gives it nothing.' }),
  })
  .transform((given) => ({
    ...given,
    dpop: given.dpop ?? (provesAKey(given) ? ('required' as const) : ('optional' as const)),
  }));
