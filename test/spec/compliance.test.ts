import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type Held, openStage, type Stage } from '../security/stage.ts';
import { type Answer, newKey } from '../support/client.ts';

/** Class, place and basis of data: preconditions of what is issued, and part of every record. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const EUROPEAN = { region: 'eu' };

const ask = (bucket: string, body: object = {}, claims: object = {}): Promise<Answer> =>
  stage.exchange({
    key: newKey(),
    claims: { ...EUROPEAN, ...claims },
    body: { resource: `bucket:${bucket}`, actions: ['read', 'write'], ...body },
  });

const holding = (bucket: string, body: object): Promise<Held> =>
  stage.tokenOf({ claims: EUROPEAN, body: { resource: `bucket:${bucket}`, ...body } });

const call = (held: Held, path: string, body?: object, method = 'POST'): Promise<Answer> =>
  stage.client.call(path, { method, ...(body && { body }), token: held.token, key: held.key });

const upload = async (held: Held): Promise<string> => {
  const { status, body } = await call(held, '/request-upload', {
    filename: 'a.txt',
    size: 4,
    contentType: 'text/plain',
  });
  expect(status).toBe(201);
  const headers = body.headers as Record<string, string>;
  await fetch(String(body.uploadUrl), { method: 'PUT', headers, body: 'text' });
  await call(held, `/uploads/${String(body.objectId)}/complete`);
  await eventually(async () => {
    const [row] = await stage.query<{ status: string }>(
      'SELECT status FROM stored_object WHERE object_id = $1',
      [String(body.objectId)],
    );
    return row?.status === 'available';
  });
  return String(body.objectId);
};

interface Row {
  readonly action: string;
  readonly outcome: string;
  readonly classification: string | null;
  readonly lawful_basis: string | null;
  readonly residency: string | null;
}

const ruleOf = ({ body }: Answer): unknown =>
  (body.violations as { rule: string }[] | undefined)?.map(({ rule }) => rule);

describe('confidential data', () => {
  it('are for whoever states a lawful basis, where their tenant keeps them', async () => {
    expect((await ask('vault', { lawful_basis: 'contract' })).status).toBe(200);
    const baseless = await ask('vault');
    expect([baseless.status, ruleOf(baseless)]).toEqual([403, ['lawful_basis_stated']]);
    const abroad = await ask('abroad', { lawful_basis: 'contract' });
    expect(abroad.status).toBe(403);
    expect(ruleOf(abroad)).toContain('residency_of_tenant');
    const stranger = await ask('vault', { lawful_basis: 'contract' }, { region: 'us' });
    expect([stranger.status, ruleOf(stranger)]).toEqual([403, ['residency_of_user']]);
  });

  it('have class, basis and place in every record of what was done with them', async () => {
    const held = await holding('vault', {
      actions: ['read', 'write', 'delete'],
      lawful_basis: 'contract',
    });
    const objectId = await upload(held);
    const asked = await call(held, '/request-download', { objectId });
    await fetch(String(asked.body.downloadUrl));
    expect((await fetch(String(asked.body.downloadUrl))).status).toBe(410);
    await call(held, `/objects/${objectId}`, undefined, 'DELETE');

    const rows = await stage.query<Row>(
      `SELECT action, outcome, classification, lawful_basis, residency FROM audit_event
       WHERE token_id = $1 OR object_id = $2`,
      [held.id, objectId],
    );
    const actions = new Set(rows.map(({ action }) => action));
    for (const action of [
      'token.issue',
      'upload.request',
      'upload.complete',
      'upload.available',
      'download.request',
      'download.redeem',
      'object.delete',
    ])
      expect([...actions]).toContain(action);
    const bare = rows.filter(
      ({ classification, lawful_basis, residency }) =>
        classification !== 'confidential' || lawful_basis !== 'contract' || residency !== 'eu',
    );
    expect(bare).toEqual([]);
  });

  it('have class and place in the record of a refusal, and nothing of another tenant’s', async () => {
    await ask('vault', {}, { sub: 'refused-one' });
    await ask('globex-files', {}, { sub: 'refused-two' });
    const rows = await stage.query<Row & { resource: string }>(
      `SELECT resource, classification, lawful_basis, residency FROM audit_event
       WHERE action = 'token.issue' AND outcome = 'denied' ORDER BY event_id DESC LIMIT 2`,
    );
    expect(rows).toMatchObject([
      { resource: 'bucket:globex-files', classification: null, residency: null },
      { resource: 'bucket:vault', classification: 'confidential', residency: 'eu' },
    ]);
  });
});

describe('a bucket that is locked for retention', () => {
  it('gives nobody the action to delete', async () => {
    const answer = await ask('archive', { actions: ['read', 'delete'] });
    expect([answer.status, ruleOf(answer)]).toEqual([403, ['retention_forbids_delete']]);
    expect((await ask('archive', { actions: ['read', 'write'] })).status).toBe(200);
  });

  it('is not deleted from by a token of before it was locked', async () => {
    const held = await holding('project-123', { actions: ['read', 'write', 'delete'] });
    const objectId = await upload(held);
    await stage.reconfigure((draft) => {
      for (const bucket of draft.buckets)
        if (bucket.id === 'project-123') Object.assign(bucket, { retention: { locked: true } });
    });
    const answer = await call(held, `/objects/${objectId}`, undefined, 'DELETE');
    expect([answer.status, ruleOf(answer)]).toEqual([403, ['retention_forbids_delete']]);
    const download = await call(held, '/request-download', { objectId });
    expect((await fetch(String(download.body.downloadUrl))).status).toBe(200);
  });
});
