import { createHash } from 'node:crypto';
import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import { PNG } from './upload-story.ts';

/** Files made to break whoever opens them, or to be taken for something else. Made here: nothing harmful is kept. */

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
};

/** A PNG of one colour: some hundred kilobytes, and a gigabyte where somebody draws it. */
export const vastPng = (side: number): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 0, 0, 0, 0], 8); // eight bits of grey
  const rows = deflateSync(Buffer.alloc((side + 1) * side), { level: 9 });
  return Buffer.concat([
    PNG.subarray(0, 8),
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};

export interface ZipEntry {
  readonly name: string;
  readonly content: Buffer;
  /** Deflated otherwise than is usual. */
  readonly packed?: Buffer;
  /** Of its general purpose flags; 1 is "encrypted". */
  readonly flags?: number;
  /** A Unix mode, such as that of a link. */
  readonly mode?: number;
}

/** A zip of these entries, written by hand: no packer makes what is needed here. */
export const zipOf = (entries: readonly ZipEntry[]): Buffer => {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, flags = 0, mode = 0, ...entry } of entries) {
    const packed = entry.packed ?? deflateRawSync(content, { level: 9 });
    const title = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(title.length, 22);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE((mode << 16) >>> 0, 6);
    attributes.writeUInt32LE(offset, 10);
    const file = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, title, packed]);
    files.push(file);
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, attributes, title);
    offset += file.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, listed, end]);
};

/** A table whose 70,001st row, as a spreadsheet counts, holds a word where a number should be. */
export const badTable = (): Buffer => {
  const rows = Array.from({ length: 80_000 }, (_, at) => `order-${at},${at}.50`);
  rows[70_001 - 2] = 'order-70001,many';
  return Buffer.from(`order,amount\n${rows.join('\n')}\n`);
};

export const ORDERS_SCHEMA = {
  type: 'object',
  required: ['order', 'amount'],
  properties: { order: { type: 'string' }, amount: { type: 'number' } },
  additionalProperties: false,
} as const;

/** EICAR's test file: harmless, and known to every scanner. In two parts, so that none stops at this file. */
export const eicar = (): Buffer =>
  Buffer.from(
    ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD', '-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
  );

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
