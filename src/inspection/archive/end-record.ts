import type { Buffer } from 'node:buffer';

/** How far from its end a zip is looked for: the record, a locator before it, and the longest comment behind it. */
export const TAIL = 20 + 22 + 65_535;

const RECORD = 22;
const MARK = 'PK\x05\x06';
/** Of a locator, which stands before the record of a large archive (APPNOTE §4.3.15). */
const LOCATOR = 'PK\x06\x07';
const LOCATOR_SIZE = 20;
/** The least that a directory says of an entry (APPNOTE §4.3.12). */
const LEAST_ENTRY = 46;

/**
 * Whether an unzipper that is given this end of a file would find a directory in it (APPNOTE §4.3.16), whatever the
 * file begins with: unzippers do not look there. Leans to yes.
 */
export const endsAsZip = (tail: Buffer): boolean => {
  for (let at = tail.lastIndexOf(MARK, undefined, 'latin1'); at !== -1; ) {
    if (isEndRecord(tail, at)) return true;
    if (at === 0) return false;
    at = tail.lastIndexOf(MARK, at - 1, 'latin1');
  }
  return false;
};

const isEndRecord = (tail: Buffer, at: number): boolean => {
  if (at + RECORD > tail.length) return false;
  const before = at - LOCATOR_SIZE;
  if (before >= 0 && tail.toString('latin1', before, before + 4) === LOCATOR) return true;
  const [disks, here, all] = [
    tail.readUInt32LE(at + 4),
    tail.readUInt16LE(at + 8),
    tail.readUInt16LE(at + 10),
  ];
  return disks === 0 && here === all && all > 0 && tail.readUInt32LE(at + 12) >= all * LEAST_ENTRY;
};
