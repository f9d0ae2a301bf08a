import { createHash, generateKeyPairSync } from 'node:crypto';
import type { DeploymentDocument } from '../../src/config/deployment/schema.ts';

/** Two tenants, and one app of each kind that an attack may come through or aim at. */

export const SECRET = 'the-secret-of-nightly-report-32-bytes';
export const PORTAL_SECRET = 'the-secret-of-the-portal-of-32-bytes-';
export const ORDERS = 'https://orders.acme.example';
export const FILES = 'https://files.acme.example';
export const ORIGIN = { where2eat: 'http://localhost:5173', lowcode: 'http://localhost:5174' };

/** The key pair of the app `signer`, which authenticates by assertions (RFC 7523). */
export const signerKey = {
  kid: 'signer-1',
  alg: 'ES256' as const,
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};

const hashed = (secret: string): string =>
  `sha256:${createHash('sha256').update(secret).digest('hex')}`;

const app = {
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'attacks',
  expires: '2099-01-01',
};
const folder = { prefix: '/{app_id}/{user_id}/' };
const limits = { max_size: '1MB', content_types: ['image/*', 'text/plain'], max_ttl: '15m' };
const all = ['read', 'write', 'list', 'delete'];

const bucketGrants = (ids: readonly string[], more: object = {}) =>
  ids.map((id) => ({ resource: `bucket:${id}`, actions: all, ...folder, ...limits, ...more }));

export type AppDocument = NonNullable<DeploymentDocument['apps']>[number];

export const deploymentOf = (issuer: (name: string) => string) =>
  ({
    tenants: [
      { id: 'acme', residency: 'eu' },
      { id: 'globex', residency: 'us' },
    ],
    issuers: [
      {
        id: 'corp',
        issuer: issuer('acme'),
        tenant: 'acme',
        audiences: ['where2eat', 'lowcode', 'portal', 'nightly-report', 'signer', 'unheard-of'],
        claims: { department: 'dept', residency: 'region' },
        sign_in: { client_id: 'daypass' },
      },
      {
        id: 'globex-sso',
        issuer: issuer('globex'),
        tenant: 'globex',
        audiences: ['globex-app'],
        claims: { residency: 'region' },
        sign_in: { client_id: 'daypass' },
      },
    ],
    admins: [
      { issuer: 'corp', claim: 'groups', value: 'security', role: 'security', scope: 'deployment' },
      { issuer: 'corp', claim: 'groups', value: 'platform', role: 'platform', scope: 'deployment' },
      { issuer: 'corp', claim: 'groups', value: 'auditors', role: 'auditor' },
      { issuer: 'corp', claim: 'groups', value: 'tenant-security', role: 'security' },
      { issuer: 'corp', claim: 'groups', value: 'tenant-platform', role: 'platform' },
      { issuer: 'globex-sso', claim: 'groups', value: 'security', role: 'security' },
    ],
    apps: [
      {
        ...app,
        id: 'where2eat',
        type: 'browser',
        redirect_uris: [`${ORIGIN.where2eat}/callback`],
        origins: [ORIGIN.where2eat],
        subject_audiences: ['where2eat'],
        grants: [
          ...bucketGrants(['project-123', 'vault', 'abroad', 'secret', 'archive']),
          { resource: ORDERS, actions: ['orders:read', 'data:export'] },
          { resource: FILES, actions: ['files:read'] },
        ],
      },
      {
        ...app,
        id: 'lowcode',
        type: 'browser',
        dpop: 'optional',
        redirect_uris: [`${ORIGIN.lowcode}/callback`],
        origins: [ORIGIN.lowcode],
        subject_audiences: ['lowcode'],
        grants: bucketGrants(['project-123', 'secret']),
      },
      {
        ...app,
        id: 'portal',
        type: 'web',
        redirect_uris: ['https://portal.acme.example/callback'],
        subject_audiences: ['portal'],
        secret_hash: [hashed(PORTAL_SECRET)],
        grants: [
          ...bucketGrants(['project-123', 'vault', 'abroad', 'secret', 'archive']),
          { resource: ORDERS, actions: ['orders:read', 'data:export'] },
        ],
      },
      {
        ...app,
        id: 'nightly-report',
        type: 'service',
        subject_audiences: ['nightly-report'],
        secret_hash: [hashed(SECRET)],
        grants: [
          { resource: ORDERS, actions: ['orders:read', 'data:export'] },
          { resource: FILES, actions: ['files:read', 'files:write'] },
        ],
      },
      {
        ...app,
        id: 'signer',
        type: 'service',
        subject_audiences: ['signer'],
        jwks: {
          keys: [
            { ...signerKey.publicKey.export({ format: 'jwk' }), kid: signerKey.kid, alg: 'ES256' },
          ],
        },
        grants: [{ resource: FILES, actions: ['files:read'] }],
      },
      {
        ...app,
        id: 'orders-api', // the API itself, as a client that asks about its tokens
        type: 'service',
        secret_hash: [hashed(SECRET)],
        grants: [],
      },
      {
        ...app,
        id: 'globex-service',
        tenant: 'globex',
        type: 'service',
        secret_hash: [hashed(SECRET)],
        grants: [{ resource: 'https://api.globex.example', actions: ['things:read'] }],
      },
      {
        ...app,
        id: 'globex-app',
        tenant: 'globex',
        type: 'browser',
        redirect_uris: ['http://localhost:5175/callback'],
        origins: ['http://localhost:5175'],
        subject_audiences: ['globex-app'],
        grants: bucketGrants(['globex-files']),
      },
    ] as AppDocument[],
    buckets: [
      { id: 'project-123', tenant: 'acme', provider: 'local', residency: 'eu' },
      {
        id: 'vault',
        tenant: 'acme',
        provider: 'local',
        residency: 'eu',
        classification: 'confidential',
      },
      {
        id: 'abroad',
        tenant: 'acme',
        provider: 'local',
        residency: 'us',
        classification: 'confidential',
      },
      {
        id: 'secret',
        tenant: 'acme',
        provider: 'local',
        residency: 'eu',
        classification: 'restricted',
      },
      {
        id: 'archive',
        tenant: 'acme',
        provider: 'local',
        residency: 'eu',
        retention: { locked: true },
      },
      { id: 'globex-files', tenant: 'globex', provider: 'local', residency: 'us' },
    ],
    resource_servers: [
      {
        id: ORDERS,
        tenant: 'acme',
        scopes: ['orders:read', 'orders:write', 'data:export'],
        introspection_clients: ['orders-api'],
      },
      {
        id: FILES,
        tenant: 'acme',
        scopes: ['files:read', 'files:write'],
        token_format: 'opaque',
        introspection_clients: ['orders-api', 'signer'],
      },
      { id: 'https://api.globex.example', tenant: 'globex', scopes: ['things:read'] },
    ],
  }) satisfies DeploymentDocument;
