import type { Reader } from './reader.ts';

const MARK = '%%EOF';
/** Readers look for the mark within so many last bytes (ISO 32000-1, implementation note 18). */
const TAIL = 1024;

export const endOfPdf = async ({ at, size }: Reader): Promise<number | undefined> => {
  const start = Math.max(0, size - TAIL);
  const tail = (await at(start, TAIL)).toString('latin1');
  const mark = tail.lastIndexOf(MARK);
  // Far behind the mark is something else, and so much of it that the mark is out of sight.
  if (mark === -1) return (await holdsMark(at, size)) ? size - TAIL : undefined;
  const rest = tail.slice(mark + MARK.length);
  return start + mark + MARK.length + (/^[\s\0]*/.exec(rest)?.[0].length ?? 0);
};

const holdsMark = async (at: Reader['at'], size: number): Promise<boolean> => {
  const step = 32_768;
  for (let position = 0; position < size; position += step) {
    if ((await at(position, step + MARK.length)).includes(MARK, 0, 'latin1')) return true;
  }
  return false;
};
