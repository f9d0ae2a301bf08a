import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, it } from '@jest/globals';
import { createS3Store } from '../../src/storage/s3/s3-store.ts';
import { createTokenService } from '../../src/storage/s3/token-service.ts';
import { CEPH_CREDENTIALS, placeOnCeph } from './gateway.ts';

/** What AWS calls "revoke active sessions": a deny, for the sessions of a role that began before a moment. */

/** One call of the gateway's IAM: there is no client of it here, but one that signs. */
const iam = async (endpoint: string, query: Readonly<Record<string, string>>): Promise<void> => {
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: CEPH_CREDENTIALS,
  });
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request as object, { method: 'POST', path: '/', query });
      return next(args);
    },
    { step: 'build', priority: 'low' },
  );
  await client.send(new ListBucketsCommand({}));
  client.destroy();
};

const policy = (statement: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
const EVERYTHING = { Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] };

it('S08 on ceph: a deny on older sessions of the role cuts every URL that they have signed', async () => {
  const place = await placeOnCeph();
  const { endpoint } = place;
  const RoleName = `drill-${randomUUID()}`;
  const trust = { Principal: { AWS: ['arn:aws:iam:::user/broker'] }, Action: ['sts:AssumeRole'] };
  const AssumeRolePolicyDocument = policy({ Effect: 'Allow', ...trust });
  await iam(endpoint, { Action: 'CreateRole', RoleName, Path: '/', AssumeRolePolicyDocument });
  const attach = (PolicyName: string, statement: object) =>
    iam(endpoint, {
      Action: 'PutRolePolicy',
      RoleName,
      PolicyName,
      PolicyDocument: policy({ ...EVERYTHING, ...statement }),
    });
  await attach('storage', { Effect: 'Allow' });

  const { assume } = createTokenService({
    ...place,
    asker: { credentials: () => CEPH_CREDENTIALS },
  });
  /** URLs to put and to get one object, of a session that begins now. */
  const urlsOf = async (key: string) => {
    const arn = `arn:aws:iam:::role/${RoleName}`;
    const session = await assume({ arn, sessionName: 'daypass-project-123', duration: 900 });
    const store = createS3Store({ ...place, credentials: () => session });
    const grant = { key, size: 4, contentType: 'text/plain', expiresIn: 300 };
    const { url, method, headers } = await store.presignPut(grant, new Date());
    const get = await store.presignGet({ key, expiresIn: 300, fileName: 'a.txt' }, new Date());
    return {
      put: async () => (await fetch(url, { method, headers, body: 'soup' })).status,
      get: async () => (await fetch(get.url)).status,
    };
  };
  const [used, unused] = [await urlsOf('a.txt'), await urlsOf('b.txt')];
  expect([await used.put(), await used.get()]).toEqual([200, 200]);

  // The condition counts seconds.
  await pause(1_100);
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  await attach('AWSRevokeOlderSessions', {
    Effect: 'Deny',
    Condition: { DateLessThan: { 'aws:TokenIssueTime': now } },
  });
  expect([await used.get(), await unused.put()]).toEqual([403, 403]);
  await pause(1_100);
  const fresh = await urlsOf('c.txt');
  expect([await fresh.put(), await fresh.get()]).toEqual([200, 200]);
});
