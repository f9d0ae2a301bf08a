import type { Reader } from './reader.ts';

const SIGNATURE = 8;
/** Length, type and CRC of a chunk (PNG §5.3). */
const FRAME = 12;

export const endOfPng = async ({ at, size }: Reader): Promise<number | undefined> => {
  for (let position = SIGNATURE; position + FRAME <= size; ) {
    const header = await at(position, 8);
    position += FRAME + header.readUInt32BE(0);
    if (header.toString('latin1', 4, 8) === 'IEND') return position <= size ? position : undefined;
  }
  return undefined;
};
