import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createAdminDoor } from '../../../src/broker/admin.ts';
import type { InForce } from '../../../src/broker/configuration.ts';
import { demoDeployment } from '../../../src/config/demo-deployment.ts';
import { deploymentFromObject } from '../../../src/config/deployment.ts';
import { indexDeployment } from '../../../src/config/deployment-index.ts';
import type { TokenRecord } from '../../../src/ledger/records.ts';
import { loadBundle } from '../../../src/policy/cedar/bundle.ts';
import { createCedarEngine } from '../../../src/policy/cedar/cedar-engine.ts';
import type { PolicyEngine } from '../../../src/policy/engine.ts';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';

const ISSUER = 'http://localhost:8080';
const POLICIES = join(import.meta.dirname, '../../../policies');
const CONTEXT = { requestId: 'r', ip: undefined, traceId: undefined, origin: undefined };

const deployment = deploymentFromObject(
  demoDeployment('http://localhost:8081', {
    now: new Date(),
    nightlySecretHash: `sha256:${'0'.repeat(64)}`,
  }),
  { production: false, now: new Date(), source: 'the demo' },
);
const inForce: InForce = { version: 1, deployment, index: indexDeployment(deployment) };

const token: TokenRecord = {
  tokenId: 'tk_1',
  tokenHash: undefined,
  format: 'opaque',
  tenantId: 'acme',
  appId: 'daypass-cli',
  issuerId: 'corp',
  issuer: 'http://localhost:8081',
  subject: 'sam',
  userId: 'u_sam',
  deviceId: 'd_1',
  actors: [],
  attributes: { 'claim:groups': ['security-team'] },
  resource: `${ISSUER}/admin`,
  scopes: ['admin'],
  authorizationDetails: [],
  binding: { method: 'dpop', jkt: 'k' },
  parentId: undefined,
  rootId: 'tk_1',
  root: undefined,
  grantId: undefined,
  statusIndex: undefined,
  lineage: [],
  policyDigest: '',
  policies: [],
  classification: undefined,
  lawfulBasis: undefined,
  residency: undefined,
  signingKey: undefined,
  ip: undefined,
  traceId: undefined,
  requestId: 'r',
  issuedAt: new Date(0),
  expiresAt: new Date(300_000),
};

const knock = (policy: PolicyEngine, held: TokenRecord = token, changes = false, at = 0) =>
  createAdminDoor({
    configuration: { get: () => inForce, refresh: async () => inForce },
    policy,
    issuer: ISSUER,
    now: () => new Date(at * 1000),
  })(held, { roles: ['security'], reach: 'tenant', changes }, CONTEXT);

const refusalOf = (work: () => unknown): OAuthError => {
  try {
    work();
  } catch (error) {
    if (error instanceof OAuthError) return error;
  }
  throw new Error('it was let in');
};

const own = mkdtempSync(join(tmpdir(), 'daypass-policies-'));
afterAll(() => rmSync(own, { recursive: true, force: true }));

describe('policy at the admin door', () => {
  it('permits who has a role, and is on record as having done so', () => {
    const engine = createCedarEngine(loadBundle(POLICIES));
    expect(knock(engine)).toMatchObject({
      userId: 'u_sam',
      deployment: true,
      known: { policies: ['permit_admin'], policyDigest: engine.digest, userId: 'u_sam' },
    });
  });

  it("refuses what a deployment's own policy forbids, and says why", () => {
    writeFileSync(
      join(own, 'admin.cedar'),
      `@id("not_tonight")
@reason("nobody administers tonight")
@remediation("come back tomorrow")
@field("Authorization")
forbid (
  principal == Daypass::User::"u_sam",
  action == Daypass::Action::"admin",
  resource == Daypass::Admin::"${ISSUER}/admin"
);
`,
    );
    const engine = createCedarEngine(loadBundle([POLICIES, own]));
    expect(refusalOf(() => knock(engine))).toMatchObject({
      code: 'access_denied',
      violations: [{ rule: 'not_tonight', remedy: 'come back tomorrow' }],
    });
    expect(knock(engine, { ...token, userId: 'u_uma' }).userId).toBe('u_uma');
  });

  it('never lets in whoever has no role, whatever policy permits', () => {
    const engine: PolicyEngine = {
      digest: '',
      decide: () => ({ effect: 'permit', policies: ['all'] }),
    };
    const refusal = refusalOf(() =>
      knock(engine, { ...token, attributes: { 'claim:groups': ['builders'] } }),
    );
    expect(refusal).toMatchObject({ code: 'access_denied', violations: [{ rule: 'role' }] });
  });

  it('lets nobody in while policy cannot answer', () => {
    const engine: PolicyEngine = {
      digest: '',
      decide: () => ({ effect: 'error', detail: 'broken' }),
    };
    expect(refusalOf(() => knock(engine))).toMatchObject({ code: 'temporarily_unavailable' });
  });
});

describe('a sign-in that is long ago', () => {
  const engine = createCedarEngine(loadBundle(POLICIES));
  const lasting = { ...token, expiresAt: new Date(3_600_000) };

  it('changes things for as long as it is 15 minutes old at most, told from the token', () => {
    expect(knock(engine, lasting, true, 600)).toMatchObject({ userId: 'u_sam' });
    const refusal = refusalOf(() => knock(engine, lasting, true, 601));
    expect(refusal).toMatchObject({ code: 'insufficient_user_authentication', status: 401 });
    expect(refusal.headers['WWW-Authenticate']).toContain('max_age="900"');
  });

  it('reads as long as its token lives', () => {
    expect(knock(engine, lasting, false, 3_599)).toMatchObject({ userId: 'u_sam' });
  });
});
