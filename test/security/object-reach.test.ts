import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { eventually, type Held, ID_TOKEN, openStage, type Stage } from './stage.ts';
import { putObject } from './stored-object.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const keysOf = async (
  held: Pick<Held, 'token' | 'key'>,
  query = '',
): Promise<readonly string[]> => {
  const answer = await stage.client.call(`/objects${query}`, { token: held.token, key: held.key });
  if (answer.status !== 200) throw new Error(`not listed: ${answer.text}`);
  return (answer.body.items as { key: string }[]).map(({ key }) => key);
};

const folderOf = async ({ id }: Held): Promise<string> => {
  const [row] = await stage.query<{ user_id: string }>(
    'SELECT user_id FROM issued_token WHERE token_id = $1',
    [id],
  );
  return `where2eat/${row?.user_id}/`;
};

describe('a listing', () => {
  it('takes _ in a prefix for itself, not for any character', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'lister-1' } });
    const folder = await folderOf(held);
    for (const name of ['a_b/in.png', 'a-b/out.png'])
      await putObject(stage, held, `${folder}${name}`);
    expect(await keysOf(held, `?prefix=/${folder}a_b/`)).toEqual([`${folder}a_b/in.png`]);
    expect(await keysOf(held, `?prefix=/${folder}a-b/`)).toEqual([`${folder}a-b/out.png`]);
  });

  it('shows every part of the token that may list, page by page, when no prefix is asked', async () => {
    const claims = { sub: 'lister-2' };
    const maker = await stage.tokenOf({ claims });
    const folder = await folderOf(maker);
    const part = (prefix: string) => ({
      type: 'daypass_storage',
      locations: ['bucket:project-123'],
      actions: ['list'],
      prefix: `/${folder}${prefix}/`,
    });
    const key = newKey();
    const { body } = await stage.tokenExchange(
      {
        subject_token: stage.idToken(claims),
        subject_token_type: ID_TOKEN,
        authorization_details: JSON.stringify([part('one'), part('two')]),
      },
      { app: 'where2eat', key },
    );
    const held = { token: String(body.access_token), key };
    const keys = [`${folder}one/a.png`, `${folder}two/b.png`];
    for (const each of [...keys, `${folder}three/c.png`]) await putObject(stage, maker, each);

    expect(await keysOf(held)).toEqual(keys);
    const first = await stage.client.call('/objects?limit=1', { token: held.token, key: held.key });
    const cursor = String(first.body.next_cursor);
    expect(await keysOf(held, `?limit=1&cursor=${cursor}`)).toEqual([keys[1]]);
  });
});

describe('a bucket with `sniff: false`', () => {
  const text = Buffer.from('not a picture at all');

  const uploaded = async (): Promise<unknown> => {
    const { token, key } = await stage.tokenOf({ claims: { sub: 'uploader' } });
    const upload = await stage.client.call('/request-upload', {
      body: { filename: 'a.png', size: text.length, contentType: 'image/png' },
      token,
      key,
    });
    await fetch(String(upload.body.uploadUrl), {
      method: 'PUT',
      headers: upload.body.headers as Record<string, string>,
      body: text,
    });
    const path = `/uploads/${String(upload.body.objectId)}`;
    await stage.client.call(`${path}/complete`, { method: 'POST', token, key });
    let status: unknown;
    await eventually(async () => {
      status = (await stage.client.call(path, { token, key })).body.status;
      return status === 'available' || status === 'rejected';
    });
    return status;
  };

  it('takes bytes of another type than declared, which any other bucket rejects', async () => {
    expect(await uploaded()).toBe('rejected');
    const rows = await stage.query(
      `SELECT outcome, reason FROM audit_event WHERE action = 'upload.rejected'`,
    );
    expect(rows).toEqual([
      { outcome: 'denied', reason: expect.stringMatching(/^[a-z_]+: .*image\/png/) },
    ]);
    await stage.reconfigure(({ buckets: [bucket] }) => {
      Object.assign(bucket ?? {}, { validate: { sniff: false } });
    });
    expect(await uploaded()).toBe('available');
  });
});
