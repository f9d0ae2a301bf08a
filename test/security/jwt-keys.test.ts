import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  after,
  epoch,
  type Issuer,
  jwkOf,
  newKey,
  refusalOf,
  type SigningKey,
  START,
  startIssuer,
  UNPROVEN,
} from '../unit/identity/issuer.ts';

const UNAVAILABLE = expect.objectContaining({ code: 'temporarily_unavailable', status: 503 });
const MINUTE = 60;
/** Milliseconds: the issuer that drips its answer costs this much each time. */
const DEADLINE = 3000;

/** J06, J07, G12: neither a flood nor a broken issuer empties the cache, and neither is passed on. */
describe('JWT keys under attack', () => {
  let issuer: Issuer;
  beforeEach(async () => {
    issuer = await startIssuer([newKey()], DEADLINE);
  });
  afterEach(() => issuer.close());

  const longLived = () => issuer.token({ exp: epoch(START) + 3600 });
  /** A well-formed token whose `kid` is made up: its signature need not be right to cause a look-up. */
  const withKid = (token: string, kid: string): string => {
    const [, ...rest] = token.split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid })).toString('base64url');
    return [header, ...rest].join('.');
  };

  it('J06 makes one fetch for 10,000 made-up kids, and serves the genuine meanwhile', async () => {
    const verifier = issuer.verifier();
    const token = await issuer.token();
    const genuine = verifier.verify(token, START);
    const refusals = new Set<string>();
    for (let second = 0; second < 20; second++) {
      const burst = Array.from({ length: 500 }, (_, i) =>
        refusalOf(verifier.verify(withKid(token, `made-up-${second}-${i}`), after(second))),
      );
      for (const refusal of await Promise.all(burst)) refusals.add(JSON.stringify(refusal));
    }
    expect([...refusals]).toEqual([JSON.stringify(UNPROVEN)]);
    expect((await genuine).subject).toBe('ana');
    expect((await verifier.verify(token, after(29))).subject).toBe('ana');
    expect(issuer.fetchesOfKeys()).toBe(1);
  });

  it('J06 makes one more fetch for each further 30 s of flood', async () => {
    const verifier = issuer.verifier();
    const token = await longLived();
    for (let second = 0; second < 95; second++) {
      await refusalOf(verifier.verify(withKid(token, `made-up-${second}`), after(second)));
    }
    expect(issuer.fetchesOfKeys()).toBe(4);
    expect((await verifier.verify(token, after(95))).subject).toBe('ana');
  });

  it('J06 makes one fetch per 30 s while the issuer is down as well', async () => {
    const verifier = issuer.verifier();
    const token = await longLived();
    await verifier.verify(token, START);
    issuer.answers.respond = (_, response) => Boolean(response.writeHead(500).end());
    const before = issuer.requests.length;
    for (let second = 30; second < 90; second++) {
      await refusalOf(verifier.verify(withKid(token, `made-up-${second}`), after(second)));
    }
    expect(issuer.requests.length - before).toBe(2);
    expect((await verifier.verify(token, after(90))).subject).toBe('ana');
  });

  const keySet = (keys: SigningKey[]): string => JSON.stringify({ keys: keys.map(jwkOf) });
  const renamed = (kid: string): SigningKey => ({ ...issuer.keys[0]!, kid });

  const broken: [string, (respond: import('node:http').ServerResponse) => void][] = [
    [
      'an error, although with keys',
      (response) => response.writeHead(503).end(keySet(issuer.keys)),
    ],
    ['nothing', (response) => response.end()],
    ['an empty set', (response) => response.end('{"keys":[]}')],
    ['no set', (response) => response.end('{}')],
    ['a list', (response) => response.end('[]')],
    ['keys that are an object', (response) => response.end('{"keys":{"length":1}}')],
    ['HTML', (response) => response.end('<html>')],
    ['half a set', (response) => response.end('{"keys":[{"kty":"EC"')],
    ['only symmetric keys', (response) => response.end('{"keys":[{"kty":"oct","k":"AAAA"}]}')],
    ['10 MB', (response) => response.end(keySet(issuer.keys).padEnd(10e6))],
    [
      'more than 100 keys',
      (response) =>
        response.end(keySet(Array.from({ length: 101 }, (_, i) => renamed(`key-${i}`)))),
    ],
    ['a redirect', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['a broken connection', (response) => response.destroy()],
    ['two keys of the same kid', (response) => response.end(keySet([issuer.keys[0]!, newKey()]))],
    [
      'a byte now and then',
      (response) => {
        const drip = setInterval(() => response.write(' '), 100);
        response.on('close', () => clearInterval(drip));
      },
    ],
  ];

  it.each(broken)(
    'J07 keeps its keys for 15 min when the issuer answers %s, then refuses',
    async (_, answer) => {
      const verifier = issuer.verifier();
      const token = await longLived();
      await verifier.verify(token, START);
      issuer.answers.respond = (path, response) => {
        if (path === '/jwks') answer(response);
        return path === '/jwks';
      };
      // A made-up kid makes the fetch happen, and waits for it.
      expect(await refusalOf(verifier.verify(withKid(token, 'x'), after(6 * MINUTE)))).toEqual(
        UNAVAILABLE,
      );
      expect((await verifier.verify(token, after(14 * MINUTE))).subject).toBe('ana');
      expect(await refusalOf(verifier.verify(token, after(15 * MINUTE)))).toEqual(UNAVAILABLE);
      expect(issuer.requests).not.toContain('/elsewhere');
    },
  );

  it.each(broken)('J07 starts without keys when the issuer answers %s', async (_, answer) => {
    issuer.answers.respond = (path, response) => {
      if (path === '/jwks') answer(response);
      return path === '/jwks';
    };
    const refusal = await refusalOf(issuer.verifier().verify(await issuer.token(), START));
    expect(refusal).toEqual(UNAVAILABLE);
  });
});
