import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Clean, Declaration, Refused } from '../../../src/inspection/inspector.ts';
import { readOnce } from '../../../src/inspection/read-once.ts';

const text = (content: string): Buffer => Buffer.from(content);
const hex = (...bytes: string[]): Buffer => Buffer.from(bytes.join('').replaceAll(' ', ''), 'hex');

const png = hex(
  '89504e470d0a1a0a 0000000d49484452 00000001000000010806000000 1f15c489 0000000a49444154 789c6360000000020001 e221bc33 0000000049454e44ae426082',
);
const jpeg = hex('ffd8ffe000104a46494600010100000100010000ffd9');
const gif = hex(
  '47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b',
);
const pdf = text('%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n');
const elf = hex('7f454c46020101000000000000000000', '02003e00'.repeat(16));
const exe = Buffer.concat([text('MZ'), Buffer.alloc(126)]);
const svg = text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>');
const cfb = Buffer.concat([hex('d0cf11e0a1b11ae1'), Buffer.alloc(600)]);

/** One stored entry: enough of a zip to be recognised by its first header. */
const zip = (name: string, content: Buffer): Buffer => {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt32LE(content.length, 18);
  header.writeUInt32LE(content.length, 22);
  header.writeUInt16LE(name.length, 26);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  return Buffer.concat([header, text(name), content, end]);
};
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const docx = zip(
  '[Content_Types].xml',
  text(`<Types><Override PartName="/word/document.xml" ContentType="${DOCX}.main+xml"/></Types>`),
);
const plainZip = zip('menu.txt', text('soup'));

/** In small chunks, so that nothing depends on where they end. */
const streamOf = (bytes: Buffer, chunk = 7): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
    })(),
    { objectMode: false },
  );

const inspect = ({
  body,
  declared,
}: {
  body: Readable;
  declared: Declaration;
}): Promise<Clean | Refused> => readOnce({ body, declared, asked: { sniff: true } }, []);

const judge = (
  bytes: Buffer,
  contentType: string,
  declared: { size?: number; sha256?: string } = {},
) => inspect({ body: streamOf(bytes), declared: { size: bytes.length, contentType, ...declared } });

