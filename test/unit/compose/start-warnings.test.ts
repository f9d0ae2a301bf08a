import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';

let broker: TestDaypass | undefined;
afterEach(() => broker?.stop());

const SCANNED = {
  id: 'scanned',
  tenant: 'acme',
  provider: 'local',
  validate: { antivirus: 'clamd://localhost:3310' },
} as const;

describe('starting', () => {
  it('warns of each setting in force that this release does not act on', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
    broker = await startTestDaypass({
      logger,
      configure: (demo) => ({ ...demo, buckets: [...(demo.buckets ?? []), SCANNED] }),
    });
    const field = 'buckets[1].validate.antivirus';
    expect(lines).toEqual([expect.objectContaining({ level: 40, field })]);
  }, 60_000);
});
