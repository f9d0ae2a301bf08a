import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

describe('a configuration that cannot be confirmed', () => {
  it('is believed for three seconds, and then nothing is answered by it', async () => {
    const held = await stage.tokenOf();
    const list = async () => {
      const answer = await stage.client.call('/objects', { token: held.token, key: held.key });
      return [answer.status, answer.body.error];
    };
    await stage.query('REVOKE SELECT ON configuration FROM daypass_app');
    try {
      expect(await list()).toEqual([200, undefined]);
      await stage.advance(4);
      expect(await list()).toEqual([503, 'temporarily_unavailable']);
      expect((await stage.client.call('/health/ready')).status).toBe(503);
    } finally {
      await stage.query('GRANT SELECT ON configuration TO daypass_app');
    }
    expect(await list()).toEqual([200, undefined]);
  });

  it('opens no door for an exchange at /token either', async () => {
    await stage.query('REVOKE SELECT ON configuration FROM daypass_app');
    try {
      await stage.advance(4);
      const answer = await stage.tokenExchange({}, { app: 'where2eat' });
      expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable']);
    } finally {
      await stage.query('GRANT SELECT ON configuration TO daypass_app');
    }
  });
});
