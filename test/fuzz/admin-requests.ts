import type { Draft } from './requests.ts';

/** What administrators do with configured things and with uploads; nothing that is there is changed for good. */

const OBJECT = `/admin/v1/uploads/ob_${'0'.repeat(26)}`;
/** Of no entry that there is: whatever is sent, the configuration of the others stays. */
const UNSEEN = { 'if-match': '"1-AAAAAAAAAAAAAAAA"' };

const ask = (method: string, path: string, json?: object, more: Partial<Draft> = {}): Draft => ({
  origin: 'api',
  method,
  path,
  as: 'admin',
  ...(json && { json }),
  ...more,
});

const app = {
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'friends share menus and photos',
  expires: '2027-06-30',
  type: 'service',
  grants: [{ resource: 'bucket:project-123', actions: ['read'], prefix: '/fuzz/', max_ttl: '15m' }],
};

const ENTRIES: Readonly<Record<string, object>> = {
  apps: app,
  buckets: { tenant: 'acme', provider: 'local', residency: 'eu' },
  resource_servers: { tenant: 'acme', scopes: ['orders:read'] },
  issuers: { issuer: 'https://sso.acme.example', tenant: 'acme', audiences: ['daypass'] },
  tenants: { residency: 'eu' },
};

const entries = Object.entries(ENTRIES).flatMap(([kind, entry]) => [
  ask('GET', `/admin/v1/${kind}`),
  ask('POST', `/admin/v1/${kind}`, { id: 'of nobody', ...entry }),
  ask('GET', `/admin/v1/${kind}/nobodys`),
  ask('PUT', `/admin/v1/${kind}/nobodys`, entry, { headers: UNSEEN }),
  ask('DELETE', `/admin/v1/${kind}/nobodys`),
]);

export const ADMIN_REQUESTS: readonly Draft[] = [
  ...entries,
  ask('GET', '/admin/v1/admins'),
  ask(
    'PUT',
    '/admin/v1/admins',
    { admins: [{ issuer: 'corp', claim: 'groups', value: 'security-team', role: 'security' }] },
    { headers: UNSEEN },
  ),
  ask('GET', '/admin/v1/limits'),
  ask(
    'PUT',
    '/admin/v1/limits',
    { ttl: { default: '5m', floor: '1m', ceiling: '1h' }, max_actors: 3 },
    { headers: UNSEEN },
  ),
  ask('POST', '/admin/v1/apps/nobodys/secrets', { expires: '2027-06-30' }),
  ask('DELETE', `/admin/v1/apps/nobodys/secrets/sha256:${'0'.repeat(64)}`),
  ask('GET', '/admin/v1/uploads', undefined, { query: { status: 'quarantined', limit: '20' } }),
  ask('GET', OBJECT),
  ask('DELETE', OBJECT, undefined, { query: { reason: 'a test' } }),
  ask('POST', `${OBJECT}/quarantine`, { reason: 'a test' }),
  ask('POST', `${OBJECT}/release`, { reason: 'a test' }),
];
