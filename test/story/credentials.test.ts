import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { createClient, newKey } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { startTokenService } from '../support/sts-stand-in.ts';

/** `/request-credentials`: who is lent what, through a token service that trusts Daypass as its OIDC provider. */

const ROLE = 'arn:aws:iam::123456789012:role/daypass';
const PREFIX = '/where2eat/{app_id}/uploads/{user_id}/';

let service: Awaited<ReturnType<typeof startTokenService>>;
let broker: TestDaypass;

const configured =
  (endpoint: string) =>
  (demo: DeploymentDocument): DeploymentDocument => {
    const place = { tenant: 'acme', provider: 's3', bucket: 'acme-data', region: 'eu-west-1' };
    const cloud = { ...place, provider: 's3', endpoint } as const;
    const identity = { credentials: { web_identity: { role_arn: ROLE } } };
    const lends = { temporary_credentials: { role_arn: ROLE } };
    const grant = { actions: ['read', 'write', 'list', 'delete'], prefix: PREFIX, max_ttl: '15m' };
    const buckets = ['reads', 'writes', 'restricted', 'locked', 'lends-none', 'limited'];
    return {
      ...demo,
      apps: (demo.apps ?? []).map((app) => ({
        ...app,
        grants:
          app.id === 'where2eat'
            ? [
                ...buckets.map((id) => ({
                  ...grant,
                  actions: id === 'locked' ? ['read', 'write', 'list'] : grant.actions,
                  resource: `bucket:${id}`,
                  ...(id === 'limited' ? { max_size: '1MB' } : {}),
                })),
                ...(app.grants ?? []),
              ]
            : (app.grants ?? []),
      })),
      buckets: [
        ...(demo.buckets ?? []),
        { ...cloud, ...identity, ...lends, id: 'reads' },
        {
          ...cloud,
          ...identity,
          id: 'writes',
          temporary_credentials: { role_arn: ROLE, direct_write: true },
        },
        {
          ...cloud,
          ...identity,
          ...lends,
          id: 'restricted',
          classification: 'restricted',
          residency: 'eu',
        },
        { ...cloud, ...identity, ...lends, id: 'locked', retention: { locked: true } },
        { ...cloud, ...identity, id: 'lends-none' },
        { ...cloud, ...identity, ...lends, id: 'limited' },
      ],
    };
  };

beforeAll(async () => {
  service = await startTokenService();
  broker = await startTestDaypass({ configure: configured(service.url) });
}, 60_000);
afterAll(async () => {
  await broker?.stop();
  await service?.stop();
});

const open = async (bucket: string, exchanged: object = {}) => {
  const client = createClient(broker.url);
  const key = newKey();
  const actions = bucket === 'locked' ? ['read', 'list'] : ['read', 'write', 'list', 'delete'];
  const { status, body } = await client.call('/exchange', {
    body: { app_id: 'where2eat', resource: `bucket:${bucket}`, actions, ...exchanged },
    token: await broker.signIn('ana', 'where2eat'),
    key,
    bound: false,
  });
  expect(status).toBe(200);
  const token = String(body.access_token);
  const borrow = (asked: object) =>
    client.call('/request-credentials', { body: asked, token, key });
  return { borrow, tokenId: String(body.token_id), token, key, client };
};

const rulesOf = (body: Readonly<Record<string, unknown>>): readonly unknown[] =>
  (body.violations as { rule: string }[]).map(({ rule }) => rule);

