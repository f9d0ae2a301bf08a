import type { ByteRange } from '../object-store.ts';

const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * What a `Range` header asks of an object (RFC 9110 §14.2): one range, `all` of it, or `none` that it has.
 * Several ranges and what is not understood mean all of it, as §14.2 lets a server choose.
 */
export const byteRange = (header: string | undefined, size: number): ByteRange | 'all' | 'none' => {
  const [, first = '', last = ''] = SINGLE.exec(header ?? '') ?? [];
  if (first === '' && last === '') return 'all';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'none' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  // A range whose end precedes its start is invalid and so ignored (§14.1.1).
  if (last !== '' && Number(last) < start) return 'all';
  return start >= size ? 'none' : { start, end };
};
