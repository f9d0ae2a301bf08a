import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose';
import { DEMO_SECRET } from '../../src/compose/configuration.ts';
import { createClient, newKey } from '../support/client.ts';
import { type Rig, startRig, unlimited } from '../support/rig.ts';
import { printFigures } from './figures.ts';

const ROTATIONS = 10;
const INSTANCES = 2;
/** Seconds a key is published before it signs; verifiers keep the set half as long. */
const AHEAD = 4;
const ORDERS = 'https://orders.acme.example';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({
    instances: INSTANCES,
    configure: (demo) => ({
      ...unlimited(demo),
      keys: { rotate_every: '90d', publish_ahead: `${AHEAD}s` },
    }),
  });
}, 120_000);
afterAll(() => rig?.stop());

/**
 * A resource server that reads `/jwks` of one instance when its copy has ended, as each answer's
 * `Cache-Control` said, and never because a key is unknown: it believes what it was told, and that alone.
 */
const verifierAt = (url: string) => {
  const copy = { fetched: 0, longest: 0, ends: 0 };
  const keys = createRemoteJWKSet(new URL(`${url}/jwks`), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
    [customFetch]: async (...args: Parameters<typeof fetch>) => {
      const answer = await fetch(...args);
      const directive = answer.headers.get('cache-control') ?? '';
      const maxAge = Number(/^public, max-age=(\d+)$/.exec(directive)?.[1]);
      copy.fetched += 1;
      copy.longest = Math.max(copy.longest, maxAge);
      copy.ends = performance.now() + maxAge * 1000;
      return answer;
    },
  });
  return {
    copy,
    verify: async (token: string) => {
      if (performance.now() >= copy.ends) await keys.reload();
      return jwtVerify(token, keys, { issuer: rig.url, audience: ORDERS });
    },
  };
};

interface Tally {
  exchanges: number;
  readonly refused: string[];
  readonly failed: string[];
  readonly kids: Set<string>;
}

/** Takes JWTs from one instance without pause, each shown to every verifier at once. */
const load = async (
  url: string,
  verifiers: readonly ReturnType<typeof verifierAt>[],
  tally: Tally,
  isOver: () => boolean,
): Promise<void> => {
  const client = createClient(url, rig.url);
  const headers = {
    authorization: `Basic ${Buffer.from(`nightly-report:${DEMO_SECRET}`).toString('base64')}`,
  };
  const form = { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' };
  while (!isOver()) {
    const answer = await client.call('/token', { form, headers });
    tally.exchanges += 1;
    if (answer.status !== 200) {
      tally.refused.push(answer.text);
      continue;
    }
    const token = String(answer.body.access_token);
    tally.kids.add(String(decodeProtectedHeader(token).kid));
    await Promise.all(
      verifiers.map(({ verify }) =>
        verify(token).catch((error: unknown) => tally.failed.push(String(error))),
      ),
    );
  }
};

/** The security desk, which rotates through either instance. */
const desk = async () => {
  const key = newKey();
  const client = createClient(rig.url);
  const answer = await client.call('/exchange', {
    token: await rig.signIn('sam', 'daypass'),
    bound: false,
    key,
    body: { app_id: 'daypass-cli', resource: `${rig.url}/admin`, actions: ['admin'] },
  });
  const token = String(answer.body.access_token);
  const clients = rig.brokers.map(({ url }) => createClient(url, rig.url));
  return {
    rotate: async (place: number) => {
      const { status, body } = await (clients[place % INSTANCES] ?? client).call(
        '/admin/v1/keys/rotate',
        { body: {}, token, key },
      );
      expect(status).toBe(200);
      return body.rotations as { outcome: string; kid: string; signs_from: string }[];
    },
  };
};

describe('G11 signing keys under load', () => {
  it('G11 rotate ten times, and no verifier that keeps /jwks as long as it may refuses a token', async () => {
    const urls = rig.brokers.map(({ url }) => url);
    const verifiers = urls.map(verifierAt);
    const tally: Tally = { exchanges: 0, refused: [], failed: [], kids: new Set() };
    let over = false;
    const loads = [...urls, ...urls].map((url) => load(url, verifiers, tally, () => over));

    const { rotate } = await desk();
    const asked: string[] = [];
    for (let round = 0; round < ROTATIONS; round += 1) {
      // Every other time as early as possible, so that it is the broker that has to wait.
      if (round % 2 === 0) await pause(AHEAD * 1000);
      const [rotation] = await rotate(round);
      asked.push(String(rotation?.kid));
      const until = Date.parse(String(rotation?.signs_from)) + 10_000;
      while (!tally.kids.has(String(rotation?.kid)) && Date.now() < until) await pause(20);
    }
    await pause(1_500);
    over = true;
    await Promise.all(loads);

    expect(tally.failed).toEqual([]);
    expect(tally.refused).toEqual([]);
    expect(new Set(asked).size).toBe(ROTATIONS);
    expect([...tally.kids]).toEqual(expect.arrayContaining(asked));
    expect(tally.exchanges).toBeGreaterThan(1_000);
    for (const { copy } of verifiers) {
      expect(copy.longest).toBe(AHEAD / 2);
      expect(copy.fetched).toBeGreaterThan(ROTATIONS / 2);
    }
    printFigures(`Keys: ${ROTATIONS} rotations under load on ${INSTANCES} instances`, [
      {
        tokens: tally.exchanges,
        keys: tally.kids.size,
        verifiers: verifiers.length,
        'failed verifications': tally.failed.length,
      },
    ]);
  }, 180_000);
});
