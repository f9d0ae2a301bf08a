import { describe, expect, it } from '@jest/globals';
import type { InForce } from '../../../src/broker/configuration.ts';
import { createRequestCredentials } from '../../../src/broker/credentials/request-credentials.ts';
import { demoDeployment } from '../../../src/config/demo-deployment.ts';
import { deploymentFromObject } from '../../../src/config/deployment.ts';
import { indexDeployment } from '../../../src/config/deployment-index.ts';
import type { Issuance, IssuanceRefusal } from '../../../src/ledger/ledger.ts';
import type { AuditRecord, TokenRecord } from '../../../src/ledger/records.ts';
import type { Question } from '../../../src/policy/engine.ts';
import type { StorageDetail } from '../../../src/protocol/authorization-details.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';
import type { CredentialsGrant } from '../../../src/storage/cloud-credentials.ts';

/** Law 1 and law 2 for the credentials of a cloud: what is asked of it, when, and for how long. */

/** Not on a whole second, as clocks are. */
const NOW = new Date('2026-11-22T12:00:00.900Z');
const CONTEXT = { requestId: 'r', ip: undefined, traceId: undefined, origin: undefined };

const demo = demoDeployment('http://localhost:8081', {
  now: NOW,
  nightlySecretHash: `sha256:${'0'.repeat(64)}`,
});
const grant = {
  resource: 'bucket:cloud',
  actions: ['read', 'list'],
  prefix: '/',
  max_ttl: '8h',
} as const;
const deployment = deploymentFromObject(
  {
    limits: { ttl: { ceiling: '8h' } },
    tenants: demo.tenants ?? [],
    issuers: demo.issuers ?? [],
    apps: (demo.apps ?? [])
      .filter(({ id }) => id === 'where2eat')
      .map((app) => ({ ...app, grants: [grant] })),
    buckets: [
      {
        id: 'cloud',
        tenant: 'acme',
        provider: 's3',
        bucket: 'acme-data',
        region: 'eu-west-1',
        temporary_credentials: { role_arn: 'arn:aws:iam::123456789012:role/daypass' },
      },
    ],
  },
  { production: false, now: NOW, source: 'a test' },
);
const inForce: InForce = { version: 1, deployment, index: indexDeployment(deployment) };

const part = (more: Partial<StorageDetail>): StorageDetail => ({
  type: 'daypass_storage',
  locations: ['bucket:cloud'],
  actions: ['read', 'list'],
  prefix: '/a/',
  ...more,
});
const rootUntil = (seconds: number): TokenRecord['root'] => ({
  tokenHash: 'h',
  sessionId: undefined,
  expiresAt: new Date(NOW.getTime() + seconds * 1000),
});

const token: TokenRecord = {
  tokenId: 'tk_1',
  tokenHash: undefined,
  format: 'opaque',
  tenantId: 'acme',
  appId: 'where2eat',
  issuerId: 'corp',
  issuer: 'http://localhost:8081',
  subject: 'ana',
  userId: 'u_ana',
  deviceId: 'd_1',
  actors: [],
  attributes: {},
  resource: 'bucket:cloud',
  scopes: ['read', 'list'],
  authorizationDetails: [part({})],
  binding: { method: 'dpop', jkt: 'k' },
  parentId: undefined,
  rootId: 'tk_1',
  root: rootUntil(8 * 3_600),
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
  issuedAt: NOW,
  expiresAt: new Date(NOW.getTime() + 900_000),
};

type Outcome = IssuanceRefusal | Error | undefined;

