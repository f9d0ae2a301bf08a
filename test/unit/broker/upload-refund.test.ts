import { describe, expect, it } from '@jest/globals';
import type { InForce } from '../../../src/broker/configuration.ts';
import { createRequestUpload } from '../../../src/broker/upload/request-upload.ts';
import { demoDeployment } from '../../../src/config/demo-deployment.ts';
import { deploymentFromObject } from '../../../src/config/deployment.ts';
import { indexDeployment } from '../../../src/config/deployment-index.ts';
import type { IssuanceRefusal } from '../../../src/ledger/ledger.ts';
import type { TokenRecord } from '../../../src/ledger/records.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';

/** What an upload took from limits is given back once: here, or by whoever finds what came of it. */

const NOW = new Date('2026-11-22T12:00:00Z');
const demo = demoDeployment('http://localhost:8081', {
  now: NOW,
  nightlySecretHash: `sha256:${'0'.repeat(64)}`,
});
const deployment = deploymentFromObject(
  {
    ...demo,
    apps: (demo.apps ?? []).map((app) => ({ ...app, limits: { uploads_per_hour: 6 } })),
  },
  { production: false, now: NOW, source: 'a test' },
);
const inForce: InForce = { version: 1, deployment, index: indexDeployment(deployment) };

const token = {
  tokenId: 'tk_1',
  tenantId: 'acme',
  appId: 'where2eat',
  userId: 'u_ana',
  resource: 'bucket:project-123',
  scopes: ['write'],
  actors: [],
  attributes: {},
  lineage: [],
  authorizationDetails: [
    {
      type: 'daypass_storage',
      locations: ['bucket:project-123'],
      actions: ['write'],
      prefix: '/a/',
    },
  ],
  binding: { method: 'dpop', jkt: 'k' },
  root: { tokenHash: 'h', expiresAt: new Date(NOW.getTime() + 3_600_000) },
  issuedAt: NOW,
  expiresAt: new Date(NOW.getTime() + 900_000),
} as unknown as TokenRecord;

const refundsAfter = async (outcome: IssuanceRefusal | Error): Promise<number> => {
  let refunds = 0;
  const forgo = async (): Promise<void> => {
    refunds += 1;
  };
  const requestUpload = createRequestUpload({
    configuration: { get: () => inForce, refresh: async () => inForce },
    policy: {
      digest: 'd',
      decide: () => ({ effect: 'permit', policies: ['p'], violations: [] }),
    },
    issuances: {
      record: async () => {
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    },
    quotas: { take: async () => [], forgo } as never,
    partUploads: {} as never,
    audit: { append: async () => true },
    stores: () => ({ enforcement: () => [], largestPut: 5 }) as never,
    now: () => NOW,
  });
  const asked = { filename: 'a.png', size: 5, contentType: 'image/png', multipart: false };
  const rest = { sha256: undefined, resource: undefined, path: undefined, ttl: undefined };
  const context = { requestId: 'r', ip: undefined, traceId: undefined, origin: undefined };
  const upload = requestUpload(token, { ...asked, ...rest }, context);
  const error = await upload.catch((cause: unknown) => cause);
  expect(error).toMatchObject({
    code: outcome instanceof Error ? 'temporarily_unavailable' : 'invalid_token',
  });
  return refunds;
};

describe('what an upload took from limits', () => {
  it('is given back where the upload was refused for certain', async () => {
    expect(await refundsAfter('revoked')).toBe(1);
  });

  it('stays taken where nobody knows: the row may yet come', async () => {
    expect(await refundsAfter(unavailable('database: no answer in time'))).toBe(0);
  });
});
