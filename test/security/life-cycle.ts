import { expect, it } from '@jest/globals';
import { PNG } from '../support/upload-story.ts';
import { refuses } from './refusal.ts';
import { eventually, type Held } from './stage.ts';
import type { OnProvider } from './storage-cases.ts';
import { put, TEXT, uploadsOf } from './uploads.ts';

/** What becomes of an upload, from end to end through HTTP: the same story on every provider. */
export const itLivesItsLife = ({ name, under, stage }: OnProvider): void => {
  const ask = async (held: Held, path: string, body?: object, method = 'POST') => {
    const { token, key } = held;
    return stage().client.call(path, { ...(body && { body }), token, key, method });
  };
  const statusOf = async (held: Held, objectId: string) =>
    (await ask(held, `/uploads/${objectId}`, undefined, 'GET')).body;
  const gone = { status: 404, error: 'not_found', audited: true } as const;
  const picture = { filename: 'menu.png', size: PNG.length, contentType: 'image/png' };

  it(`the life of an upload on ${name}: inspected, available, downloaded once, listed, deleted`, async () => {
    const { askUpload, askDownload } = uploadsOf(stage);
    const held = await stage().tokenOf({ claims: { sub: 'painter' } });
    const { uploadUrl, headers, objectId } = await askUpload(held, { ...picture, path: 'menus/' });
    expect(await statusOf(held, objectId)).toMatchObject({ objectId, status: 'pending' });
    await refuses(stage(), gone, () => ask(held, '/request-download', { objectId }));

    expect(under().stored).toContain((await put(uploadUrl, headers, PNG)).status);
    // Not even whoever put it there reads it before it was looked at.
    expect((await fetch(uploadUrl)).status).toBe(403);
    expect((await ask(held, `/uploads/${objectId}/complete`)).status).toBe(202);
    await eventually(async () => (await statusOf(held, objectId)).status === 'available');
    expect(await statusOf(held, objectId)).toMatchObject({
      size: PNG.length,
      contentType: 'image/png',
      report: { checks: expect.arrayContaining([{ check: 'type', outcome: 'passed' }]) },
    });

    const ticket = await askDownload(held, { objectId });
    const first = await fetch(ticket);
    expect(Buffer.from(await first.arrayBuffer())).toEqual(PNG);
    expect(first.headers.get('content-disposition')).toMatch(/^attachment/);
    expect((await fetch(ticket)).status).toBe(410);

    const url = await askDownload(held, { objectId, once: false });
    const part = await fetch(url, { headers: { range: 'bytes=0-3' } });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, PNG.subarray(0, 4)]);
    expect(part.headers.get('content-disposition')).toMatch(/^attachment/);

    const list = await ask(held, '/objects', undefined, 'GET');
    expect(list.body.items).toMatchObject([{ objectId, contentType: 'image/png' }]);
    expect((await ask(held, `/objects/${objectId}`, undefined, 'DELETE')).status).toBe(204);
    expect((await fetch(url)).status).toBe(404);
    await refuses(stage(), gone, () => ask(held, '/request-download', { objectId }));
  });

  it(`the life of an upload on ${name}: rejected, with why, and read by nobody`, async () => {
    const { askUpload } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const { uploadUrl, headers, objectId } = await askUpload(held, picture);
    const lie = Buffer.from('<script>alert(1)</script>'.padEnd(PNG.length, ' '));
    expect(under().stored).toContain((await put(uploadUrl, headers, lie)).status);
    await ask(held, `/uploads/${objectId}/complete`);
    await eventually(async () => (await statusOf(held, objectId)).status === 'rejected');
    expect(await statusOf(held, objectId)).toMatchObject({
      reason: expect.stringContaining('image/png'),
    });
    await refuses(stage(), gone, () => ask(held, '/request-download', { objectId }));
  });

  it(`the life of an upload on ${name}: quarantined, read by nobody, and released`, async () => {
    const { stored, askDownload } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const objectId = await stored(held);
    const [url, ticket] = [
      await askDownload(held, { objectId, once: false }),
      await askDownload(held, { objectId }),
    ];
    const desk = await stage().adminOf(['security']);
    const decide = (decision: string) =>
      ask(desk, `/admin/v1/uploads/${objectId}/${decision}`, { reason: 'a leaked menu' });
    expect((await decide('quarantine')).body).toMatchObject({ status: 'quarantined' });
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(ticket)).status).toBe(410);
    await refuses(stage(), gone, () => ask(held, '/request-download', { objectId }));

    expect((await decide('release')).body).toMatchObject({ status: 'available' });
    expect(await (await fetch(await askDownload(held, { objectId }))).text()).toBe(TEXT);
  });

  it(`the life of an upload on ${name}: what is revoked meanwhile never becomes available`, async () => {
    const { askUpload, stored } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const before = await stored(held);
    const { uploadUrl, headers, objectId } = await askUpload(held, picture);
    await stage().revoke({ token_id: held.id });
    expect(under().stored).toContain((await put(uploadUrl, headers, PNG)).status);
    const refused = { status: 401, error: 'invalid_token', audited: true } as const;
    await refuses(stage(), refused, () => ask(held, `/uploads/${objectId}/complete`));
    await refuses(stage(), refused, () => ask(held, '/request-download', { objectId: before }));
    // What had been released before stays, for others whom the prefix is for.
    const other = await stage().tokenOf();
    expect((await ask(other, '/request-download', { objectId: before })).status).toBe(201);
    await refuses(stage(), gone, () => ask(other, '/request-download', { objectId }));
  });
};
