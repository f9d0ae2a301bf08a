import { Buffer } from 'node:buffer';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { BadArchive, type Budget, mustBePlausible } from './budget.ts';

/** Names are checked as strictly as the library knows how: none leads out of a folder it is unpacked in. */
export const STRICTLY = {
  lazyEntries: true,
  autoClose: false,
  decodeStrings: true,
  validateEntrySizes: true,
  strictFileNames: true,
} as const;

const ARCHIVE = new Set(['PK\x03\x04', 'PK\x05\x06']);
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
    let unpacked = 0;
    for (const entry of entries) unpacked += await unpack(zip, entry, budget, depth);
    mustBePlausible(packed, unpacked);
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

/** Answers how many bytes there were. */
const unpack = async (
  zip: ZipFile,
  entry: Entry,
  budget: Budget,
  depth: number,
): Promise<number> => {
  if (entry.fileName.endsWith('/')) return 0;
  const stream = await zip.openReadStreamPromise(entry);
  const held: Buffer[] = [];
  let size = 0;
  let isArchive = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size === 0) isArchive = ARCHIVE.has(chunk.toString('latin1', 0, 4));
    size += chunk.length;
    budget.unpack(chunk.length);
    if (!isArchive) continue;
    budget.mustBeHeld(size);
    held.push(chunk);
  }
  if (isArchive) {
    const inner = Buffer.concat(held);
    await walk(await fromBufferPromise(inner, STRICTLY), inner.length, budget, depth + 1);
  }
  return size;
};
