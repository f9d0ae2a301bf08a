import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPages } from '../../../src/http/pages.ts';
import { asRefusal, toReply } from '../../../src/http/refusal.ts';
import { writeReply } from '../../../src/http/reply.ts';
import { toVisit } from '../../../src/http/visit.ts';

let server: Server;
let base: string;

beforeAll(async () => {
  const pages = createPages('/openapi.json?"</script>');
  const context = { requestId: 'r', ip: undefined, traceId: undefined, origin: undefined };
  server = createServer(async (request, response) => {
    const visit = toVisit(request, context);
    const reply = await pages(visit, response).catch((error: unknown) =>
      toReply(asRefusal(error), context.requestId),
    );
    await writeReply(response, visit.method, reply ?? { status: 418 }, {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${base}${path}`, { redirect: 'manual', ...init });

describe('the documentation pages', () => {
  it('lead from the root to /docs', async () => {
    const answer = await get('/');
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('/docs');
  });

  it('hold no script of their own, and load only from here', async () => {
    const answer = await get('/docs');
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(html).not.toMatch(/<script(?! src="\/docs\/)/);
    expect(html).not.toMatch(/ on\w+=|style=|https?:/);
    const policy = answer.headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy?.join()).not.toMatch(/unsafe|\*|https?:/);
  });

  it('answer with everything the page refers to', async () => {
    const html = await (await get('/docs')).text();
    const references = [...html.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(
      ([, path]) => path,
    );
    expect(references).toHaveLength(5);
    for (const path of references) {
      const answer = await get(path ?? '');
      expect([path, answer.status]).toEqual([path, 200]);
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(100);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('name the description as a string, whatever is in it', async () => {
    const script = await (await get('/docs/init.js')).text();
    expect(script).toContain(JSON.stringify('/openapi.json?"</script>'));
    expect(script).toContain('validatorUrl: null');
  });

  it('answer HEAD without a body', async () => {
    const answer = await get('/docs/swagger-ui.css', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(1000);
    expect(await answer.text()).toBe('');
  });

  it('are not sent again to who has them', async () => {
    const first = await get('/docs/swagger-ui.css');
    await first.arrayBuffer();
    const etag = first.headers.get('etag') ?? '';
    // A cache revalidates so; fetch alone would ask for a fresh copy.
    const headers = { 'If-None-Match': etag, 'Cache-Control': 'max-age=0' };
    const again = await get('/docs/swagger-ui.css', { headers });
    expect(again.status).toBe(304);
  });

  it.each(['/', '/docs', '/docs/init.js'])('answer GET and HEAD alone: %s', async (path) => {
    const answer = await get(path, { method: 'POST' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    ['another path', '/elsewhere', 'GET'],
    ['a file of the package that the page does not need', '/docs/package.json', 'GET'],
    ['a path out of the package', '/docs/..%2fpackage.json', 'GET'],
  ])('leave %s to whoever comes next', async (_, path, method) => {
    expect((await get(path, { method })).status).toBe(418);
  });
});
