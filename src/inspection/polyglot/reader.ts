import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';

/** A file read here and there, a window at a time. */
export interface Reader {
  readonly size: number;
  /**
   * Fewer bytes only at the end of the file. At most a window's worth.
   *
   * @throws TooManyPieces where a file is walked in more steps than any ordinary one.
   */
  at(position: number, length: number): Promise<Buffer>;
}

const WINDOW = 65_536;

/** Of how many pieces a file may be made before somebody means to keep us busy; more for large ones. */
const mostSteps = (size: number): number => Math.max(500_000, size / 64);

export class TooManyPieces extends Error {
  override readonly name = 'TooManyPieces';
}

export const createReader = (handle: FileHandle, size: number): Reader => {
  const window = Buffer.alloc(WINDOW);
  let start = 0;
  let length = 0;
  let steps = 0;
  return {
    size,
    at: async (position, wanted) => {
      steps += 1;
      if (steps > mostSteps(size)) throw new TooManyPieces('the file is made of too many pieces');
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
