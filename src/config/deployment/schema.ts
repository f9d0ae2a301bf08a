import { z } from 'zod';
import { app, type grant } from './schema-apps.ts';
import { bucket } from './schema-buckets.ts';
import { keys } from './schema-keys.ts';
import { requestPace } from './schema-limits.ts';
import { adminRule, issuer, tenant } from './schema-people.ts';
import { resourceServer } from './schema-resource-servers.ts';
import { duration } from './values.ts';

const limits = z.strictObject({
  ttl: z
    .strictObject({
      /** 5 min: long enough for one task in an app, short enough that revocation rarely matters. */
      default: duration.prefault('5m').meta({ description: 'Where none is asked for.' }),
      floor: duration.prefault('1m').meta({ description: 'A shorter one is refused.' }),
      ceiling: duration.prefault('1h').meta({ description: 'A longer one is refused.' }),
    })
    .prefault({})
    .meta({ description: 'How long tokens live.' }),
  requests: requestPace.meta({
    description:
      'How fast one client address (of IPv6 a /64) may ask `/exchange`, `/token`, `/request-upload`, `/request-download` and `/request-credentials`, before anything is proven; beyond it the answer is 429. Behind a proxy set `TRUSTED_PROXIES`, or all share its address.',
  }),
  max_actors: z.int().min(0).max(10).default(3).meta({
    description: 'How many may act for one another in a delegation (`act`).',
  }),
});

/** The members of the file, each parsed by itself so that one slip does not hide the next. */
export const sections = {
  limits: limits.prefault({}).meta({
    description: 'Limits of the deployment.',
  }),
  keys: keys.prefault({}).meta({ description: 'Keys that tokens are signed with.' }),
  tenants: z.array(tenant).prefault([]).meta({ description: 'Who shares the broker.' }),
  issuers: z.array(issuer).prefault([]).meta({ description: 'Corporate SSO.' }),
  admins: z.array(adminRule).prefault([]).meta({
    description: "A claim of an admin's ID token gives a role, within the issuer's tenant.",
  }),
  apps: z.array(app).prefault([]).meta({ description: 'Micro apps: OAuth clients.' }),
  buckets: z.array(bucket).prefault([]).meta({ description: 'Where objects are kept.' }),
  resource_servers: z.array(resourceServer).prefault([]).meta({
    description: 'APIs that accept our tokens.',
  }),
};

/** All of daypass.yaml: the source of its JSON Schema and of docs/configuration.md. */
export const deploymentSchema = z.strictObject(sections).meta({
  title: 'daypass.yaml',
  description: 'Tenants, sign-in, apps and places of one Daypass deployment.',
});

/** Readonly all the way down, as `Object.freeze` makes it. */
type Frozen<T> = T extends readonly (infer Entry)[]
  ? readonly Frozen<Entry>[]
  : T extends object
    ? { readonly [Member in keyof T]: Frozen<T[Member]> }
    : T;

/** As read: the file's member names, defaults filled in, seconds and bytes. Frozen. */
export type Deployment = Frozen<z.output<typeof deploymentSchema>>;
export type Limits = Deployment['limits'];
export type Keys = Deployment['keys'];
export type Tenant = Frozen<z.output<typeof tenant>>;
export type Issuer = Frozen<z.output<typeof issuer>>;
export type AdminRule = Frozen<z.output<typeof adminRule>>;
export type App = Frozen<z.output<typeof app>>;
export type Grant = Frozen<z.output<typeof grant>>;
export type Bucket = Frozen<z.output<typeof bucket>>;
export type ResourceServer = Frozen<z.output<typeof resourceServer>>;

/** As given: what the database keeps and the admin API returns. */
export type DeploymentDocument = z.input<typeof deploymentSchema>;
