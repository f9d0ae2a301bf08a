import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Address } from '../../../src/egress/destination.ts';
import { EgressError } from '../../../src/egress/egress-error.ts';
import { createFetch, type FetchOptions } from '../../../src/egress/fetch.ts';
import { startTarget, type Target } from './target.ts';

let target: Target | undefined;
afterEach(() => target?.close());

const serve = async (listener?: RequestListener): Promise<Target> => {
  target = await startTarget(listener);
  return target;
};
const development = (options: Partial<FetchOptions> = {}) =>
  createFetch({ allowLoopback: true, timeoutMs: 1000, ...options });
const answering = (...answers: string[][]) => {
  const asked: string[] = [];
  const lookup = async (hostname: string): Promise<Address[]> => {
    asked.push(hostname);
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? [];
    return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { asked, lookup };
};

describe('egress in development', () => {
  it('gets status, headers and body from loopback', async () => {
    const { origin } = await serve((_, response) =>
      response.writeHead(404, { etag: 'e' }).end('no'),
    );
    const response = await development()(`${origin}/x`);
    expect(response.status).toBe(404);
    expect(response.headers.etag).toBe('e');
    expect(response.body.toString()).toBe('no');
  });

  it('posts a body with headers', async () => {
    const { origin } = await serve((request, response) => {
      let text = `${request.method} ${request.headers['x-a']} `;
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => response.end(text));
    });
    const init = { method: 'POST', headers: { 'x-a': 'b' }, body: 'hello' } as const;
    expect((await development()(origin, init)).body.toString()).toBe('POST b hello');
  });

  it('asks the resolver once and connects to the address that was checked', async () => {
    // Where only the answer that was checked leads: the system's own is 127.0.0.1.
    target = await startTarget(undefined, '127.0.0.2');
    const { asked, lookup } = answering(['127.0.0.2'], ['10.0.0.1']);
    await development({ lookup })(`http://localhost:${target.port}/pinned`);
    expect(asked).toEqual(['localhost']);
    expect(target.requests).toEqual(['/pinned']);
  });

  it('refuses localhost where it resolves to anything but loopback', async () => {
    const { port, ...counted } = await serve();
    const { lookup } = answering(['127.0.0.1', '93.184.216.34']);
    await expect(development({ lookup })(`http://localhost:${port}`)).rejects.toThrow(EgressError);
    expect(counted.requests).toEqual([]);
  });

  it('refuses http to a public host', async () => {
    const { asked, lookup } = answering(['93.184.216.34']);
    await expect(development({ lookup })('http://example.com/')).rejects.toThrow(EgressError);
    expect(asked).toEqual([]);
  });
});

describe('egress limits', () => {
  it('accepts a body of exactly the size cap and refuses one byte more', async () => {
    const { origin } = await serve((request, response) =>
      response.end(Buffer.alloc(Number(request.url?.slice(1)))),
    );
    const fetch = development({ maxBytes: 1000 });
    expect((await fetch(`${origin}/1000`)).body).toHaveLength(1000);
    await expect(fetch(`${origin}/1001`)).rejects.toMatchObject({ detail: 'answer is too large' });
  });

  it('stops reading an endless body at the cap', async () => {
    let sent = 0;
    const { origin } = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && sent < 1e9) {
          sent += 65536;
          if (!response.write(Buffer.alloc(65536))) break;
        }
      };
      response.on('drain', more);
      more();
    });
    await expect(development()(origin)).rejects.toMatchObject({ detail: 'answer is too large' });
    expect(sent).toBeLessThan(50e6);
  });

  it('gives up on a body that drips, although every byte is in time', async () => {
    const { origin } = await serve((_, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const started = performance.now();
    await expect(development({ timeoutMs: 300 })(origin)).rejects.toThrow(EgressError);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('gives up on headers that never come', async () => {
    const { origin } = await serve(() => undefined);
    await expect(development({ timeoutMs: 200 })(origin)).rejects.toThrow(EgressError);
  });

  it('gives up on a resolver that never answers', async () => {
    const lookup = () => new Promise<never>(() => undefined);
    const fetch = createFetch({ allowLoopback: false, timeoutMs: 100, lookup });
    await expect(fetch('https://example.com/')).rejects.toThrow(EgressError);
  });

  it.each([301, 302, 303, 307, 308, 304])(
    'treats %i as an error and does not follow it',
    async (status) => {
      const { origin, requests } = await serve((request, response) =>
        response.writeHead(status, { location: `http://${request.headers.host}/inside` }).end(),
      );
      await expect(development()(`${origin}/`)).rejects.toMatchObject({
        detail: 'answer is a redirect',
      });
      expect(requests).toEqual(['/']);
    },
  );
});
