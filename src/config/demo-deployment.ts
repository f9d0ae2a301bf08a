import type { DeploymentDocument } from './deployment/schema.ts';

export interface DemoOptions {
  /** The demo ends a year after it, so that a forgotten demo is one that issues nothing. */
  readonly now: Date;
  /** `sha256:<hex>` of the secret of nightly-report, which the demo prints. */
  readonly nightlySecretHash: string;
}

type AppDocument = NonNullable<DeploymentDocument['apps']>[number];

const ORDERS = 'https://orders.acme.example';

const aYearAfter = (now: Date): string => {
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + 1);
  return end.toISOString().slice(0, 10);
};

/** Photos and menus among friends, as the case study of the product has it. */
const where2eat = (expires: string): AppDocument => ({
  id: 'where2eat',
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'friends share menus and photos',
  expires,
  type: 'browser',
  redirect_uris: ['http://localhost:5173/callback'],
  post_logout_redirect_uris: ['http://localhost:5173/'],
  origins: ['http://localhost:5173'],
  subject_audiences: ['where2eat'],
  grants: [
    {
      resource: 'bucket:project-123',
      actions: ['read', 'write', 'list', 'delete'],
      prefix: '/where2eat/{app_id}/uploads/{user_id}/',
      max_size: '10MB',
      content_types: ['image/*', 'application/pdf', 'text/csv'],
      max_ttl: '15m',
    },
  ],
  limits: { uploads_per_hour: 100, bytes_per_day: '1GB' },
});

/** A low-code tool that cannot make proofs: its tokens are unbound, so short and visible to policy. */
const lowcode = (expires: string): AppDocument => ({
  id: 'lowcode',
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'forms and flows of a low-code platform',
  expires,
  type: 'browser',
  dpop: 'optional',
  redirect_uris: ['http://localhost:5174/callback'],
  origins: ['http://localhost:5174'],
  subject_audiences: ['lowcode'],
  grants: [
    {
      resource: 'bucket:project-123',
      actions: ['read', 'write', 'list', 'delete'],
      prefix: '/lowcode/{user_id}/',
      max_size: '10MB',
      content_types: ['text/*', 'image/*', 'application/pdf', 'application/json'],
      max_ttl: '5m',
    },
  ],
});

const nightlyReport = (expires: string, secretHash: string): AppDocument => ({
  id: 'nightly-report',
  tenant: 'acme',
  owner: 'ops@acme.example',
  purpose: 'nightly order report',
  expires,
  type: 'service',
  subject_audiences: ['nightly-report'],
  secret_hash: [secretHash],
  grants: [{ resource: ORDERS, actions: ['orders:read'] }],
});

/**
 * What the broker runs on when nothing is configured, outside production only: tenant acme with its
 * demo IdP, three apps, one local bucket.
 *
 * @param idpUrl the `iss` of the demo IdP, on loopback
 */
export const demoDeployment = (
  idpUrl: string,
  { now, nightlySecretHash }: DemoOptions,
): DeploymentDocument => {
  const expires = aYearAfter(now);
  return {
    tenants: [{ id: 'acme', residency: 'eu' }],
    issuers: [
      {
        id: 'corp',
        issuer: idpUrl,
        tenant: 'acme',
        audiences: ['daypass', 'where2eat', 'lowcode', 'nightly-report'],
        claims: { roles: 'groups', department: 'dept', residency: 'region' },
        sign_in: { client_id: 'daypass' },
      },
    ],
    admins: [
      {
        issuer: 'corp',
        claim: 'groups',
        value: 'security-team',
        role: 'security',
        scope: 'deployment',
      },
      {
        issuer: 'corp',
        claim: 'groups',
        value: 'platform-team',
        role: 'platform',
        scope: 'deployment',
      },
      { issuer: 'corp', claim: 'groups', value: 'auditors', role: 'auditor' },
    ],
    apps: [where2eat(expires), lowcode(expires), nightlyReport(expires, nightlySecretHash)],
    buckets: [{ id: 'project-123', tenant: 'acme', provider: 'local', residency: 'eu' }],
    resource_servers: [
      {
        id: ORDERS,
        tenant: 'acme',
        scopes: ['orders:read', 'orders:write', 'data:export'],
      },
    ],
  };
};
