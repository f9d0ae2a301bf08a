import type { Reader } from './reader.ts';

const END_RECORD = 22;
const LONGEST_COMMENT = 65_535;
const END_MARK = Buffer.from('PK\x05\x06', 'latin1');
const ENTRY_MARK = 'PK\x01\x02';

/**
 * Whether an unzipper would find a directory of files here: the record at the end of one (APPNOTE §4.3.16), which
 * may be followed by anything it takes for a comment, with a directory where it points to.
 */
export const holdsZip = async (file: Reader): Promise<boolean> => {
  const start = Math.max(0, file.size - END_RECORD - LONGEST_COMMENT);
  // Two windows: the reader gives no more at once. They overlap by a record.
  for (let position = start; position < file.size; position += 32_768) {
    const bytes = Buffer.from(await file.at(position, 32_768 + END_RECORD));
    for (let at = bytes.indexOf(END_MARK); at !== -1; at = bytes.indexOf(END_MARK, at + 1)) {
      if (await pointsToDirectory(file, position + at, bytes.subarray(at))) return true;
    }
  }
  return false;
};

const pointsToDirectory = async ({ at }: Reader, position: number, record: Buffer) => {
  if (record.length < END_RECORD) return false;
  const length = record.readUInt32LE(12);
  const directory = position - length;
  if (length === 0 || directory < 0) return false;
  return (await at(directory, 4)).toString('latin1') === ENTRY_MARK;
};
