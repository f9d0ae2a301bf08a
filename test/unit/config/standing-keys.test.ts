import { describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../../src/config/deployment.ts';
import { standingKeys } from '../../../src/config/standing-keys.ts';

type Bucket = NonNullable<DeploymentDocument['buckets']>[number];
const common = { id: 'b', tenant: 'acme', bucket: 'acme' };
const s3 = { ...common, provider: 's3', region: 'eu-west-1' } as const;
const keys = { access_key_id_env: 'A', secret_access_key_env: 'B' };

describe('a key that lives until somebody revokes it (S08)', () => {
  it.each<[string, Bucket]>([
    ['access_key_id_env', { ...s3, credentials: keys }],
    [
      'account_key_env',
      { ...common, provider: 'azure', credentials: { account: 'acme', account_key_env: 'K' } },
    ],
    [
      'service_account_env',
      { ...common, provider: 'gcs', credentials: { service_account_env: 'K' } },
    ],
  ])('is said aloud, with its place: %s', (member, bucket) => {
    expect(standingKeys({ buckets: [bucket] })).toEqual([
      {
        field: `buckets[0].credentials.${member}`,
        message: expect.stringContaining('until somebody revokes it'),
      },
    ]);
  });

  it('is none where a session, a role or the surroundings sign', () => {
    const buckets: Bucket[] = [
      { ...s3, credentials: { ...keys, session_token_env: 'T' } },
      { ...s3, credentials: {} },
      { ...common, provider: 'azure', credentials: { account: 'acme' } },
      { ...common, provider: 'gcs' },
      { ...common, provider: 'local' },
    ];
    expect(standingKeys({ buckets })).toEqual([]);
    expect(standingKeys({})).toEqual([]);
  });
});
