import { z } from 'zod';
import { APP_TYPES } from '../app-type.ts';
import { webUrl } from '../url.ts';
import { grant, secret } from './schema-apps.ts';
import { tenantLimits } from './schema-limits.ts';
import { count, distinct, duration, id, says, text, variableName } from './values.ts';

const DAY = 24 * 60 * 60;

/** RFC 7591, with an initial access token: what an app may be that nobody of the platform team has seen. */
const registration = z.strictObject({
  initial_access_tokens: distinct(secret)
    .min(1, { error: 'must list at least one hash' })
    .meta({ description: 'SHA-256 of 32 random bytes each, or `{ hash, expires }`.' }),
  types: distinct(z.enum(APP_TYPES))
    .min(1, { error: 'must list at least one type' })
    .default(['browser', 'native'])
    .meta({ description: 'Which types of app may register themselves.' }),
  grants: z.array(grant).prefault([]).meta({ description: 'What each of them gets: no more.' }),
  max_age: duration
    .refine(
      (seconds) => seconds <= 365 * DAY,
      says(
        'at_most',
        'must be at most a year',
        'lower it: an app registers itself again after that',
      ),
    )
    .prefault('2160h')
    .meta({ description: 'How long each lives.' }),
  max_apps: count.default(100).meta({ description: 'How many there may be at once.' }),
});

export const tenant = z.strictObject({
  id,
  residency: text
    .exactOptional()
    .meta({ description: 'The region its data must stay in, as policies name it.' }),
  registration: registration.exactOptional().meta({
    description: 'Lets apps register themselves at /register (RFC 7591). Absent: they cannot.',
  }),
  limits: tenantLimits.exactOptional().meta({
    description: 'For the tenant as a whole, over sliding windows. Absent: none.',
  }),
});

/** Signatures by a key pair only: a shared secret could be turned against its owner (RFC 8725 §2.1). */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const;

const signIn = z.strictObject({
  client_id: text.meta({ description: "Daypass's own client at this IdP." }),
  client_secret_env: variableName.exactOptional().meta({
    description: 'The variable that holds its secret; absent for a public client.',
  }),
  session: duration
    .refine(
      (seconds) => seconds <= 7 * DAY,
      says('at_most', 'must be at most 168h', 'lower it: people sign in again after that'),
    )
    .prefault('8h')
    .meta({
      description:
        'How long a sign-in through it lasts: apps get nothing after that but by refresh tokens.',
    }),
});

/** A plain word, as policies write it; a colon is the broker's own mark on attributes. */
const attributeName = z
  .string()
  .refine(
    (value) => /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(value),
    says(
      'attribute',
      'must be a name of letters, digits and _',
      'name it as policies ask for it, such as department',
    ),
  );

export const issuer = z.strictObject({
  id,
  issuer: z
    .string()
    .refine(
      (value) => {
        const url = webUrl(value);
        return url !== undefined && url.search === '' && url.hash === '' && !/[?#]$/.test(value);
      },
      says(
        'issuer_url',
        'must be an https URL without query, fragment or user (OpenID Connect Discovery §3)',
        'copy `issuer` from its /.well-known/openid-configuration',
      ),
    )
    .meta({ format: 'uri', description: 'The `iss` value of its ID tokens, letter by letter.' }),
  tenant: id.meta({ description: 'The tenant its users belong to.' }),
  audiences: distinct(text).meta({
    description: 'Every `aud` value of a subject token must be listed here.',
  }),
  algorithms: distinct(z.enum(ALGORITHMS))
    .min(1, { error: 'must list at least one algorithm' })
    .default(['RS256', 'ES256'])
    .meta({ description: 'Signature algorithms accepted from it.' }),
  max_id_token_age: duration
    .refine(
      (seconds) => seconds <= DAY,
      says('at_most', 'must be at most 24h', 'lower it: no ID token is accepted for longer'),
    )
    .prefault('1h')
    .meta({ description: 'How old, by `iat`, an ID token may be when it is exchanged.' }),
  claims: z.record(attributeName, text).default({}).meta({
    description: 'User attributes, each from a claim. An absent claim is an absent attribute.',
  }),
  sign_in: signIn.exactOptional().meta({
    description: 'Lets people sign in at /authorize, and admins with the CLI, through this IdP.',
  }),
  enabled: z.boolean().default(true).meta({ description: '`false` accepts nothing from it.' }),
});

export const ROLES = ['security', 'platform', 'auditor'] as const;

export const adminRule = z.strictObject({
  issuer: id.meta({ description: 'Whose ID tokens it reads.' }),
  claim: text.meta({ description: 'The claim: a text, or a list of texts.' }),
  value: text.meta({ description: 'The value that gives the role.' }),
  role: z.enum(ROLES),
  scope: z
    .literal('deployment')
    .exactOptional()
    .meta({ description: "`deployment` reaches beyond the issuer's tenant." }),
});
