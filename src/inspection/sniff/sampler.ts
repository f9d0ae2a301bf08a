import { SAMPLE_SIZE, type Sample } from './sniff.ts';

/** The first bytes, kept until there are enough to tell a type by. */
export const createSampler = (size: number) => {
  const wanted = Math.min(size, SAMPLE_SIZE);
  const bytes = new Uint8Array(wanted);
  let length = 0;
  return {
    /** True for the one chunk that fills the sample. */
    fill: (chunk: Uint8Array): boolean => {
      if (length === wanted) return false;
      const taken = chunk.subarray(0, wanted - length);
      bytes.set(taken, length);
      length += taken.length;
      return length === wanted;
    },
    sample: (): Sample => ({ bytes: bytes.subarray(0, length), whole: size <= SAMPLE_SIZE }),
  };
};
