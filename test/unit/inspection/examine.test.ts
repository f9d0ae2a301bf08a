import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { examine } from '../../../src/inspection/workbench/examine.ts';
import type { Job } from '../../../src/inspection/workbench/job.ts';
import { PNG } from '../../support/upload-story.ts';
import { ORDERS_SCHEMA, vastPng, zipOf } from '../../support/uploads-gone-wrong.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daypass-examine-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const look = async (bytes: Buffer | string, contentType: string, more: Partial<Job> = {}) => {
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  return examine({ path, size: Buffer.byteLength(bytes), contentType, structure: true, ...more });
};

const rules = async (...given: Parameters<typeof look>): Promise<readonly string[]> =>
  (await look(...given)).violations.map(({ rule }) => rule);

const picture = () =>
  sharp({ create: { width: 40, height: 30, channels: 3, background: '#a0522d' } });
const text = (words: string): Buffer => Buffer.from(words);
const HTML = text('<html><script>alert(1)</script>');
const SMALL = zipOf([{ name: 'a.txt', content: text('soup') }]);
const PDF = text('%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n');

describe('an image', () => {
  it.each(['png', 'jpeg', 'gif', 'webp', 'tiff', 'avif'] as const)(
    'passes when it can be decoded: %s',
    async (format) => {
      const bytes = await picture().toFormat(format).toBuffer();
      const { checks, violations } = await look(bytes, `image/${format}`);
      expect(violations).toEqual([]);
      expect(checks).toContainEqual({ check: 'image', outcome: 'passed' });
    },
  );

  it.each(['png', 'jpeg', 'gif', 'webp'] as const)(
    'is refused with anything behind its end, or without an end: %s',
    async (format) => {
      const bytes = await picture().toFormat(format).toBuffer();
      expect(await rules(Buffer.concat([bytes, HTML]), `image/${format}`)).toEqual(['polyglot']);
      expect(await rules(Buffer.concat([bytes, SMALL]), `image/${format}`)).toEqual(['polyglot']);
      expect(await rules(bytes.subarray(0, -20), `image/${format}`)).not.toEqual([]);
    },
  );

  it('may hold further images, as phones make them, and be filled up with zeros', async () => {
    const one = await picture().jpeg().toBuffer();
    expect(await rules(Buffer.concat([one, Buffer.alloc(5000), one]), 'image/jpeg')).toEqual([]);
    expect(await rules(Buffer.concat([one, one, HTML]), 'image/jpeg')).toEqual(['polyglot']);
  });

  it('is walked in bounded time, whatever it is made of', async () => {
    const photo = await picture().jpeg().toBuffer();
    const scan = photo.indexOf(Buffer.from([0xff, 0xda]));
    const stuffed = Buffer.alloc(8 * 2 ** 20);
    for (let at = 0; at < stuffed.length; at += 2) stuffed[at] = 0xff;
    const jpeg = Buffer.concat([photo.subarray(0, scan + 14), stuffed, Buffer.from([0xff, 0xd9])]);
    expect(await rules(jpeg, 'image/jpeg')).not.toContain('malformed'); // its marks lead to its end
    const gif = await picture().gif().toBuffer();
    const crumbs = Buffer.alloc(8 * 2 ** 20, 1);
    const slow = Buffer.concat([gif.subarray(0, -2), crumbs, Buffer.from([0, 0x3b])]);
    const { violations } = await look(slow, 'image/gif');
    expect(violations).toMatchObject([
      { rule: 'malformed', message: 'the file is made of too many pieces' },
    ]);
  }, 60_000);

  it('is refused when a zip is hidden inside it', async () => {
    const comment = Buffer.alloc(4);
    comment.writeUInt16BE(0xfffe, 0);
    comment.writeUInt16BE(SMALL.length + 2, 2);
    const jpeg = await picture().jpeg().toBuffer();
    const hidden = Buffer.concat([jpeg.subarray(0, 2), comment, SMALL, jpeg.subarray(2)]);
    expect(await rules(hidden, 'image/jpeg')).toEqual(['polyglot']);
  });

  it('is refused by its header when it is vast, and when it is another kind', async () => {
    const { violations } = await look(vastPng(10_001), 'image/png');
    expect(violations).toMatchObject([
      { rule: 'image_pixels', message: expect.stringContaining('10001 × 10001') },
    ]);
    const tiff = await picture().tiff().toBuffer();
    expect(await rules(tiff, 'image/avif')).toEqual(['image_broken']);
  });

  it('is refused for what its decoder merely warns of, though it has an end', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const create = { width: 200, height: 200, channels: 3, background: '#fff', noise } as const;
    const bytes = await sharp({ create }).jpeg().toBuffer();
    expect(await rules(bytes, 'image/jpeg')).toEqual([]);
    const half = Buffer.concat([bytes.subarray(0, bytes.length / 2), Buffer.from([0xff, 0xd9])]);
    expect(await rules(half, 'image/jpeg')).toEqual(['image_broken']);
  });

  it('of a format nobody here can decode is said not to have been', async () => {
    const { checks } = await look('<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml');
    expect(checks).toMatchObject([{ check: 'image', outcome: 'skipped' }]);
  });

  it('is left alone where nobody asked what it is', async () => {
    const given = [Buffer.concat([PNG, HTML]), 'image/png', { structure: false }] as const;
    expect(await look(...given)).toEqual({ checks: [], violations: [] });
  });
});

