import type { Buffer } from 'node:buffer';

/** How deep a document may nest. Deeper ones cost a parser more than their size says, and no table is. */
const DEEPEST = 256;

const QUOTE = 0x22;
const ESCAPE = 0x5c;

const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Looks at the bytes of JSON before they are parsed.
 *
 * @throws RangeError where they nest too deep.
 */
export const createDepthGuard = () => {
  let depth = 0;
  let inString = false;
  let escaped = false;

  const structural = (byte: number): void => {
    if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte)) depth += 1;
    else if (CLOSING.has(byte)) depth -= 1;
    if (depth > DEEPEST) throw new RangeError(`it nests more than ${DEEPEST} deep`);
  };

  const withinString = (byte: number): void => {
    if (escaped) escaped = false;
    else if (byte === ESCAPE) escaped = true;
    else if (byte === QUOTE) inString = false;
  };

  return (chunk: Buffer): void => {
    for (const byte of chunk) {
      if (inString) withinString(byte);
      else structural(byte);
    }
  };
};
