import { createHash } from 'node:crypto';

/** Chance that comes out the same for the same seed, so that a failing input can be made again. */
export interface Random {
  /** 0 … below `end`. */
  int(end: number): number;
  /** True about once in `times`. */
  once(times: number): boolean;
  pick<Value>(values: readonly Value[]): Value;
  bytes(length: number): Buffer;
}

/** sfc32: small, fast, and good enough to find what breaks. */
export const createRandom = (seed: string): Random => {
  const digest = createHash('sha256').update(seed).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)) as [
    number,
    number,
    number,
    number,
  ];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 2 ** 32;
  };
  const int = (end: number): number => Math.floor(next() * end);
  return {
    int,
    once: (times) => int(times) === 0,
    pick: (values) => values[int(values.length)]!,
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  };
};
