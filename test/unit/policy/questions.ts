import { join } from 'node:path';
import type { PolicyBundle } from '../../../src/policy/cedar/policy.ts';
import type { Question } from '../../../src/policy/engine.ts';

export const POLICIES = join(import.meta.dirname, '../../../policies');

const limits = {
  prefix: '/where2eat/u_ana/',
  max_size: 1000,
  content_types: ['application/pdf', 'image/*'],
};

/** Every optional member is present; permitted by the policies. */
export const upload: Question = {
  action: 'upload',
  user: { id: 'u_ana', tenant: 'acme', issuer: 'corp', attributes: { roles: ['builder'] } },
  app: { id: 'where2eat', tenant: 'acme', type: 'browser', owner: 'dana@acme.example' },
  resource: {
    id: 'bucket:project-123',
    kind: 'bucket',
    tenant: 'acme',
    residency: 'eu',
    classification: 'confidential',
    retentionLocked: true,
    tenantResidency: 'eu',
  },
  actions: ['write'],
  constraints: limits,
  grant: { actions: ['read', 'write'], ...limits, max_ttl: 900 },
  ttl: 300,
  ttlCeiling: 900,
  bound: true,
  lawfulBasis: 'contract',
  object: { key: '/where2eat/u_ana/a.png', size: 10, contentType: 'image/png', overwrites: false },
  actors: 0,
  approval: 'ap_1',
};

/** A bundle as no file could hold it: what `loadBundle` would refuse. */
export const handmade = (...texts: readonly string[]): PolicyBundle => ({
  digest: 'sha256:handmade',
  schema: '',
  policies: texts.map((text, index) => ({
    id: `p${index}`,
    effect: text.startsWith('forbid') ? 'forbid' : 'permit',
    file: 'handmade.cedar',
    line: index + 1,
    text,
    action: { op: 'All' },
    annotations: { reason: `reason ${index}`, remediation: `remedy ${index}`, field: `f${index}` },
    actions: ['exchange', 'upload', 'download', 'list', 'delete', 'admin'],
  })),
});
