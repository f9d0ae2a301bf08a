import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { startStory } from '../support/upload-story.ts';

type Bucket = NonNullable<DeploymentDocument['buckets']>[number];

const onBucket =
  (bucket: Bucket) =>
  (demo: DeploymentDocument): DeploymentDocument => ({ ...demo, buckets: [bucket] });
const common = { id: 'project-123', tenant: 'acme', bucket: 'acme-project-123' };

describe('a bucket on Azure', () => {
  let azurite: Azurite;
  let broker: TestDaypass;
  beforeAll(async () => {
    azurite = await startAzurite();
    await azurite.createContainer('acme-project-123');
    const { account, endpoint, accountKey } = azurite;
    const credentials = { account, account_key_env: 'K' };
    broker = await startTestDaypass({
      configure: onBucket({ ...common, provider: 'azure', endpoint, credentials }),
      env: { K: accountKey },
    });
  }, 60_000);
  afterAll(async () => {
    await broker?.stop();
    await azurite?.stop();
  });

  it('says before anything is on record what one upload takes, and that it takes no parts', async () => {
    const { requestUpload, tokenId } = await startStory(broker);
    const size = 5_000 * 1024 ** 2 + 1;
    for (const [asked, rule] of [
      [{ size }, 'one_put'],
      [{ size, multipart: true }, 'not_supported'],
    ] as const) {
      const refused = await requestUpload(asked);
      expect([refused.status, refused.body.violations]).toMatchObject([400, [{ rule }]]);
      expect(refused.text).toContain('5242880000 bytes');
    }
    const asked = { tokenId, action: 'upload.request' };
    const trail = await broker.ledger.audit.search(asked, { limit: 5, after: undefined });
    expect(trail.map(({ outcome }) => outcome)).toEqual(['denied', 'denied']);
  });
});
