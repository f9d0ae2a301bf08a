import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { openForAdministration } from '../../../src/compose/administration.ts';
import { type Check, examine } from '../../../src/compose/examination.ts';
import { startDaypass } from '../../../src/compose.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startTokenService } from '../../support/sts-stand-in.ts';

let home: string;
let migrated: TestDatabase;
let empty: TestDatabase;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'daypass-examination-'));
  [migrated, empty] = await Promise.all([freshDatabase(), emptyDatabase()]);
});

afterAll(async () => {
  await Promise.all([migrated.drop(), empty.drop(), rm(home, { recursive: true })]);
});

const examined = async (url: string, env = {}): Promise<ReadonlyMap<string, Check>> => {
  const checks = await examine(configFor(url, env), env);
  return new Map(checks.map((check) => [check.name, check]));
};

const configFor = (url: string, env = {}) =>
  loadConfig(
    { DATABASE_URL: url, DAYPASS_HOME: home, ...env },
    { exists: () => false, read: () => '' },
  );

/** An issuer nobody runs, and a bucket whose credentials nobody set. */
const DOCUMENT = {
  tenants: [{ id: 'acme' }],
  issuers: [
    {
      id: 'corp',
      issuer: 'http://localhost:1',
      tenant: 'acme',
      audiences: ['a'],
      algorithms: ['RS256'],
    },
  ],
  buckets: [
    { id: 'here', tenant: 'acme', provider: 'local' },
    {
      id: 'there',
      tenant: 'acme',
      provider: 's3',
      bucket: 'there',
      region: 'eu-west-1',
      credentials: { access_key_id_env: 'NOT_SET', secret_access_key_env: 'NOT_SET' },
    },
  ],
};

describe('examine', () => {
  it('says which host does not answer, without the password', async () => {
    const checks = await examined('postgres://me:hunter2@127.0.0.1:1/none');
    expect([...checks.keys()]).toEqual(['database']);
    expect(checks.get('database')).toMatchObject({ status: 'failed', fix: expect.any(String) });
    expect(JSON.stringify([...checks])).not.toContain('hunter2');
  });

  it('tells a database without our tables to be migrated', async () => {
    const checks = await examined(empty.url);
    expect(checks.get('database')?.status).toBe('ok');
    expect(checks.get('migrations')).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('daypass migrate'),
    });
    expect(checks.get('configuration')?.status).toBe('failed');
  });

  it('tells a database without a configuration to be given one', async () => {
    const checks = await examined(migrated.url);
    expect(checks.get('migrations')?.status).toBe('ok');
    expect(checks.get('database role')?.status).toBe('ok');
    expect(checks.get('configuration')).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('daypass apply'),
    });
  });

  it('asks each issuer and each bucket of the configuration in force', async () => {
    const { configure, ledger, close } = await openForAdministration(configFor(migrated.url));
    await ledger.clock.synchronise();
    await configure.apply(DOCUMENT, { by: 'test', source: 'test' });
    await close();

    const checks = await examined(migrated.url);
    expect(checks.get('configuration')?.status).toBe('ok');
    expect(checks.get('issuer corp')?.status).toBe('failed');
    expect(checks.get('bucket here')?.status).toBe('ok');
    expect(checks.get('bucket there')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('NOT_SET'),
      fix: expect.stringMatching(/^set NOT_SET in the broker's environment and restart/),
    });
  });

  it('has itself vouched for where a bucket wants that, with the keys of the broker and on record', async () => {
    const cloud = await startTokenService(({ form }) => (form.has('Action') ? 200 : 404));
    const { configure, ledger, close } = await openForAdministration(configFor(migrated.url));
    await ledger.clock.synchronise();
    const role_arn = 'arn:aws:iam::123456789012:role/daypass';
    const trusting = {
      ...DOCUMENT.buckets[1],
      endpoint: cloud.url,
      credentials: { web_identity: { role_arn } },
    };
    const document = { ...DOCUMENT, issuers: [], buckets: [trusting] };
    await configure.apply(document, { by: 'test', source: 'test' });

    const before = (await examined(migrated.url)).get('bucket there');
    expect(before).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('KEY_ENCRYPTION_KEY'),
    });
    const env = { KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    const unstarted = (await examined(migrated.url, env)).get('bucket there');
    expect(unstarted).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('no signing key'),
    });
    expect(await ledger.signingKeys.list()).toEqual([]);

    const broker = await startDaypass({ ...configFor(migrated.url, env), port: 0 });
    await broker.stop();
    expect((await examined(migrated.url, env)).get('bucket there')?.status).toBe('ok');
    const [call] = cloud.calls.filter(({ form }) => form.has('Action'));
    expect(call?.form.get('Action')).toBe('AssumeRoleWithWebIdentity');
    const { jti, sub } = decodeJwt(call?.form.get('WebIdentityToken') ?? '');
    expect(sub).toBe('tenant:acme:bucket:there');
    const page = { limit: 10, after: undefined };
    const vouched = await ledger.audit.search({ action: 'cloud.vouch' }, page);
    expect(vouched).toMatchObject([{ detail: { jti } }]);
    await Promise.all([close(), cloud.stop()]);
  }, 60_000);

  it('S08 on s3: finds the key of a root user, and says what to use in its place', async () => {
    const service = await startTokenService(undefined, 'arn:aws:iam::123456789012:root');
    const { configure, ledger, close } = await openForAdministration(configFor(migrated.url));
    await ledger.clock.synchronise();
    const [here, there] = DOCUMENT.buckets;
    const rooted = {
      ...there,
      endpoint: service.url,
      credentials: { access_key_id_env: 'A', secret_access_key_env: 'B' },
    };
    const document = { ...DOCUMENT, issuers: [], buckets: [here, rooted] };
    await configure.apply(document, { by: 'test', source: 'test' });
    await close();
    const checks = await examined(migrated.url, { A: 'AKIDROOT', B: 'secret' });
    await service.stop();
    expect(checks.get('bucket here')?.status).toBe('ok');
    expect(checks.get('bucket there')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('root user'),
      fix: expect.stringContaining('use a role'),
    });
  });

  it('says what it tried where nothing runs, how to start it, and starts nothing itself', async () => {
    const environment = { DAYPASS_HOME: home, ISSUER: 'http://localhost:1' };
    const config = loadConfig(environment, { exists: () => false, read: () => '' });
    const fix = 'start it: npm start, or daypass serve';
    expect(await examine(config, {})).toEqual([
      {
        name: 'broker',
        status: 'failed',
        detail: 'nothing answers at http://localhost:1/health/live',
        fix,
      },
      {
        name: 'database',
        status: 'failed',
        detail: `DATABASE_URL is not set, and no embedded PostgreSQL runs under ${home}/pg`,
        fix,
      },
    ]);
  });

  it('tells a broker that runs with another home from one that does not run', async () => {
    const broker = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1');
    await once(broker, 'listening');
    const { port } = broker.address() as AddressInfo;
    const environment = { DAYPASS_HOME: home, ISSUER: `http://localhost:${port}` };
    const config = loadConfig(environment, { exists: () => false, read: () => '' });
    expect(await examine(config, {})).toMatchObject([
      { name: 'broker', status: 'ok' },
      { name: 'database', status: 'failed', fix: expect.stringContaining('DAYPASS_HOME') },
    ]);
    broker.close();
  });
});
