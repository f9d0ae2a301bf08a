import type { Reader } from './reader.ts';

const SCREEN = 13;
const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;

/** Bytes of a colour table, from the byte that announces it (GIF89a §18, §20). */
const tableSize = (packed: number): number => (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);

export const endOfGif = async (file: Reader): Promise<number | undefined> => {
  const screen = await file.at(0, SCREEN);
  if (screen.length < SCREEN) return undefined;
  let position = SCREEN + tableSize(screen[10] ?? 0);
  while (position < file.size) {
    const [kind] = await file.at(position, 1);
    if (kind === TRAILER) return position + 1;
    const data = await startOfData(file, position, kind);
    if (data === undefined) return undefined;
    position = await pastBlocks(file, data);
  }
  return undefined;
};

const startOfData = async ({ at }: Reader, position: number, kind: number | undefined) => {
  if (kind === EXTENSION) return position + 2;
  if (kind !== IMAGE) return undefined;
  const packed = (await at(position + 9, 1))[0] ?? 0;
  return position + 10 + tableSize(packed) + 1; // and the size of its first code
};

const pastBlocks = async ({ at, size }: Reader, from: number): Promise<number> => {
  for (let position = from; position < size; ) {
    const length = (await at(position, 1))[0] ?? 0;
    position += 1 + length;
    if (length === 0) return position;
  }
  return size;
};
