import { randomFillSync } from 'node:crypto';

/** Bytes drawn from the generator at once: a call for a few costs as much as one for thousands. */
const POOL_SIZE = 8_192;
const pool = Buffer.allocUnsafe(POOL_SIZE);
let used = POOL_SIZE;

/**
 * Cryptographically random bytes, each handed out once.
 *
 * @param length 1 to 8,192. The buffer is the caller's own: nothing else will ever hold these bytes.
 */
export const randomFrom = (length: number): Buffer => {
  if (used + length > POOL_SIZE) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.from(pool.subarray(used, used + length));
  // What was handed out does not stay behind: a later leak of memory finds no old secret here.
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
};
