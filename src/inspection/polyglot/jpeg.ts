import type { Buffer } from 'node:buffer';
import { pastZeros, type Reader } from './reader.ts';

const START = 0xd8;
const END = 0xd9;
const SCAN = 0xda;

/** Markers that stand alone: TEM, RST0 to RST7 (ITU-T T.81, table B.1). */
const isBare = (marker: number): boolean => marker === 1 || (marker >= 0xd0 && marker <= 0xd7);

/**
 * A camera may add further whole images, such as a gain map (CIPA DC-007): they are walked as the first is. What is
 * neither an image nor filling is no part of the file.
 */
export const endOfJpeg = async (file: Reader): Promise<number | undefined> => {
  let end = await endOfImage(file, 0);
  while (end !== undefined) {
    const next = await pastZeros(file, end);
    if (next === file.size) return next;
    const [first, second] = await file.at(next, 2);
    if (first !== 0xff || second !== START) return end;
    end = await endOfImage(file, next);
  }
  return undefined;
};

const endOfImage = async (file: Reader, from: number): Promise<number | undefined> => {
  let position = from + 2;
  while (position + 1 < file.size) {
    const [mark = 0, marker = 0] = await file.at(position, 2);
    if (mark !== 0xff) return undefined;
    if (marker === 0xff)
      position += 1; // filling before a marker (T.81 §B.1.1.2)
    else if (marker === END) return position + 2;
    else if (isBare(marker)) position += 2;
    else position = await pastSegment(file, position, marker);
  }
  return undefined;
};

const pastSegment = async (file: Reader, position: number, marker: number): Promise<number> => {
  const length = await file.at(position + 2, 2);
  if (length.length < 2) return file.size;
  const end = position + 2 + length.readUInt16BE(0);
  return marker === SCAN ? pastScan(file, end) : end;
};

/** Compressed data goes on to the next marker; 0xFF in it is followed by 0, or restarts it. */
const pastScan = async ({ at, size }: Reader, from: number): Promise<number> => {
  for (let position = from; position + 1 < size; ) {
    const bytes = await at(position, 32_768);
    const found = markerIn(bytes);
    if (found !== undefined) return position + found;
    // The last byte may be the first half of a marker.
    position += bytes.at(-1) === 0xff ? bytes.length - 1 : bytes.length;
  }
  return size;
};

/** Without a wait between them: a scan may be full of marks. */
const markerIn = (bytes: Buffer): number | undefined => {
  for (let at = bytes.indexOf(0xff); at !== -1; at = bytes.indexOf(0xff, at + 2)) {
    const marker = bytes[at + 1];
    if (marker === undefined) return undefined;
    if (marker !== 0 && !(marker >= 0xd0 && marker <= 0xd7)) return at;
  }
  return undefined;
};
