import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EgressError } from '../../src/egress/egress-error.ts';
import { createFetch } from '../../src/egress/fetch.ts';
import { startTarget, type Target } from '../unit/egress/target.ts';

/** N01: nothing inside is reached, and the caller cannot tell one reason from another. */
describe('N01 server-side request forgery', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target.close());
  beforeEach(() => {
    target.connections = 0;
  });

  const resolvingTo = (...addresses: string[]) =>
    createFetch({
      allowLoopback: false,
      timeoutMs: 1000,
      lookup: async () =>
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    });
  const production = createFetch({ allowLoopback: false, timeoutMs: 1000 });
  const refusal = (fetch: typeof production, url: string): Promise<unknown> =>
    fetch(url).then(
      () => 'fetched',
      (error: unknown) => error,
    );

  it('would reach the target if it were allowed to', async () => {
    await createFetch({ allowLoopback: true })(target.origin);
    expect(target.connections).toBe(1);
  });

  it.each([
    '127.0.0.1',
    '127.1',
    '0177.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '0',
    '127.0.0.1.',
    '１２７.0.0.1',
    'localhost',
    'localhost.',
    'LOCALHOST',
    '[::1]',
    '[::ffff:7f00:1]',
    '[::ffff:127.0.0.1]',
    '[::7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
  ])('sends no packet to %s', async (host) => {
    for (const scheme of ['http', 'https']) {
      const error = await refusal(production, `${scheme}://${host}:${target.port}/`);
      expect(error).toBeInstanceOf(EgressError);
      expect(error).toHaveProperty('message', 'the address could not be fetched');
    }
    expect(target.connections).toBe(0);
  });

  it.each([
    ['metadata', ['169.254.169.254']],
    ['loopback', ['127.0.0.1']],
    ['a mapped address', ['::ffff:7f00:1']],
    ['one public and one inside', ['93.184.216.34', '127.0.0.1']],
    ['one inside and one public', ['10.0.0.1', '93.184.216.34']],
    ['nothing', []],
  ])('refuses a name that resolves to %s', async (_, addresses) => {
    const error = await refusal(resolvingTo(...addresses), `https://idp.example:${target.port}/`);
    expect(error).toBeInstanceOf(EgressError);
    expect(target.connections).toBe(0);
  });

  it('refuses a public name for loopback in development too', async () => {
    const development = createFetch({
      allowLoopback: true,
      lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    for (const host of ['rebind.example', 'localhost.', 'x.localhost', '[::ffff:127.0.0.1]']) {
      for (const scheme of ['http', 'https']) {
        const error = await refusal(development, `${scheme}://${host}:${target.port}/`);
        expect(error).toBeInstanceOf(EgressError);
      }
    }
    expect(target.connections).toBe(0);
  });

  it.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'data:application/json,{}',
    'ftp://example.com/',
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://example.com:22/',
    'https://example.com:25/',
    'https://example.com:80/',
    'https://example.com:1023/',
    'https://example.com:0/',
    'http://example.com/',
    '//example.com/',
    'https://',
    'https://exa mple.com/',
    '',
  ])('refuses %s before asking a resolver', async (url) => {
    let asked = 0;
    const fetch = createFetch({
      allowLoopback: false,
      lookup: async () => {
        asked += 1;
        return [{ address: '93.184.216.34', family: 4 }];
      },
    });
    expect(await refusal(fetch, url)).toBeInstanceOf(EgressError);
    expect(asked).toBe(0);
  });

  it('does not follow a redirect to the inside', async () => {
    const redirecting = await startTarget((_, response) =>
      response.writeHead(302, { location: `${target.origin}/inside` }).end(),
    );
    const error = await refusal(createFetch({ allowLoopback: true }), redirecting.origin);
    await redirecting.close();
    expect(error).toBeInstanceOf(EgressError);
    expect(target.connections).toBe(0);
  });

  it('says the same whatever the reason', async () => {
    const errors = await Promise.all([
      refusal(production, 'https://127.0.0.1/'),
      refusal(production, 'https://example.com:22/'),
      refusal(production, 'nonsense'),
      refusal(resolvingTo(), 'https://example.com/'),
    ]);
    expect(new Set(errors.map((error) => (error as Error).message)).size).toBe(1);
  });
});
