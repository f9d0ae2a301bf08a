import { Buffer } from 'node:buffer';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { BadArchive, type Budget, mustBePlausible } from './budget.ts';
import { endsAsZip, TAIL } from './end-record.ts';

/**
 * Names are checked as strictly as the library knows how: none leads out of a folder it is unpacked in. So are sizes: an
 * entry that comes to another than was announced breaks off.
 */
export const STRICTLY = {
  lazyEntries: true,
  autoClose: false,
  decodeStrings: true,
  validateEntrySizes: true,
  strictFileNames: true,
} as const;

/** Office documents, books and Java archives are zips by other names: what counts is how the file begins. */
export const BEGINNINGS: ReadonlySet<string> = new Set(['PK\x03\x04', 'PK\x05\x06']);
const LINK = 0o120000;
const FILE_KIND = 0o170000;

/**
 * First all that the directory says, then all that is there: entries may overlap, and a directory may lie.
 *
 * @param packed bytes of the archive.
 * @throws BadArchive, or what the library says of an archive it cannot read.
 */
export const walk = async (
  zip: ZipFile,
  packed: number,
  budget: Budget,
  depth: number,
): Promise<void> => {
  try {
    budget.mustBeFlat(depth);
    budget.enter(zip.entryCount);
    const entries: Entry[] = [];
    let announced = 0;
    for await (const entry of zip.eachEntry()) {
      mustBePlain(entry);
      announced += entry.uncompressedSize;
      mustBePlausible(packed, announced);
      entries.push(entry);
    }
    for (const entry of entries) await unpack(zip, entry, budget, depth);
  } finally {
    zip.close();
  }
};

const mustBePlain = (entry: Entry): void => {
  if (entry.isEncrypted())
    throw new BadArchive('archive_encrypted', 'an entry is encrypted: nobody can look into it');
  // Of what a Unix made, the upper half are a file's mode (APPNOTE §4.4.15).
  if (((entry.externalFileAttributes >>> 16) & FILE_KIND) === LINK)
    throw new BadArchive('archive_link', 'an entry is a link to another place');
};

const unpack = async (zip: ZipFile, entry: Entry, budget: Budget, depth: number): Promise<void> => {
  if (entry.fileName.endsWith('/')) return;
  const stream = await zip.openReadStreamPromise(entry);
  const held: Buffer[] = [];
  let size = 0;
  let first = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // However small the pieces it comes in.
    if (first.length < 4) first = Buffer.concat([first, chunk]).subarray(0, 4);
    tail = Buffer.concat([tail, chunk]).subarray(-TAIL);
    size += chunk.length;
    budget.unpack(chunk.length);
    if (!mayBeArchive(first)) continue;
    budget.mustBeHeld(size);
    held.push(chunk);
  }
  if (BEGINNINGS.has(first.toString('latin1'))) {
    const inner = Buffer.concat(held);
    await walk(await fromBufferPromise(inner, STRICTLY), inner.length, budget, depth + 1);
  } else if (endsAsZip(tail)) {
    throw new BadArchive('archive_hidden', 'an entry hides an archive behind something else');
  }
};

const mayBeArchive = (first: Buffer): boolean => {
  const known = first.toString('latin1');
  return [...BEGINNINGS].some((beginning) => beginning.startsWith(known));
};