describe('credentials of a cloud', () => {
  it('are a session of the role, for the folder of the token, in the name of token and person', async () => {
    const { borrow, tokenId } = await open('reads');
    const answer = await borrow({ actions: ['read', 'list'] });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({
      resource: 'bucket:reads',
      actions: ['read', 'list'],
      prefix: expect.stringMatching(/^\/where2eat\/where2eat\/uploads\/u_\w+\/$/),
      credentials: {
        provider: 's3',
        bucket: 'acme-data',
        sessionToken: 'session',
        pathStyle: true,
      },
    });
    const form = service.calls.at(-1)?.form;
    const user = /u_\w+/.exec(String(answer.body.prefix))?.[0];
    expect(form?.get('RoleSessionName')).toBe(`${tokenId}@${user}`);
    expect(form?.get('Policy')).toContain(`arn:aws:s3:::acme-data${String(answer.body.prefix)}*`);
    expect(form?.get('Policy')).not.toContain('PutObject');
  });

  it('are asked for with a JWT of our own, which anybody can verify, and which is on record', async () => {
    const { borrow } = await open('reads');
    await borrow({ actions: ['read'] });
    const jwt = service.calls.at(-1)?.form.get('WebIdentityToken') ?? '';
    const keys = createRemoteJWKSet(new URL(`${broker.url}/jwks`));
    const { payload } = await jwtVerify(jwt, keys, {
      issuer: broker.issuer,
      audience: 'sts.amazonaws.com',
      typ: 'JWT',
      currentDate: broker.ledger.clock.now(),
    });
    expect(payload).toMatchObject({ sub: 'tenant:acme:bucket:reads' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(300);
    const trail = await broker.ledger.audit.search(
      { action: 'cloud.vouch' },
      { limit: 1, after: undefined },
    );
    expect(trail).toMatchObject([{ detail: { jti: payload.jti, aud: 'sts.amazonaws.com' } }]);
    expect(JSON.stringify(trail)).not.toContain(jwt.split('.')[2]);
    // It is an assertion for a cloud, and no token of ours.
    const client = createClient(broker.url);
    expect((await client.call('/objects', { token: jwt })).status).toBe(401);
  });

  it('live no longer than was granted, and never longer than the sign-in', async () => {
    const { borrow } = await open('reads');
    const asked = Date.now();
    const { body } = await borrow({ actions: ['list'], ttl: 3_600 });
    const life = (Date.parse(String(body.expiresAt)) - asked) / 1000;
    expect(life).toBeGreaterThan(880);
    expect(life).toBeLessThanOrEqual(910);
    const policy = JSON.parse(service.calls.at(-1)?.form.get('Policy') ?? '{}') as {
      Statement: { Condition: { DateLessThan: Record<string, string> } }[];
    };
    const end = policy.Statement[0]?.Condition.DateLessThan['aws:CurrentTime'];
    expect(Date.parse(String(end))).toBe(Date.parse(String(body.expiresAt)));
  });

  it.each<[string, string, object, number, string]>([
    ['what a local bucket has not', 'project-123', { actions: ['read'] }, 400, 'no_cloud'],
    ['a bucket that lends none', 'lends-none', { actions: ['read'] }, 400, 'not_offered'],
    ['writing past inspection', 'reads', { actions: ['read', 'write'] }, 400, 'not_inspected'],
    [
      'a folder beside its own',
      'reads',
      { actions: ['read'], prefix: '/else/' },
      400,
      'exceeds_grant',
    ],
    ['the whole bucket', 'reads', { actions: ['list'], prefix: '/' }, 400, 'whole_bucket'],
    [
      'the staging area',
      'reads',
      { actions: ['list'], prefix: '/.daypass-staging/' },
      400,
      'path_reserved',
    ],
    ['restricted data', 'restricted', { actions: ['read'] }, 403, 'credentials_below_restricted'],
    ['a size no cloud enforces', 'limited', { actions: ['read'] }, 403, 'credentials_enforceable'],
    ['writing to a locked bucket', 'locked', { actions: ['write'] }, 400, 'not_inspected'],
    ['deleting from a locked bucket', 'locked', { actions: ['delete'] }, 400, 'action_not_held'],
  ])('are refused for %s', async (_, bucket, asked, status, rule) => {
    const { borrow } = await open(
      bucket,
      bucket === 'restricted' ? { lawful_basis: 'contract' } : {},
    );
    const before = service.calls.length;
    const answer = await borrow(asked);
    expect({ status: answer.status, rules: rulesOf(answer.body) }).toEqual({
      status,
      rules: [rule],
    });
    expect(service.calls).toHaveLength(before);
  });

  it('are refused before anything is on record for a folder whose name no session policy holds', async () => {
    const { borrow, tokenId } = await open('reads');
    const own = (await borrow({ actions: ['list'] })).body.prefix;
    const before = service.calls.length;
    const prefix = `${String(own)}${'x'.repeat(900)}/`;
    const answer = await borrow({ actions: ['read', 'list'], prefix });
    expect([answer.status, answer.body]).toMatchObject([
      400,
      { error: 'invalid_request', violations: [{ field: 'prefix', rule: 'prefix_length' }] },
    ]);
    expect(service.calls).toHaveLength(before);
    const asked = { tokenId, action: 'credentials.request' };
    const trail = await broker.ledger.audit.search(asked, { limit: 5, after: undefined });
    expect(trail.map(({ outcome }) => outcome)).toEqual(['denied', 'granted']);
  });

  it('write where the bucket says so', async () => {
    const { borrow } = await open('writes');
    expect((await borrow({ actions: ['write'] })).status).toBe(201);
    expect(service.calls.at(-1)?.form.get('Policy')).toContain('s3:PutObject');
  });

  it('are on record before the cloud is asked, and refusals are too', async () => {
    const { borrow, tokenId } = await open('reads');
    const { body } = await borrow({ actions: ['read'] });
    await borrow({ actions: ['write'] });
    const trail = await broker.ledger.audit.search(
      { tokenId, action: 'credentials.request' },
      { limit: 5, after: undefined },
    );
    expect(trail.map(({ outcome }) => outcome)).toEqual(['denied', 'granted']);
    expect(trail[1]).toMatchObject({
      policies: ['permit_credentials'],
      detail: { credential_id: body.credentialsId, session_name: expect.stringContaining(tokenId) },
    });
    const secret = (body.credentials as { secretAccessKey: string }).secretAccessKey;
    expect(JSON.stringify(trail)).not.toContain(`"${secret}"`);
  });
});
