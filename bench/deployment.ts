import { createHash } from 'node:crypto';
import type { DeploymentDocument } from '../src/config/deployment/schema.ts';
import { ALGORITHMS, type CorporateIdp, emailOf } from './corporate-idp.ts';

export const APP = 'bench';
export const BUCKET = 'bucket:bench';
/** On an S3 server, where there is one. */
export const S3_BUCKET = 'bucket:bench-s3';
/** Of which every upload takes from the same two counters. */
export const LIMITED_BUCKET = 'bucket:bench-limited';
export const ORIGIN = 'http://localhost:5173';
/** Chose JWT access tokens; tokens for Daypass's own API, such as those for a bucket, are opaque. */
export const ORDERS = 'https://orders.acme.example';
/** Chose opaque ones, which it introspects. */
export const INVOICES = 'https://invoices.acme.example';
/** The client behind both APIs, which asks about their tokens. */
export const VERIFIER = {
  id: 'orders-api',
  secret: 'bench-secret-good-for-nothing-else-9876543210',
};
/** What admins sign in to. */
export const CONSOLE = 'daypass';
/** The number of the person of the ES256 issuer who may revoke. */
export const SECURITY_DESK = 99_999_999;

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** An S3 server, as `s3rver` is: whoever knows these may use it. */
export interface S3Place {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export const S3_VARIABLES = { id: 'BENCH_S3_KEY_ID', secret: 'BENCH_S3_SECRET' };

const onS3 = ({ endpoint, bucket }: S3Place) => ({
  id: idOf(S3_BUCKET),
  tenant: 'acme',
  provider: 's3' as const,
  residency: 'eu',
  bucket,
  region: 'us-east-1',
  endpoint,
  credentials: {
    access_key_id_env: S3_VARIABLES.id,
    secret_access_key_env: S3_VARIABLES.secret,
  },
});

const idOf = (resource: string): string => resource.slice('bucket:'.length);

/** A company with two identity providers, one app, two APIs, and buckets. */
export const benchDeployment = (idp: CorporateIdp, s3?: S3Place): DeploymentDocument => ({
  tenants: [{ id: 'acme', residency: 'eu' }],
  issuers: ALGORITHMS.map((algorithm) => ({
    id: algorithm.toLowerCase(),
    issuer: idp.issuer(algorithm),
    tenant: 'acme',
    audiences: [APP, CONSOLE],
    algorithms: [algorithm],
    max_id_token_age: '1h',
    claims: { roles: 'groups', department: 'dept', residency: 'region' },
    sign_in: { client_id: CONSOLE },
  })),
  admins: [
    {
      issuer: 'es256',
      claim: 'email',
      value: emailOf(SECURITY_DESK),
      role: 'security',
      scope: 'deployment',
    },
  ],
  apps: [
    {
      id: APP,
      tenant: 'acme',
      owner: 'dana@acme.example',
      purpose: 'the benchmark',
      expires: new Date(Date.now() + YEAR_MS).toISOString().slice(0, 10),
      type: 'browser',
      dpop: 'optional',
      origins: [ORIGIN],
      subject_audiences: ALGORITHMS.map((algorithm) => ({
        issuer: algorithm.toLowerCase(),
        audience: APP,
      })),
      grants: [
        ...[BUCKET, LIMITED_BUCKET, ...(s3 ? [S3_BUCKET] : [])].map((resource) => ({
          resource,
          actions: ['read', 'write', 'list'],
          prefix: '/bench/{user_id}/',
          max_size: '10MB',
          content_types: ['image/*', 'application/pdf'],
          max_ttl: '5m',
        })),
        { resource: ORDERS, actions: ['orders:read'] },
        { resource: INVOICES, actions: ['invoices:read'] },
      ],
    },
    {
      id: VERIFIER.id,
      tenant: 'acme',
      owner: 'dana@acme.example',
      purpose: 'asks about tokens',
      expires: new Date(Date.now() + YEAR_MS).toISOString().slice(0, 10),
      type: 'service',
      secret_hash: [`sha256:${createHash('sha256').update(VERIFIER.secret).digest('hex')}`],
      grants: [],
    },
  ],
  buckets: [
    { id: idOf(BUCKET), tenant: 'acme', provider: 'local', residency: 'eu' },
    {
      id: idOf(LIMITED_BUCKET),
      tenant: 'acme',
      provider: 'local',
      residency: 'eu',
      limits: { uploads_per_hour: 100_000_000, bytes_per_day: '1000TB' },
    },
    ...(s3 ? [onS3(s3)] : []),
  ],
  resource_servers: [
    {
      id: ORDERS,
      tenant: 'acme',
      scopes: ['orders:read', 'orders:write'],
      token_format: 'jwt',
      introspection_clients: [VERIFIER.id],
    },
    {
      id: INVOICES,
      tenant: 'acme',
      scopes: ['invoices:read'],
      token_format: 'opaque',
      introspection_clients: [VERIFIER.id],
    },
  ],
});
