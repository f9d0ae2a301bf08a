import { createHash } from 'node:crypto';

/** Counts and hashes bytes as they pass. */
export interface Digest {
  readonly size: number;
  update(chunk: Uint8Array): void;
  /** Hex SHA-256 of all that passed; to be asked once, at the end. */
  sha256(): string;
}

export const createDigest = (): Digest => {
  const hash = createHash('sha256');
  let size = 0;
  return {
    get size() {
      return size;
    },
    update: (chunk) => {
      size += chunk.length;
      hash.update(chunk);
    },
    sha256: () => hash.digest('hex'),
  };
};
