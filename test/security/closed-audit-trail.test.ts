import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.query(`CREATE FUNCTION refuse_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit trail is closed'; END $$`);
}, 60_000);
afterAll(() => stage?.stop());

const whileClosed = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  await stage.query(
    'CREATE TRIGGER closed BEFORE INSERT ON audit_event EXECUTE FUNCTION refuse_audit()',
  );
  try {
    return await work();
  } finally {
    await stage.query('DROP TRIGGER closed ON audit_event');
  }
};

describe('a refusal that cannot be put on record', () => {
  it('is no answer: whoever is known learns nothing that is not written down', async () => {
    const { token, key } = await stage.tokenOf();
    const narrow = () =>
      stage.client.call('/exchange', { token, key, body: { actions: ['hover'] } });
    const upload = () => stage.client.call('/request-upload', { token, key, body: { size: -1 } });
    const list = () => stage.client.call('/objects?prefix=/elsewhere/', { token, key });
    for (const ask of [narrow, upload, list]) {
      const answer = await whileClosed(ask);
      expect(answer).toMatchObject({
        status: 503,
        body: { error: 'temporarily_unavailable', violations: [] },
      });
      expect(answer.headers.get('retry-after')).toBe('1');
      const again = await ask();
      expect(again.status).toBe(400);
      const rows = await stage.query('SELECT outcome FROM audit_event WHERE request_id = $1', [
        again.body.request_id,
      ]);
      expect(rows).toEqual([{ outcome: 'denied' }]);
    }
  });

  it('still refuses whoever is not known, of whom there is nothing to record', async () => {
    const answer = await whileClosed(() => stage.exchange({ claims: { aud: 'somebody-else' } }));
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });

  it('says so at /metrics', async () => {
    const { token, key } = await stage.tokenOf();
    const counted = async (): Promise<number> => {
      const text = (await stage.client.call('/metrics')).text;
      return text
        .split('\n')
        .filter((line) => line.startsWith('daypass_http_request_duration_seconds_count'))
        .filter((line) => line.includes('error="temporarily_unavailable"'))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const before = await counted();
    await whileClosed(() =>
      stage.client.call('/request-upload', { token, key, body: { size: -1 } }),
    );
    expect(await counted()).toBe(before + 1);
  });
});
