/** One element of DER (X.690 §8.1). */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/**
 * The elements that `bytes` is made of, one after the other.
 *
 * Only what names and certificates are written in: tags of one byte, lengths in their shortest form.
 *
 * @throws {RangeError} for anything else.
 */
export const readDer = (bytes: Buffer): readonly DerElement[] => {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const { start, length } = lengthAt(bytes, at + 1);
    const end = start + length;
    if ((tag & 0x1f) === 0x1f || end > bytes.length) throw new RangeError('not DER');
    elements.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return elements;
};

/** X.690 §8.1.3, §10.1 */
const lengthAt = (
  bytes: Buffer,
  at: number,
): { readonly start: number; readonly length: number } => {
  const first = bytes[at] ?? 0x80;
  if (first < 0x80) return { start: at + 1, length: first };
  const digits = first & 0x7f;
  const start = at + 1 + digits;
  if (digits === 0 || digits > 3 || start > bytes.length) throw new RangeError('not DER');
  const length = bytes.readUIntBE(at + 1, digits);
  const isShortest = length >= 0x80 && length >= 2 ** (8 * (digits - 1));
  if (!isShortest) throw new RangeError('not DER');
  return { start, length };
};

/** The content of an OBJECT IDENTIFIER in dotted decimal (X.690 §8.19). @throws {RangeError} where it is none. */
export const readOid = (content: Buffer): string => {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    if (arc === 0 && byte === 0x80) throw new RangeError('not an object identifier');
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new RangeError('an arc is too long');
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first, ...others] = arcs;
  if (first === undefined || (content.at(-1) ?? 0x80) >= 0x80) {
    throw new RangeError('not an object identifier');
  }
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - 40 * root, ...others].join('.');
};
