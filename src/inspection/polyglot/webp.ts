import type { Reader } from './reader.ts';

/** RIFF says its own length, and is filled up to an even one. */
export const endOfWebp = async ({ at, size }: Reader): Promise<number | undefined> => {
  const header = await at(0, 8);
  if (header.length < 8) return undefined;
  const length = header.readUInt32LE(4);
  const end = 8 + length + (length % 2);
  return end <= size ? end : undefined;
};
