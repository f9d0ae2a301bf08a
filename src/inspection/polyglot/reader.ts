import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';

/** A file read here and there, a window at a time. */
export interface Reader {
  readonly size: number;
  /** Fewer bytes only at the end of the file. At most a window's worth. */
  at(position: number, length: number): Promise<Buffer>;
}

const WINDOW = 65_536;

export const createReader = (handle: FileHandle, size: number): Reader => {
  const window = Buffer.alloc(WINDOW);
  let start = 0;
  let length = 0;
  return {
    size,
    at: async (position, wanted) => {
      if (position < start || position + wanted > start + length) {
        start = position;
        length = (await handle.read(window, 0, WINDOW, position)).bytesRead;
      }
      return window.subarray(position - start, Math.min(position - start + wanted, length));
    },
  };
};

/** Past the zeros that some programs fill a file up with. */
export const pastZeros = async ({ at, size }: Reader, from: number): Promise<number> => {
  for (let position = from; position < size; ) {
    const bytes = await at(position, 4096);
    const other = bytes.findIndex((byte) => byte !== 0);
    if (other !== -1) return position + other;
    position += bytes.length;
  }
  return size;
};
