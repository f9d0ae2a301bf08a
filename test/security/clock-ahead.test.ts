import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mustRefuse } from './refusal.ts';
import { eventually, openStage, type Stage } from './stage.ts';
import { put, uploadsOf } from './uploads.ts';

/**
 * Instances measure PostgreSQL's clock and may err by some milliseconds, under load by many: what one has
 * just issued may bear a later moment than the revocation that another one then makes.
 */
const AHEAD = `interval '2 seconds'`;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());
// Past the revocation of the test before, which lay as far ahead.
beforeEach(() => stage.advance(10));
const { askUpload, askDownload, stored } = uploadsOf(() => stage);

const targets = ['app_id', 'user_id'] as const;

/** What of a holder is named where a revocation names more than the token. */
const targetOf = async (field: (typeof targets)[number], id: string): Promise<object> => {
  const [row] = await stage.query<Record<string, string>>(
    'SELECT app_id, user_id FROM issued_token WHERE token_id = $1',
    [id],
  );
  return { [field]: row?.[field] };
};

describe('T19 what an instance whose clock runs ahead has issued', () => {
  it.each(targets)('dies with its %s: an upload under way is never released', async (field) => {
    const held = await stage.tokenOf({ claims: { sub: `uploads-${field}` } });
    const { uploadUrl, headers, objectId } = await askUpload(held);
    await stage.query(
      `UPDATE stored_object SET created_at = created_at + ${AHEAD} WHERE object_id = $1`,
      [objectId],
    );
    // Nothing is blocked for long: what was issued before is dead all the same.
    await stage.revoke(await targetOf(field, held.id), { block: false });
    expect((await put(uploadUrl, headers)).status).toBe(200);
    const statusOf = async (): Promise<string | undefined> =>
      (
        await stage.query<{ status: string }>(
          'SELECT status FROM stored_object WHERE object_id = $1',
          [objectId],
        )
      )[0]?.status;
    await eventually(async () =>
      ['available', 'quarantined', 'rejected'].includes((await statusOf()) ?? ''),
    );
    expect(await statusOf()).toBe('quarantined');
  });

  it.each(targets)('dies with its %s: a ticket is not redeemed', async (field) => {
    const held = await stage.tokenOf({ claims: { sub: `downloads-${field}` } });
    const url = await askDownload(held, { objectId: await stored(held) });
    await stage.query(`UPDATE ticket SET issued_at = issued_at + ${AHEAD} WHERE token_id = $1`, [
      held.id,
    ]);
    await stage.revoke(await targetOf(field, held.id), { block: false });
    expect((await fetch(url)).status).toBe(410);
  });

  it.each(targets)('dies with its %s: a token is not used', async (field) => {
    const held = await stage.tokenOf({ claims: { sub: `tokens-${field}` } });
    await stage.query(
      `UPDATE issued_token SET issued_at = issued_at + ${AHEAD} WHERE token_id = $1`,
      [held.id],
    );
    await stage.revoke(await targetOf(field, held.id), { block: false });
    const { token, key } = held;
    const answer = await stage.client.call('/objects', { token, key });
    mustRefuse(answer, { status: 401, error: 'invalid_token' });
  });
});
