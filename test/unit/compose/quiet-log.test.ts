import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createClient, newKey } from '../../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';

const lines: string[] = [];
let broker: TestDaypass;
beforeAll(async () => {
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  broker = await startTestDaypass({ logger });
}, 60_000);
afterAll(() => broker?.stop());

const levelOf = (code: string): unknown => {
  const line = lines.map((text) => JSON.parse(text)).find((one) => one.code === code);
  return line && pino.levels.labels[line.level];
};

describe('the log', () => {
  it('makes no line of a first proof, which is refused so that its client learns the nonce', async () => {
    const token = await broker.signIn('ana', 'where2eat');
    const options = { token, key: newKey(), bound: false, body: {} };
    await createClient(broker.url).call('/exchange', options);
    expect(levelOf('use_dpop_nonce')).toBe('debug');
  });

  it('has one for what is refused because it is wrong', async () => {
    await createClient(broker.url).call('/exchange', { token: 'a.b.c', body: {} });
    expect(levelOf('invalid_token')).toBe('info');
  });
});
