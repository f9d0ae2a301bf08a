import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  after,
  type Issuer,
  jwkOf,
  newKey,
  refusalOf,
  START,
  startIssuer,
  UNPROVEN,
} from './issuer.ts';

const UNAVAILABLE = expect.objectContaining({ code: 'temporarily_unavailable', status: 503 });
const MINUTE = 60;

describe('issuer keys', () => {
  let issuer: Issuer;
  beforeEach(async () => {
    issuer = await startIssuer();
  });
  afterEach(() => issuer.close());

  /** Tokens that live long enough for the cache to grow old. */
  const longLived = () => issuer.token({ exp: START.getTime() / 1000 + 3600 });
  const goDown = () => {
    issuer.answers.respond = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
  };
  const goUp = () => {
    delete issuer.answers.respond;
  };
  const fetched = async (count: number) => {
    while (issuer.fetchesOfKeys() < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('are fetched once for concurrent tokens and cached for the next', async () => {
    const verifier = issuer.verifier();
    const token = await issuer.token();
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token, START)));
    await verifier.verify(token, after(200));
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/jwks']);
  });

  it('are refreshed behind a token after five minutes, without the token waiting', async () => {
    const verifier = issuer.verifier();
    const token = await longLived();
    await verifier.verify(token, START);
    // An issuer that never answers again must not hold up a token whose key is cached.
    issuer.answers.respond = () => true;
    const started = performance.now();
    await verifier.verify(token, after(5 * MINUTE));
    expect(performance.now() - started).toBeLessThan(4000);
    await fetched(2);
  });

  it('pick up a new key and drop a withdrawn one', async () => {
    const verifier = issuer.verifier();
    const old = await longLived();
    await verifier.verify(old, START);
    issuer.keys.splice(0, 1, newKey('ES256', 'next'));
    const fresh = await longLived();
    expect((await verifier.verify(fresh, after(30))).subject).toBe('ana');
    expect(await refusalOf(verifier.verify(old, after(31)))).toEqual(UNPROVEN);
  });

  it('are believed for fifteen minutes of outage, then not, and again when the issuer is back', async () => {
    const verifier = issuer.verifier();
    const token = await longLived();
    await verifier.verify(token, START);
    goDown();
    for (const minute of [5, 10, 14]) {
      expect((await verifier.verify(token, after(minute * MINUTE))).subject).toBe('ana');
    }
    expect(await refusalOf(verifier.verify(token, after(15 * MINUTE)))).toEqual(UNAVAILABLE);
    goUp();
    expect((await verifier.verify(token, after(16 * MINUTE))).subject).toBe('ana');
  });

  it('recover within seconds when the issuer comes up after we do', async () => {
    goDown();
    const verifier = issuer.verifier();
    const token = await issuer.token();
    expect(await refusalOf(verifier.verify(token, START))).toEqual(UNAVAILABLE);
    goUp();
    expect(await refusalOf(verifier.verify(token, after(0.5)))).toEqual(UNAVAILABLE);
    expect((await verifier.verify(token, after(1))).subject).toBe('ana');
  });

  it('are asked for ever less often while they cannot be had', async () => {
    goDown();
    const verifier = issuer.verifier();
    const token = await longLived();
    for (let second = 0; second < 10 * MINUTE; second++) {
      await refusalOf(verifier.verify(token, after(second)));
    }
    // 1 + 2 + 4 + 8 + 16 seconds, then every 30.
    expect(issuer.requests.length).toBeLessThanOrEqual(26);
    expect(issuer.requests.length).toBeGreaterThan(20);
  });

  it('grow old when the clock is set back', async () => {
    const verifier = issuer.verifier();
    const token = await issuer.token({ iat: START.getTime() / 1000 - 3600 });
    await verifier.verify(token, START);
    await verifier.verify(token, after(-3600));
    expect(issuer.fetchesOfKeys()).toBe(2);
  });

  it('are found again where discovery says they moved to', async () => {
    const verifier = issuer.verifier();
    await verifier.verify(await issuer.token(), START);
    issuer.answers.metadata = (issuerUrl) => ({
      issuer: issuerUrl,
      jwks_uri: `${issuerUrl}/moved`,
    });
    issuer.answers.respond = (path, response) => {
      if (path === '/jwks') response.writeHead(404).end();
      if (path === '/moved') response.end(JSON.stringify(issuer.answers.jwks()));
      return path === '/jwks' || path === '/moved';
    };
    issuer.keys.push(newKey('ES256', 'next'));
    const token = await issuer.token({}, {}, issuer.keys[1]);
    expect(await refusalOf(verifier.verify(token, after(60)))).toEqual(UNAVAILABLE);
    expect((await verifier.verify(token, after(90))).subject).toBe('ana');
  });

  it.each([
    ['metadata of another issuer', () => ({ issuer: 'https://evil.example', jwks_uri: 'x' })],
    [
      'metadata with a slash too many',
      (url: string) => ({ issuer: `${url}/`, jwks_uri: `${url}/jwks` }),
    ],
    ['metadata without jwks_uri', (url: string) => ({ issuer: url })],
    ['metadata that is a list', () => []],
    ['a jwks_uri inside', (url: string) => ({ issuer: url, jwks_uri: 'http://10.0.0.1/jwks' })],
    [
      'a jwks_uri that is a file',
      (url: string) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }),
    ],
  ])('cannot be had from %s', async (_, metadata) => {
    issuer.answers.metadata = metadata;
    const refusal = await refusalOf(issuer.verifier().verify(await issuer.token(), START));
    expect(refusal).toEqual(UNAVAILABLE);
    expect(issuer.fetchesOfKeys()).toBe(0);
  });

  it('without kid are found only where exactly one fits', async () => {
    const anonymous = await issuer.token({}, { kid: undefined });
    expect((await issuer.verifier().verify(anonymous, START)).subject).toBe('ana');
    issuer.keys.push(newKey('RS256'));
    expect((await issuer.verifier().verify(anonymous, START)).subject).toBe('ana');
    issuer.keys.push(newKey('ES256', 'second'));
    expect(await refusalOf(issuer.verifier().verify(anonymous, START))).toEqual(UNPROVEN);
  });

  it('may share a kid across key types, not within one', async () => {
    issuer.keys.push(newKey('RS256', issuer.keys[0]!.kid));
    for (const key of issuer.keys) {
      const token = await issuer.token({}, {}, key);
      expect((await issuer.verifier().verify(token, START)).subject).toBe('ana');
    }
    issuer.keys.push(newKey('ES256', issuer.keys[0]!.kid));
    expect(await refusalOf(issuer.verifier().verify(await issuer.token(), START))).toEqual(
      UNAVAILABLE,
    );
  });

  it.each([
    ['for encryption', { use: 'enc' }],
    ['for another operation', { key_ops: ['encrypt'] }],
    ['with its private half', { d: 'AAAA' }],
    ['tied to another algorithm', { alg: 'ES384' }],
    ['off its curve', { x: Buffer.alloc(32, 1).toString('base64url') }],
    ['with a padded coordinate', { x: `${Buffer.alloc(32, 1).toString('base64url')}=` }],
    ['with a kid that is no string', { kid: 7 }],
  ])('are passed over when %s', async (_, members) => {
    const usable = newKey('RS256');
    issuer.answers.jwks = () => ({
      keys: [
        { ...jwkOf(issuer.keys[0]!), ...members },
        null,
        'x',
        { kty: 'oct', k: 'AAAA' },
        jwkOf(usable),
      ],
    });
    expect(await refusalOf(issuer.verifier().verify(await issuer.token(), START))).toEqual(
      UNPROVEN,
    );
    const token = await issuer.token({}, {}, usable);
    expect((await issuer.verifier().verify(token, START)).subject).toBe('ana');
  });
});
