import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Rig, startRig } from '../support/rig.ts';
import { eventually, PNG, startStory } from '../support/upload-story.ts';
import { ORDERS_SCHEMA, vastPng, zipOf } from '../support/uploads-gone-wrong.ts';

const MIB = 1024 * 1024;
/** Less than the smallest of what is uploaded here is, or becomes where it is opened. */
const GROWTH = 128 * MIB;

let rig: Rig;
let story: Awaited<ReturnType<typeof startStory>>;
beforeAll(async () => {
  rig = await startRig({
    configure: (demo) => ({
      ...demo,
      apps: (demo.apps ?? []).map(({ limits: _, ...app }) => ({
        ...app,
        grants: (app.grants ?? []).map((grant) =>
          'prefix' in grant ? { ...grant, content_types: ['*/*'], max_size: '1GB' } : grant,
        ),
      })),
      buckets: (demo.buckets ?? []).map((bucket) => ({
        ...bucket,
        validate: { schema: { 'text/csv': ORDERS_SCHEMA } },
      })),
    }),
  });
  story = await startStory(rig);
}, 120_000);
afterAll(() => rig?.stop());

/** Bytes of the broker's own memory, as the kernel counts them: not those of the processes that open files. */
const memory = async (which: 'VmRSS' | 'VmHWM'): Promise<number> => {
  const text = await readFile(`/proc/${rig.broker.pid}/status`, 'utf8');
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
};

const upload = async (bytes: Buffer, contentType: string) => {
  const { body } = await story.requestUpload({ filename: 'file', contentType, size: bytes.length });
  expect((await story.put(body, bytes)).status).toBe(200);
  const { objectId } = body;
  await story.settled(objectId).catch(() => undefined); // it may take longer than most
  const read = () =>
    story.client.call(`/uploads/${String(objectId)}`, { token: story.token, key: story.key });
  const ends = ['available', 'rejected'];
  return (await eventually(read, ({ body: seen }) => ends.includes(String(seen.status)), 1_200))
    .body;
};

/** 80,000 rows of 2 KiB; the 70,001st as a spreadsheet counts is wrong. */
const longTable = (): Buffer => {
  const rows = Array.from({ length: 80_000 }, (_, at) => `${'order'.repeat(400)}-${at},${at}.50`);
  rows[70_001 - 2] = 'order-70001,many';
  return Buffer.from(`order,amount\n${rows.join('\n')}\n`);
};
const bomb = (): Buffer => zipOf([{ name: '0.bin', content: Buffer.alloc(300 * MIB) }]);

it.each<[string, () => Buffer, string, string]>([
  ['a zip bomb of 300 MiB', bomb, 'application/zip', 'archive_ratio'],
  ['a PNG of 20,000 × 20,000', () => vastPng(20_000), 'image/png', 'image_pixels'],
  ['a table of 153 MiB with a bad row 70,001', longTable, 'text/csv', 'schema_type'],
])(
  'the broker itself stays small over %s',
  async (name, make, contentType, rule) => {
    const bytes = make();
    await pause(100); // connections that grew too old while nobody looked are closed
    expect(await upload(PNG, 'image/png')).toMatchObject({ status: 'available' }); // what is loaded once, is
    const before = await memory('VmRSS');
    await writeFile(`/proc/${rig.broker.pid}/clear_refs`, '5'); // the peak begins anew
    const end = await upload(bytes, contentType);
    const growth = (await memory('VmHWM')) - before;
    process.stdout.write(
      `${name}: ${Math.round(before / MIB)} MiB, and ${Math.round(growth / MIB)} more at the most\n`,
    );
    expect(end).toMatchObject({ status: 'rejected', report: { violations: [{ rule }] } });
    expect(growth).toBeLessThan(GROWTH);
  },
  240_000,
);
