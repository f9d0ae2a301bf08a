import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openForAdministration } from '../../../src/compose/administration.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { createClient, newKey } from '../../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';

const [OLD, NEW] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

let first: TestDaypass;
beforeAll(async () => {
  first = await startTestDaypass({ env: { KEY_ENCRYPTION_KEY: OLD } });
}, 60_000);
afterAll(() => first?.stop());

const kids = async ({ url }: TestDaypass): Promise<string[]> => {
  const { keys } = (await (await fetch(`${url}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
};
const beside = (env: Record<string, string>) => startTestDaypass({ beside: first, env });

const reseal = async (env: Record<string, string>): Promise<number> => {
  const config = loadConfig({ DATABASE_URL: first.databaseUrl, DAYPASS_HOME: first.home, ...env });
  const administration = await openForAdministration(config);
  try {
    return await administration.resealKeys();
  } finally {
    await administration.close();
  }
};

describe('changing KEY_ENCRYPTION_KEY', () => {
  it('with the previous one beside it, the same keys go on; resealed, they need the previous no more', async () => {
    await expect(beside({ KEY_ENCRYPTION_KEY: NEW })).rejects.toThrow(
      'KEY_ENCRYPTION_KEY_PREVIOUS',
    );

    const both = { KEY_ENCRYPTION_KEY: NEW, KEY_ENCRYPTION_KEY_PREVIOUS: OLD };
    const second = await beside(both);
    try {
      expect(await kids(second)).toEqual(await kids(first));
      // Nonces are derived from it as well: one of before is good at an instance of after.
      const before = createClient(first.url, first.issuer);
      await before.call('/exchange', { body: {}, key: newKey() });
      const proof = newKey().prove({
        method: 'POST',
        url: `${first.issuer}/exchange`,
        nonce: before.nonce(),
      });
      const answer = await fetch(`${second.url}/exchange`, {
        method: 'POST',
        body: '{"app_id":"where2eat","resource":"bucket:project-123"}',
        headers: {
          dpop: proof,
          authorization: `Bearer ${await first.signIn('ana', 'where2eat')}`,
        },
      });
      expect(answer.status).toBe(200);
    } finally {
      await second.stop();
    }

    expect(await reseal(both)).toBe(2);
    expect(await reseal(both)).toBe(0);

    const third = await beside({ KEY_ENCRYPTION_KEY: NEW });
    try {
      expect(await kids(third)).toEqual(await kids(first));
    } finally {
      await third.stop();
    }
    await expect(beside({ KEY_ENCRYPTION_KEY: OLD })).rejects.toThrow(
      'a signing key in the database',
    );
  }, 60_000);
});
