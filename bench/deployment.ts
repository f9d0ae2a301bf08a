import { createHash } from 'node:crypto';
import type { DeploymentDocument } from '../src/config/deployment/schema.ts';
import { ALGORITHMS, type CorporateIdp, emailOf } from './corporate-idp.ts';

export const APP = 'bench';
export const BUCKET = 'bucket:bench';
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

/** A company with two identity providers, one app, one bucket and two APIs. */
export const benchDeployment = (idp: CorporateIdp): DeploymentDocument => ({
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
        {
          resource: BUCKET,
          actions: ['read', 'write', 'list'],
          prefix: '/bench/{user_id}/',
          max_size: '10MB',
          content_types: ['image/*', 'application/pdf'],
          max_ttl: '5m',
        },
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
  buckets: [{ id: 'bench', tenant: 'acme', provider: 'local', residency: 'eu' }],
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