const reasonOf = (verdict: Clean | Refused): string | undefined =>
  verdict.ok ? undefined : verdict.reason;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('an upload is what it claims to be', () => {
  it('when size, type and checksum agree, and is then described by its bytes', async () => {
    expect(await judge(png, 'image/png', { sha256: sha256(png) })).toEqual({
      ok: true,
      size: png.length,
      sha256: sha256(png),
      contentType: 'image/png',
      checks: ['size', 'type', 'checksum'].map((check) => ({ check, outcome: 'passed' })),
    });
  });

  it.each<[string, Buffer, string]>([
    ['a PNG', png, 'image/png'],
    ['a JPEG', jpeg, 'image/jpeg'],
    ['a JPEG by its common misnomer', jpeg, 'image/jpg'],
    ['a GIF', gif, 'image/gif'],
    ['a PDF', pdf, 'application/pdf'],
    ['a PDF in upper case', pdf, 'Application/PDF'],
    ['a zip', plainZip, 'application/zip'],
    ['a zip as Windows calls it', plainZip, 'application/x-zip-compressed'],
    ['a Word document', docx, DOCX],
    ['an office document the sniffer sees only the zip of', plainZip, XLSX],
    ['an old Word document', cfb, 'application/msword'],
    ['a gzip', gzipSync('soup'), 'application/gzip'],
    ['an XML file', svg, 'application/xml'],
    ['an XML file by its other name', svg, 'text/xml'],
    ['an SVG', svg, 'image/svg+xml'],
    [
      'an SVG without declaration',
      text('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      'image/svg+xml',
    ],
    ['plain text', text('tomato soup, 4 €'), 'text/plain'],
    ['plain text with a charset', text('tomato soup'), 'text/plain; charset=utf-8'],
    ['plain text that looks like XML', svg, 'text/plain'],
    ['an empty text', text(''), 'text/plain'],
    ['CSV', text('dish,price\nsoup,4\n'), 'text/csv'],
    ['JSON', text('{"dish":"soup"}'), 'application/json'],
    ['a JSON-based type', text('{"dish":"soup"}'), 'application/problem+json'],
    ['a calendar', text('BEGIN:VCALENDAR\nEND:VCALENDAR\n'), 'text/calendar'],
    [
      'bytes of no known type that claim to be nothing',
      hex('00010203fffefdfc'),
      'application/octet-stream',
    ],
  ])('%s', async (_, bytes, contentType) => {
    expect(await judge(bytes, contentType)).toMatchObject({ ok: true, contentType });
  });
});

describe('an upload is not what it claims to be', () => {
  it.each<[string, Buffer, string]>([
    ['a GIF declared as PNG', gif, 'image/png'],
    ['HTML declared as PNG', text('<html><script>alert(1)</script>'), 'image/png'],
    ['text declared as PDF', text('not a PDF'), 'application/pdf'],
    ['a PDF with leading junk', Buffer.concat([text('junk'), pdf]), 'application/pdf'],
    ['a program declared as text', elf, 'text/plain'],
    ['a program declared as CSV', exe, 'text/csv'],
    ['a program that claims to be nothing', elf, 'application/octet-stream'],
    ['a program declared as a Word document', exe, DOCX],
    ['a PNG declared as text', png, 'text/plain'],
    ['a PDF declared as text, though it is text', pdf, 'text/plain'],
    ['an SVG declared as PNG', svg, 'image/png'],
    ['a zip declared as PDF', plainZip, 'application/pdf'],
    ['a Word document declared as a spreadsheet', docx, XLSX],
    ['a Java archive by another name', plainZip, 'application/java-archive'],
    ['text with a NUL', text('soup\0salad'), 'text/plain'],
    ['text in Latin-1', Buffer.from('Käse', 'latin1'), 'text/plain'],
    ['text in UTF-16', Buffer.from('\ufeffsoup', 'utf16le'), 'text/csv'],
    ['text that ends within a character', text('4 €').subarray(0, -1), 'text/plain'],
    ['JSON that is not text', hex('7b00 0102 7d'), 'application/json'],
    ['an empty image', text(''), 'image/png'],
    ['a type nobody can recognise', text('soup'), 'application/x-soup'],
  ])('%s', async (_, bytes, contentType) => {
    const verdict = await judge(bytes, contentType);
    expect(reasonOf(verdict)).toBe('type_mismatch');
    expect(verdict).toMatchObject({
      violations: [{ field: 'contentType', rule: 'type_mismatch' }],
    });
  });

  it.each([
    ['smaller', png.length + 1],
    ['bigger', png.length - 1],
  ])('when it is %s', async (_, size) => {
    expect(reasonOf(await judge(png, 'image/png', { size }))).toBe('size_mismatch');
  });

  it('when it is empty and was not to be', async () => {
    expect(reasonOf(await judge(text(''), 'text/plain', { size: 1 }))).toBe('size_mismatch');
  });

  it('when it has another checksum', async () => {
    const verdict = await judge(png, 'image/png', { sha256: sha256(gif) });
    expect(verdict).toMatchObject({
      ok: false,
      reason: 'checksum_mismatch',
      violations: [{ field: 'sha256', rule: 'checksum_mismatch' }],
    });
  });
});

describe('reading', () => {
  const counting = (size: number, first: Buffer) => {
    const seen = { bytes: 0 };
    const body = Readable.from(
      (function* () {
        for (let at = 0; at < size; at += 1000) {
          const chunk = Buffer.alloc(1000, 'a');
          if (at === 0) first.copy(chunk);
          seen.bytes += chunk.length;
          yield chunk;
        }
      })(),
      { objectMode: false, highWaterMark: 1000 },
    );
    return { body, seen };
  };

  it('stops, and destroys the stream, past the declared size', async () => {
    const { body, seen } = counting(10_000_000, text('a'));
    const declared = { size: 5_000, contentType: 'text/plain' };
    expect(reasonOf(await inspect({ body, declared }))).toBe('size_mismatch');
    expect(body.destroyed).toBe(true);
    expect(seen.bytes).toBeLessThan(20_000);
  });

  it('stops, and destroys the stream, when the first bytes tell another type', async () => {
    const { body, seen } = counting(10_000_000, gif);
    const declared = { size: 10_000_000, contentType: 'image/png' };
    expect(reasonOf(await inspect({ body, declared }))).toBe('type_mismatch');
    expect(body.destroyed).toBe(true);
    expect(seen.bytes).toBeLessThan(100_000);
  });

  it('cuts its sample of a long text anywhere', async () => {
    const bytes = text(`ab${'€'.repeat(40_000)}`); // 65,536 falls within a character
    expect(await judge(bytes, 'text/plain')).toMatchObject({ ok: true, size: 120_002 });
  });

  it('says unavailable when the body cannot be read', async () => {
    const body = new Readable({
      read() {
        this.destroy(new Error('connection reset'));
      },
    });
    const declared = { size: 5, contentType: 'text/plain' };
    await expect(inspect({ body, declared })).rejects.toMatchObject({ status: 503 });
  });

  it('answers the same wherever the chunks end, and never throws on any bytes', async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.constantFrom(png, jpeg, gif, pdf, elf, svg, cfb, docx, plainZip), fc.nat(400))
        .map(([bytes, length]) => bytes.subarray(0, length)),
    );
    const type = fc.constantFrom(
      'image/png',
      'text/plain',
      'application/pdf',
      DOCX,
      'application/octet-stream',
    );
    await fc.assert(
      fc.asyncProperty(
        anything,
        type,
        fc.integer({ min: 1, max: 400 }),
        async (bytes, contentType, chunk) => {
          const declared = { size: bytes.length, contentType };
          const cut = await inspect({ body: streamOf(bytes, chunk), declared });
          expect(cut).toEqual(await inspect({ body: streamOf(bytes, 1_000), declared }));
        },
      ),
      { numRuns: 300 },
    );
  });
});
