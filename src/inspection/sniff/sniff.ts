import { fileTypeFromBuffer } from 'file-type';
import { agrees, commonName, isText } from './media-type.ts';

/** 64 KiB: past the local headers of an office document's first entries, and bounded. */
export const SAMPLE_SIZE = 65_536;

/** The start of an upload, and whether that is all of it. */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly whole: boolean;
}

/** No NUL, and UTF-8 as far as we see; a character cut by the sample's end is no fault. */
const holdsText = ({ bytes, whole }: Sample): boolean => {
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !whole });
    return true;
  } catch {
    return false;
  }
};

/**
 * Whether the bytes may be of the declared type; if not, what they are.
 *
 * Leans closed: a type we can name must be the declared one, and what we cannot name passes only as text
 * that is text, or as `application/octet-stream`, which claims nothing. Necessary, never sufficient: a
 * polyglot shows its first face. So content leaves as an attachment with `nosniff` all the same.
 */
export const contradicts = async (
  contentType: string,
  sample: Sample,
): Promise<string | undefined> => {
  const declared = commonName(contentType);
  // A parser that stumbles has recognised nothing.
  const found = await fileTypeFromBuffer(sample.bytes).catch(() => undefined);
  const detected = found && commonName(found.mime);

  if (isText(declared) && !holdsText(sample)) return detected ?? 'not UTF-8 text';
  if (detected !== undefined) return agrees(declared, detected) ? undefined : detected;
  if (isText(declared) || declared === 'application/octet-stream') return undefined;
  return 'of no known type';
};
