import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';

let broker: TestDaypass | undefined;
afterEach(() => broker?.stop());

describe('starting', () => {
  it('warns of each setting in force that this release does not act on', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
    broker = await startTestDaypass({
      logger,
      configure: (demo) => ({ ...demo, limits: { ...demo.limits, max_actors: 2 } }),
    });
    expect(lines).toEqual([expect.objectContaining({ level: 40, field: 'limits.max_actors' })]);
  }, 60_000);
});