/** A broker whose ledger answers these in turn, and then takes all. Whatever happens is in `steps`, in order. */
const open = (...outcomes: Outcome[]) => {
  const steps: string[] = [];
  const lent: CredentialsGrant[] = [];
  const questions: Question[] = [];
  const recorded: Issuance[] = [];
  const denied: Partial<AuditRecord>[] = [];
  const requestCredentials = createRequestCredentials({
    configuration: { get: () => inForce, refresh: async () => inForce },
    policy: {
      digest: 'sha256:policies',
      decide: (question) => {
        questions.push(question);
        return { effect: 'permit', policies: ['permit_credentials'], violations: [] };
      },
    },
    issuances: {
      record: async (issuance) => {
        steps.push('record');
        recorded.push(issuance);
        const outcome = outcomes.shift();
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    },
    audit: { append: async (event) => denied.push(event) > 0 },
    stores: () =>
      ({
        prepareCredentials: (asked: CredentialsGrant) => {
          lent.push(asked);
          return {
            issue: async () => {
              steps.push('cloud');
              return { provider: 'gcs', bucket: 'acme-data', accessToken: 'narrow' };
            },
          };
        },
      }) as never,
    now: () => NOW,
  });
  const borrow = (asked: { readonly ttl?: number; readonly prefix?: string } = {}, by = token) =>
    requestCredentials(
      by,
      { resource: undefined, actions: ['read', 'list'], prefix: asked.prefix, ttl: asked.ttl },
      CONTEXT,
    );
  return { borrow, steps, lent, questions, recorded, denied };
};

const secondsOf = ({ expiresAt }: { readonly expiresAt: Date }): number =>
  (expiresAt.getTime() - NOW.getTime()) / 1000;

describe('law 1: the cloud is asked', () => {
  it('once they are on record, and not before', async () => {
    const { borrow, steps } = open();
    await borrow();
    expect(steps).toEqual(['record', 'cloud']);
  });

  it.each<[string, Outcome]>([
    ['could not be written', unavailable('the database is away')],
    ['was refused, as something it rests on was revoked', 'revoked'],
  ])('for nothing where the record %s', async (_, outcome) => {
    const { borrow, steps } = open(outcome);
    await expect(borrow()).rejects.toThrow();
    expect(steps).toEqual(['record']);
  });

  it('once, where the configuration changed and all was decided again', async () => {
    const { borrow, steps, recorded } = open('stale_configuration', 'stale_configuration');
    const { record } = await borrow();
    expect(steps).toEqual(['record', 'record', 'record', 'cloud']);
    expect(recorded.at(-1)?.credential).toBe(record);
  });
});

describe('credentials of a cloud live', () => {
  const lifeOf = async (ttl: number | undefined, by: Partial<TokenRecord> = {}) => {
    const { borrow, lent } = open();
    const { record } = await borrow(ttl === undefined ? {} : { ttl }, { ...token, ...by });
    expect(lent[0]?.expiresAt).toEqual(record.expiresAt);
    return secondsOf(record);
  };

  it('a quarter of an hour, and five minutes for a token without a key', async () => {
    expect(Math.ceil(await lifeOf(undefined))).toBe(900);
    expect(Math.ceil(await lifeOf(undefined, { binding: undefined }))).toBe(300);
  });

  it('an hour at most, whatever is asked for', async () => {
    expect(Math.ceil(await lifeOf(7_200))).toBe(3_600);
  });

  it('five minutes at most for a token without a key: more is lowered, and not refused', async () => {
    expect(Math.ceil(await lifeOf(900, { binding: undefined }))).toBe(300);
    expect(Math.ceil(await lifeOf(120, { binding: undefined }))).toBe(120);
  });

  it.each([59, 28_801])(
    'never the %i s that no credential of the deployment lives',
    async (ttl) => {
      const { borrow, steps } = open();
      await expect(borrow({ ttl })).rejects.toMatchObject({
        code: 'invalid_request',
        violations: [{ field: 'ttl', rule: 'ttl_range' }],
      });
      expect(steps).toEqual([]);
    },
  );

  it('no longer than the sign-in behind the token', async () => {
    expect(await lifeOf(900, { root: rootUntil(120) })).toBeLessThanOrEqual(120);
    // A client alone has no sign-in: then as long as its token.
    expect(await lifeOf(3_600, { root: undefined })).toBeLessThanOrEqual(900);
  });

  it('a minute at least: a sign-in that ends before is no ground for any', async () => {
    expect(await lifeOf(900, { root: rootUntil(60) })).toBeLessThanOrEqual(60);
    const { borrow, steps, denied } = open();
    const refused = borrow({}, { ...token, root: rootUntil(59) });
    await expect(refused).rejects.toMatchObject({ violations: [{ rule: 'authority_ends' }] });
    expect(steps).toEqual([]);
    expect(denied).toMatchObject([{ action: 'credentials.request', outcome: 'denied' }]);
  });

  it('never a moment longer than that: clouds count in whole seconds, and these are rounded down', async () => {
    const { borrow } = open();
    const { record } = await borrow({ ttl: 100 });
    expect(record.expiresAt.toISOString()).toBe('2026-11-22T12:01:40.000Z');
  });
});

describe("in the cloud's own log", () => {
  it.each<[string, Partial<TokenRecord>, string]>([
    ['token and person', {}, 'tk_1@u_ana'],
    ['token and app, where that acts alone', { userId: undefined }, 'tk_1@where2eat'],
    ['nothing a cloud would not take for a name', { userId: 'u:é/ü x' }, 'tk_1@u_____x'],
    ['no more than 64 characters', { userId: 'u'.repeat(100) }, `tk_1@${'u'.repeat(59)}`],
  ])('they are called by %s', async (_, by, name) => {
    const { borrow, lent } = open();
    const { record } = await borrow({}, { ...token, ...by });
    expect([record.sessionName, lent[0]?.sessionName]).toEqual([name, name]);
  });
});

describe('policy is asked', () => {
  it('of each part of the token by itself: each has its own limits', async () => {
    const { borrow, questions } = open();
    const details = [part({ actions: ['read'], max_size: 10 }), part({ actions: ['list'] })];
    await borrow({}, { ...token, authorizationDetails: details });
    expect(questions).toMatchObject([
      { actions: ['read'], constraints: { max_size: 10 }, unenforceable: ['max_size'] },
      { actions: ['list'], unenforceable: [] },
    ]);
  });
});
