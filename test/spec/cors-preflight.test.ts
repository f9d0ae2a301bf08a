import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';

const ORIGIN = 'http://localhost:5173';

let broker: TestDaypass;
beforeAll(async () => {
  broker = await startTestDaypass();
}, 60_000);
afterAll(() => broker?.stop());

const preflight = (path: string, origin = ORIGIN) =>
  createClient(broker.url).call(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,dpop',
    },
  });

const listOf = (header: string | null): string[] =>
  (header ?? '').split(',').map((name) => name.trim().toLowerCase());

describe('a preflight', () => {
  it.each([
    '/exchange',
    '/issue-token',
    '/request-upload',
    '/request-download',
    '/objects',
    '/objects/ob_x',
    '/token',
  ])('lets a page of an app call %s, with exactly the headers the contract names', async (path) => {
    const { status, headers, text } = await preflight(path);
    expect({ status, text }).toEqual({ status: 204, text: '' });
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(listOf(headers.get('access-control-allow-headers')).toSorted()).toEqual([
      'authorization',
      'content-type',
      'dpop',
      'traceparent',
    ]);
    expect(listOf(headers.get('access-control-allow-methods'))).toEqual(
      expect.arrayContaining(['get', 'post', 'delete']),
    );
    expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(0);
    expect(listOf(headers.get('vary'))).toContain('origin');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each(['/authorize', '/admin/v1/tokens', '/admin/v1/config', '/admin'])(
    'finds nothing at %s',
    async (path) => {
      const { status, headers } = await preflight(path);
      expect(status).toBeGreaterThanOrEqual(400);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    },
  );

  it("tells a page of nobody's nothing", async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      `${ORIGIN}.evil.example`,
      'http://localhost',
    ]) {
      const { status, headers } = await preflight('/exchange', origin);
      expect(status).toBe(403);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('is followed by an answer whose headers a page can read, refusals too', async () => {
    const { status, headers } = await createClient(broker.url).call('/exchange', {
      body: {},
      headers: { origin: ORIGIN },
    });
    expect(status).toBe(401);
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(listOf(headers.get('access-control-expose-headers')).toSorted()).toEqual([
      'dpop-nonce',
      'ratelimit',
      'retry-after',
      'www-authenticate',
      'x-request-id',
    ]);
  });
});