describe('a PDF', () => {
  it('passes with white space behind its mark', async () => {
    expect(await rules(Buffer.concat([PDF, text(' \n\0')]), 'application/pdf')).toEqual([]);
  });

  it('is refused with anything else there, or without a mark', async () => {
    expect(await rules(Buffer.concat([PDF, HTML]), 'application/pdf')).toEqual(['polyglot']);
    expect(await rules(Buffer.concat([PDF, Buffer.alloc(5000, 'x')]), 'application/pdf')).toEqual([
      'polyglot',
    ]);
    expect(await rules(Buffer.concat([PDF, SMALL, text('%%EOF')]), 'application/pdf')).toEqual([
      'polyglot',
    ]);
    expect(await rules(PDF.subarray(0, 30), 'application/pdf')).toEqual(['malformed']);
  });
});

describe('an archive', () => {
  const zip = 'application/zip';
  const nested = (levels: number): Buffer =>
    Array.from({ length: levels }).reduce<Buffer>(
      (inner) => zipOf([{ name: 'inner.bin', content: inner }]),
      SMALL,
    );

  /** Only its directory says so. */
  const announcing = (size: number): Buffer => {
    const bytes = Buffer.from(SMALL);
    bytes.writeUInt32LE(size, bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1')) + 24);
    return bytes;
  };

  it('passes with what anybody packs', async () => {
    const { checks, violations } = await look(SMALL, zip);
    expect(violations).toEqual([]);
    expect(checks).toMatchObject([{ detail: '1 entries, 4 bytes unpacked' }]);
    expect(await rules(nested(2), zip)).toEqual([]);
  });

  it.each<[string, () => Buffer, string]>([
    ['is too deep', () => nested(3), 'archive_depth'],
    [
      'has too many entries',
      () =>
        zipOf(Array.from({ length: 10_001 }, (_, at) => ({ name: `${at}`, content: text('') }))),
      'archive_entries',
    ],
    [
      'holds an encrypted entry',
      () => zipOf([{ name: 'a', content: HTML, flags: 1 }]),
      'archive_encrypted',
    ],
    [
      'holds a link',
      () => zipOf([{ name: 'a', content: text('/etc/passwd'), mode: 0o120777 }]),
      'archive_link',
    ],
    ['leads upwards', () => zipOf([{ name: 'a/../../b', content: HTML }]), 'archive_name'],
    ['leads to the root', () => zipOf([{ name: '/etc/b', content: HTML }]), 'archive_name'],
    ['leads to a drive', () => zipOf([{ name: 'C:/b', content: HTML }]), 'archive_name'],
    [
      'leads upwards as on Windows',
      () => zipOf([{ name: '..\\b', content: HTML }]),
      'archive_name',
    ],
    ['breaks off', () => SMALL.subarray(0, -5), 'archive_broken'],
    [
      'unpacks to 200 times its size',
      () => zipOf([{ name: 'a', content: Buffer.alloc(17 * 2 ** 20) }]),
      'archive_ratio',
    ],
    ['says that it holds more than 1 GiB', () => announcing(2 ** 30 + 1), 'archive_size'],
    [
      'holds an archive of more than 32 MiB, which would be held in memory',
      () => {
        const content = Buffer.concat([SMALL.subarray(0, 4), randomBytes(32 * 2 ** 20)]);
        return zipOf([{ name: 'a', content, packed: deflateRawSync(content, { level: 0 }) }]);
      },
      'archive_size',
    ],
    ['is followed by something', () => Buffer.concat([SMALL, HTML]), 'archive_broken'],
  ])('is refused when it %s', async (_, make, rule) => {
    expect(await rules(make(), zip)).toEqual([rule]);
  });

  it('is refused when it says less than it holds', async () => {
    const bytes = zipOf([{ name: 'a', content: Buffer.alloc(50_000_000) }]);
    for (const mark of ['PK\x03\x04', 'PK\x01\x02']) {
      const at = bytes.indexOf(Buffer.from(mark, 'latin1'));
      bytes.writeUInt32LE(10, at + (mark === 'PK\x03\x04' ? 22 : 24));
    }
    expect(await rules(bytes, zip)).toEqual(['archive_broken']);
  });

  it.each([
    ['a mark of divided archives', 'PK\x07\x08'],
    ['a byte order mark', '\xef\xbb\xbf'],
    ['an empty tag of a sound file', 'ID3\x03\0\0\0\0\0\0'],
  ])('is refused when it hides behind %s, also inside another', async (_, mark) => {
    const behind = Buffer.concat([Buffer.from(mark, 'latin1'), SMALL]);
    expect(await rules(behind, zip)).toEqual(['archive_hidden']);
    const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
    expect(await rules(behind, docx)).toEqual(['archive_hidden']);
    const outer = zipOf([{ name: 'photo.bin', content: behind }]);
    expect(await rules(outer, zip)).toEqual(['archive_hidden']);
  });

  it('is refused when a large archive hides behind something, whose record says less of it', async () => {
    const end = SMALL.length - 22;
    const locator = Buffer.alloc(20);
    locator.write('PK\x06\x07', 'latin1');
    const record = Buffer.from(SMALL.subarray(end));
    record.fill(0xff, 8, 20);
    const large = Buffer.concat([text('MZ'), SMALL.subarray(0, end), locator, record]);
    expect(await rules(large, zip)).toEqual(['archive_hidden']);
  });

  it('inside another is found however small the pieces are that it is unpacked in', async () => {
    // Deflate blocks of one byte: the reader hands out what it has, a byte at first.
    const inner = nested(2);
    const stored = (bytes: Buffer, isLast: boolean): Buffer => {
      const head = Buffer.alloc(5);
      head.writeUInt8(isLast ? 1 : 0);
      head.writeUInt16LE(bytes.length, 1);
      head.writeUInt16LE(bytes.length ^ 0xffff, 3);
      return Buffer.concat([head, bytes]);
    };
    const nothing = stored(Buffer.alloc(0), false);
    const packed = Buffer.concat([
      stored(inner.subarray(0, 1), false),
      ...Array.from({ length: 30_000 }, () => nothing),
      stored(inner.subarray(1), true),
    ]);
    expect(await rules(zipOf([{ name: 'inner.bin', content: inner, packed }]), zip)).toEqual([
      'archive_depth',
    ]);
  });

  it('by the name of an office document is an archive', async () => {
    const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
    expect(await rules(nested(3), docx)).toEqual(['archive_depth']);
  });
});

describe('a table', () => {
  const csv = (rows: string, schema: object = ORDERS_SCHEMA) => look(rows, 'text/csv', { schema });

  it('passes with cells that are what its schema asks for', async () => {
    expect(await csv('\ufefforder,amount\r\na,1.5\r\n"b, c",2\r\n')).toEqual({
      checks: [{ check: 'schema', outcome: 'passed' }],
      violations: [],
    });
  });

  it('names the row and the column of each fault, up to twenty', async () => {
    const { violations } = await csv('order,amount\na,1\nb,\nc,x\n');
    expect(violations).toMatchObject([
      { field: 'amount', message: 'row 3, column amount: must be number' },
      { field: 'amount', message: 'row 4, column amount: must be number' },
    ]);
    const many = await csv(`order,amount\n${'a,x\n'.repeat(100_000)}`);
    expect(many.violations).toHaveLength(20);
  });

  it.each([
    ['a column is missing', 'order\na\n', 'row 2, column amount'],
    ['there is one too many', 'order,amount,tip\na,1,2\n', 'row 2, column tip'],
    ['a row is short', 'order,amount\na,1\nb\n', 'row 3: not readable'],
    ['a quote is never closed', 'order,amount\n"a,1\n', 'row 2: not readable'],
    ['a name is there twice', 'order,order\na,1\n', 'two columns have one name'],
    [
      'there are more than 2,000 columns',
      `${Array.from({ length: 2_001 }, (_, at) => `c${at}`)}\n`,
      'there are more than 2000 columns',
    ],
    [
      'a row is longer than a mebibyte, as by a quote that is closed late',
      `order,amount\n"${'a'.repeat(2 ** 20 + 10)}",1\n`,
      'row 2: not readable',
    ],
  ])('says so when %s', async (_, rows, message) => {
    expect((await csv(rows)).violations[0]?.message).toContain(message);
  });

  it('may be described as a list of its rows', async () => {
    const schema = { type: 'array', items: ORDERS_SCHEMA, minItems: 2 };
    expect((await csv('order,amount\na,1\nb,2\n', schema)).violations).toEqual([]);
    expect((await csv('order,amount\na,1\n', schema)).violations).toMatchObject([
      { rule: 'schema_items' },
    ]);
  });
});

describe('a document', () => {
  const json = (value: unknown, schema: object) =>
    look(JSON.stringify(value), 'application/json', { schema });
  const LIST = { type: 'array', items: { $ref: '#/$defs/order' }, $defs: { order: ORDERS_SCHEMA } };

  it('names the place of a fault', async () => {
    expect((await json([{ order: 'a', amount: 1 }], LIST)).violations).toEqual([]);
    const { violations } = await json([{ order: 'a', amount: 1 }, { order: 'b' }], LIST);
    expect(violations).toMatchObject([{ field: '/1/amount', rule: 'schema_required' }]);
    expect((await look('{"a":', 'application/json', { schema: LIST })).violations).toMatchObject([
      { rule: 'malformed' },
    ]);
  });

  it.each([
    ['short', 300],
    ['long', 9_000_000],
  ])('that nests too deep is refused before it is parsed: %s', async (_, depth) => {
    const deep = '['.repeat(depth) + ']'.repeat(depth);
    const [asJson, asLines] = [
      await look(deep, 'application/json', { schema: LIST }),
      await look(`"[["\n${deep}`, 'application/x-ndjson', { schema: {} }),
    ];
    for (const { violations } of [asJson, asLines])
      expect(violations).toMatchObject([{ rule: 'malformed' }]);
    expect(asJson.violations[0]?.message).toContain('nests more than 256 deep');
  });

  it('may hold brackets in its texts', async () => {
    const words = { order: `${'['.repeat(300)}\\"{`, amount: 1 };
    expect((await json([words], LIST)).violations).toEqual([]);
  });

  it('that is long is read entry by entry', async () => {
    const entries = Array.from({ length: 200_000 }, (_, at) => ({
      order: `order number ${at}, of many`,
      amount: at === 150_000 ? 'many' : at,
    }));
    expect((await json(entries, LIST)).violations).toMatchObject([
      { field: '/150000/amount', message: '/150000/amount: must be number' },
    ]);
    const unique = await json(entries, { ...LIST, uniqueItems: true });
    expect(unique.violations).toMatchObject([{ rule: 'too_large_to_inspect' }]);
    const object = await json({ entries }, { type: 'object' });
    expect(object.violations).toMatchObject([{ rule: 'too_large_to_inspect' }]);
  }, 60_000);

  it('without duplicates is proven to be so in time that grows with it', async () => {
    const schema = { type: 'array', items: { type: 'object' }, uniqueItems: true };
    const entries = Array.from({ length: 200_000 }, (_, at) => ({ at, of: [at] }));
    expect((await json(entries, schema)).violations).toEqual([]);
    expect((await json([...entries, { of: [7], at: 7 }], schema)).violations).toMatchObject([
      { field: '/', rule: 'schema_uniqueItems', message: expect.stringContaining('7 and 200000') },
    ]);
  }, 60_000);

  it.each([
    [[1, '1', true, 'true', null, 'null'], true],
    [[1, 1.0], false],
    [
      [
        [1, 2],
        [2, 1],
        [[1], 2],
      ],
      true,
    ],
    [
      [
        { a: 1, b: [{}] },
        { b: [{}], a: 1 },
      ],
      false,
    ],
    [[[], {}, '', 0, '[]', '#0'], true],
  ])('without duplicates is judged as JSON: %j', async (list, isUnique) => {
    const dialects = [{}, { $schema: 'https://json-schema.org/draft/2020-12/schema' }];
    for (const dialect of dialects) {
      const { violations } = await json(list, { ...dialect, type: 'array', uniqueItems: true });
      expect(violations).toHaveLength(isUnique ? 0 : 1);
      expect((await json(list, { ...dialect, uniqueItems: false })).violations).toEqual([]);
    }
  });

  it('of many is read line by line', async () => {
    const lines = '{"order":"a","amount":1}\n\n{"order":"b","amount":"x"}\n';
    const found = await look(lines, 'application/x-ndjson', { schema: ORDERS_SCHEMA });
    expect(found.violations).toMatchObject([{ field: '/3/amount' }]);
  });
});
