import type { DeploymentDocument } from '../src/config/deployment/schema.ts';
import { ALGORITHMS, type CorporateIdp } from './corporate-idp.ts';

export const APP = 'bench';
export const BUCKET = 'bucket:bench';
export const ORIGIN = 'http://localhost:5173';
/** Chose JWT access tokens; tokens for Daypass's own API, such as those for a bucket, are opaque. */
export const ORDERS = 'https://orders.acme.example';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** A company with two identity providers, one app, one bucket and one API. */
export const benchDeployment = (idp: CorporateIdp): DeploymentDocument => ({
  tenants: [{ id: 'acme', residency: 'eu' }],
  issuers: ALGORITHMS.map((algorithm) => ({
    id: algorithm.toLowerCase(),
    issuer: idp.issuer(algorithm),
    tenant: 'acme',
    audiences: [APP],
    algorithms: [algorithm],
    max_id_token_age: '1h',
    claims: { roles: 'groups', department: 'dept', residency: 'region' },
  })),
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
        {
          resource: BUCKET,
          actions: ['read', 'write', 'list'],
          prefix: '/bench/{user_id}/',
          max_size: '10MB',
          content_types: ['image/*', 'application/pdf'],
          max_ttl: '5m',
        },
        { resource: ORDERS, actions: ['orders:read'] },
      ],
    },
  ],
  buckets: [{ id: 'bench', tenant: 'acme', provider: 'local', residency: 'eu' }],
  resource_servers: [
    { id: ORDERS, tenant: 'acme', scopes: ['orders:read', 'orders:write'], token_format: 'jwt' },
  ],
});
