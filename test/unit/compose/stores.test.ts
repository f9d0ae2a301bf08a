import { describe, expect, it } from '@jest/globals';
import type { S3StoreParts } from '../../../src/compose/s3-store.ts';
import { createStores } from '../../../src/compose/stores.ts';
import { deploymentFromObject } from '../../../src/config/deployment.ts';
import { indexDeployment } from '../../../src/config/deployment-index.ts';
import { OAuthError, unavailable } from '../../../src/protocol/oauth-error.ts';

const now = new Date('2026-11-01T00:00:00Z');
const ARN = 'arn:aws:iam::1:role/x';

/** The store of an S3 bucket with these credentials, beside keys that happen to surround the process. */
const storeWith = (
  credentials: object,
  vouch: S3StoreParts['vouch'] = async () => 'a.b.c',
  ownerOf: S3StoreParts['ownerOf'] = async () => 'other',
  secret: S3StoreParts['secret'] = () => 'ambient',
) => {
  const deployment = deploymentFromObject(
    {
      tenants: [{ id: 'acme' }],
      buckets: [
        {
          id: 'b',
          tenant: 'acme',
          provider: 's3',
          bucket: 'acme',
          region: 'eu-west-1',
          credentials,
        },
      ],
    },
    { production: false, now, source: 'a test' },
  );
  const inForce = { version: 1, deployment, index: indexDeployment(deployment) };
  const { of } = createStores({
    configuration: { get: () => inForce, refresh: async () => inForce },
    home: '/nowhere',
    localSecret: Buffer.alloc(32),
    contentOrigin: () => 'http://localhost:1',
    secret,
    now: () => now,
    vouch,
    ownerOf,
  });
  return of('b');
};

const presign = async (credentials: object) =>
  storeWith(credentials).presignGet({ key: 'a.png', expiresIn: 60, fileName: 'a.png' }, now);

describe('the credentials of an S3 bucket', () => {
  it('are those around the process where none are named', async () => {
    expect((await presign({})).url).toContain('ambient');
  });

  it('are never those where a web identity is named: the use is refused where nobody vouches', async () => {
    const asked: unknown[] = [];
    const store = storeWith({ web_identity: { role_arn: ARN } }, async (_bucket, audience) => {
      asked.push(audience);
      throw unavailable('no signing key');
    });
    const use = async () =>
      store.presignGet({ key: 'a.png', expiresIn: 60, fileName: 'a.png' }, now);
    await expect(use()).rejects.toThrow(OAuthError);
    await expect(use()).rejects.toMatchObject({ status: 503 });
    expect(asked).toEqual(['sts.amazonaws.com', 'sts.amazonaws.com']);
  });

  it('S08 on s3: sign nothing where they are a root user’s, named or around', async () => {
    const secret = (name: string) => (name === 'AWS_SESSION_TOKEN' ? undefined : 'a key');
    for (const credentials of [{}, { access_key_id_env: 'A', secret_access_key_env: 'B' }]) {
      const store = storeWith(credentials, undefined, async () => 'root', secret);
      const use = async () =>
        store.presignGet({ key: 'a.png', expiresIn: 60, fileName: 'a.png' }, now);
      await expect(use()).rejects.toMatchObject({ status: 503 });
    }
  });
});
