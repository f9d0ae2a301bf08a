import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

let broker: TestDaypass;
let port: number;
beforeAll(async () => {
  port = await freePort();
  const env = { CONTENT_PORT: String(port), CONTENT_ORIGIN: 'https://content.example' };
  broker = await startTestDaypass({ env });
}, 60_000);
afterAll(() => broker?.stop());

describe('CONTENT_PORT', () => {
  it('is where user content is served, whatever its public origin is', async () => {
    expect(broker.contentOrigin).toBe('https://content.example');
    const answer = await fetch(`http://127.0.0.1:${port}/d/nothing`);
    expect(answer.status).toBe(410);
  });
});
