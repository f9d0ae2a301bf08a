import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStage, type Stage } from './stage.ts';

/** What is purged proves nothing: nothing that was dead lives again by it. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const positions = async (): Promise<number[]> => {
  const rows = await stage.query<{ position: string }>(
    'SELECT position FROM revocation_event ORDER BY position',
  );
  return rows.map(({ position }) => Number(position));
};

const age = (days: number, revocationId: string): Promise<object[]> =>
  stage.query(
    `UPDATE revocation_event SET effective_at = effective_at - $1 * interval '1 day' WHERE revocation_id = $2`,
    [days, revocationId],
  );

describe('the purge', () => {
  it('R03 lets no dead token live again, and goes on counting where it was', async () => {
    const [first, second] = [await stage.tokenOf(), await stage.tokenOf()];
    const ofFirst = await stage.revoke({ token_id: first.id });
    const ofSecond = await stage.revoke({ token_id: second.id });
    await age(33, String(ofFirst.body.revocation_id));
    await age(31, String(ofSecond.body.revocation_id));
    const before = await positions();

    await stage.broker.ledger.purge();
    expect(await positions()).toEqual(before.slice(1));
    // As if it were the last there ever was: it is kept, or the next would have its number once more.
    await age(10, String(ofSecond.body.revocation_id));
    await stage.broker.ledger.purge();
    expect(await positions()).toEqual(before.slice(-1));
    const third = await stage.tokenOf();
    await stage.revoke({ token_id: third.id });
    expect(Math.max(...(await positions()))).toBe(Math.max(...before) + 1);

    for (const { token, key } of [first, second, third]) {
      const answer = await stage.client.call('/objects', { token, key });
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_token']);
    }
  });

  it('takes what has expired, however much it is, and leaves what has not', async () => {
    const at = new Date(stage.now() * 1000);
    await stage.query(
      `INSERT INTO replay (id, expires_at)
       SELECT 'old-' || n, $1::timestamptz - interval '2 minutes' FROM generate_series(1, 2500) AS n
       UNION ALL SELECT 'new', $1::timestamptz`,
      [at],
    );
    await stage.query(
      `INSERT INTO oidc_artifact (model, id_hash, payload, expires_at)
       VALUES ('FederatedSignIn', 'old', '{}', $1::timestamptz - interval '2 minutes'), ('FederatedSignIn', 'new', '{}', $1)`,
      [at],
    );
    const left = async (sql: string): Promise<string[]> =>
      (await stage.query<{ id: string }>(sql)).map(({ id }) => id);
    const OLD = "SELECT id FROM replay WHERE id LIKE 'old-%'";
    await stage.broker.ledger.purge();
    expect(await left(OLD)).toEqual([]);
    expect(await left("SELECT id FROM replay WHERE id = 'new'")).toEqual(['new']);
    expect(
      await left("SELECT id_hash AS id FROM oidc_artifact WHERE model = 'FederatedSignIn'"),
    ).toEqual(['new']);
  });

  it('takes how uploads were divided a month after they ended, and never one that has not', async () => {
    const at = new Date(stage.now() * 1000);
    await stage.query(
      `INSERT INTO part_upload (object_id, part_size, parts, begun_at, ended_at) VALUES
       ('ended', 1, 1, $1::timestamptz - interval '40 days', $1::timestamptz - interval '33 days'),
       ('lately', 1, 1, $1::timestamptz - interval '40 days', $1::timestamptz - interval '31 days'),
       ('going on', 1, 1, $1::timestamptz - interval '40 days', NULL)`,
      [at],
    );
    await stage.broker.ledger.purge();
    const left = await stage.query('SELECT object_id FROM part_upload ORDER BY object_id');
    expect(left).toEqual([{ object_id: 'going on' }, { object_id: 'lately' }]);
  });
});
