import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';
import { startTokenService } from '../../support/sts-stand-in.ts';

let broker: TestDaypass | undefined;
afterEach(() => broker?.stop());

const KEYED = {
  id: 'keyed',
  tenant: 'acme',
  provider: 's3',
  bucket: 'acme-keyed',
  region: 'eu-west-1',
  credentials: { access_key_id_env: 'KEYED_ID', secret_access_key_env: 'KEYED_SECRET' },
} as const;

describe('starting', () => {
  it('warns of each bucket in force that a key without an end opens', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
    broker = await startTestDaypass({
      logger,
      configure: (demo) => ({ ...demo, buckets: [...(demo.buckets ?? []), KEYED] }),
    });
    const field = 'buckets[0].credentials.access_key_id_env';
    const msg = 'a bucket is opened by a key that has no end';
    expect(lines).toEqual([expect.objectContaining({ level: 40, field, msg })]);
  }, 60_000);

  it('S08 on s3: is refused where the key of a root user opens a bucket', async () => {
    const service = await startTokenService(undefined, 'arn:aws:iam::123456789012:root');
    const starting = startTestDaypass({
      configure: (demo) => ({
        ...demo,
        buckets: [...(demo.buckets ?? []), { ...KEYED, endpoint: service.url }],
      }),
      env: { KEYED_ID: 'AKIDROOT', KEYED_SECRET: 'never printed' },
    });
    const message = await starting.then(
      (started) => {
        broker = started;
        return 'it started';
      },
      (error: Error) => error.message,
    );
    await service.stop();
    expect(message).toMatch(/buckets\.keyed\.credentials.*root user[\s\S]*use a role/);
    expect(message).not.toContain('never printed');
  }, 60_000);
});
