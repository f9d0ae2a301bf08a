import { expect, it } from '@jest/globals';
import { createGcsStore } from '../../src/storage/gcs/gcs-store.ts';
import type { StorageUnderTest } from '../support/storage-providers.ts';
import type { OnProvider } from './storage-cases.ts';
import { put, TEXT, uploadsOf } from './uploads.ts';

/** A ticket is the same on every provider: it is the broker that keeps it. */
export const itKeepsTickets = ({ name, stage, under }: OnProvider): void => {
  const ticketFor = async (asked: object = {}): Promise<string> => {
    const { stored, askDownload } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const url = await askDownload(held, { objectId: await stored(held), ...asked });
    expect(new URL(url).origin).toBe(stage().broker.contentOrigin);
    return url;
  };
  const get = (url: string, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init });

  it(`a ticket on ${name} streams once, as an attachment that runs nothing`, async () => {
    const url = await ticketFor();
    expect((await get(url, { method: 'HEAD' })).status).toBe(405);
    // A part would leave the rest unread for ever: the whole comes, whatever was asked for.
    const first = await get(url, { headers: { range: 'bytes=0-3' } });
    expect(first.status).toBe(200);
    expect(await first.text()).toBe(TEXT);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-disposition': expect.stringMatching(/^attachment/),
      'content-type': expect.stringContaining('text/plain'),
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
    });
    expect((await get(url)).status).toBe(410);
  });

  it(`a ticket on ${name} streams to one of many who come at once`, async () => {
    const url = await ticketFor();
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(url)));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(410)]);
  });

  it(`a ticket on ${name} redirects once, to what serves the object as an attachment`, async () => {
    const url = await ticketFor({ delivery: 'redirect' });
    const first = await get(url);
    expect([first.status, first.headers.get('cache-control')]).toEqual([303, 'no-store']);
    const object = await get(String(first.headers.get('location')));
    expect(await object.text()).toBe(TEXT);
    expect(object.headers.get('content-disposition')).toMatch(/^attachment/);
    expect((await get(url)).status).toBe(410);
  });

  const lends = LENDS[name];
  if (lends === undefined) return;
  it(`a presigned URL on ${name} is of the inspected version, or there is none, where others write directly`, async () => {
    const { stored, askDownload } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const { token, key } = held;
    const body = { objectId: await stored(held) };
    const earlier = await askDownload(held, { ...body, delivery: 'redirect' });
    await stage().reconfigure(({ buckets: [bucket] }) => {
      Object.assign(bucket ?? {}, { temporary_credentials: { ...lends.by, direct_write: true } });
    });
    try {
      for (const [field, more] of [
        ['once', { once: false }],
        ['delivery', { delivery: 'redirect' }],
      ] as const) {
        const ask = () =>
          stage().client.call('/request-download', { body: { ...body, ...more }, token, key });
        if (lends.hasVersions) expect((await ask()).status).toBe(201);
        else
          expect(await ask()).toMatchObject({
            status: 400,
            body: { violations: [{ field, rule: 'unversioned_direct_write' }] },
          });
      }
      const redirect = await get(earlier);
      expect(redirect.status).toBe(lends.hasVersions ? 303 : 410);
      expect(await (await get(await askDownload(held, body))).text()).toBe(TEXT);
      if (!lends.hasVersions) return;

      const direct = await askDownload(held, { ...body, once: false });
      const redirected = String(redirect.headers.get('location'));
      const again = await get(await askDownload(held, { ...body, delivery: 'redirect' }));
      const urls = [direct, redirected, String(again.headers.get('location'))];
      expect(await (await get(direct)).text()).toBe(TEXT);
      await replaceOnGcs(under(), decodeURIComponent(new URL(direct).pathname));
      for (const url of urls) {
        const answer = await get(url);
        expect([answer.status, await answer.text()]).toEqual([
          404,
          expect.not.stringContaining(UNINSPECTED),
        ]);
      }
    } finally {
      await stage().reconfigure(() => undefined);
    }
  });
};

const UNINSPECTED = 'nobody looked at this';

/** As a holder of lent credentials would, who writes past the broker. */
const replaceOnGcs = async (
  { bucket, env, root }: StorageUnderTest,
  path: string,
): Promise<void> => {
  if (bucket.provider !== 'gcs') throw new Error('only Google has versions here');
  const store = createGcsStore({
    bucket: bucket.bucket,
    endpoint: String(bucket.endpoint),
    credentials: { kind: 'service_account', json: () => String(env.K) },
  });
  const grant = { size: UNINSPECTED.length, contentType: 'text/plain', expiresIn: 60 };
  const { url, headers } = await store.presignPut({ ...grant, key: 'aside' }, new Date());
  expect((await put(url, headers, UNINSPECTED)).status).toBe(200);
  const { version = '' } = (await store.head('aside')) ?? {};
  await store.copy('aside', path.slice(root.length), version, 'text/plain');
};

/** What lends credentials there, and whether the storage names what it holds for ever. */
const LENDS: Partial<Record<OnProvider['name'], { by: object; hasVersions: boolean }>> = {
  s3: { by: { role_arn: 'arn:aws:iam::123456789012:role/daypass' }, hasVersions: false },
  azure: { by: {}, hasVersions: false },
  gcs: { by: { service_account: 'lends@acme-project.iam.gserviceaccount.com' }, hasVersions: true },
};
