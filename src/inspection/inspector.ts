import type { Readable } from 'node:stream';
import { unavailable, type Violation } from '../protocol/oauth-error.ts';
import { createDigest } from './checksum/digest.ts';
import { contradicts, SAMPLE_SIZE } from './sniff/sniff.ts';

/**
 * Inspection: is this upload what it claims to be? It reads a stream once and answers; it does not know
 * where the bytes lie, whose they are, or what becomes of them.
 */
export interface Upload {
  readonly body: Readable;
  readonly declared: Declaration;
  /** False: the bytes may be of another type than declared. Size and checksum are checked all the same. */
  readonly sniff?: boolean;
}

export interface Declaration {
  /** Bytes, exact. */
  readonly size: number;
  readonly contentType: string;
  /** Hex. */
  readonly sha256?: string;
}

export type Verdict =
  | {
      readonly ok: true;
      readonly size: number;
      /** Hex, of the bytes that were read. */
      readonly sha256: string;
      /** As declared, and not contradicted by the bytes. */
      readonly contentType: string;
    }
  | {
      readonly ok: false;
      /** The first of `violations`, by its rule. */
      readonly reason: Reason;
      readonly violations: readonly Violation[];
    };

export type Reason = 'size_mismatch' | 'type_mismatch' | 'checksum_mismatch';

type Rejection = Extract<Verdict, { ok: false }>;

const reject = (reason: Reason, field: string, message: string, remedy: string): Rejection => ({
  ok: false,
  reason,
  violations: [{ field, rule: reason, message, remedy }],
});

const wrongSize = ({ size }: Declaration, found: string): Rejection =>
  reject(
    'size_mismatch',
    'size',
    `the upload has ${found} bytes where ${size} were declared`,
    'declare the exact size, and upload the whole file',
  );

const wrongType = ({ contentType }: Declaration, found: string): Rejection =>
  reject(
    'type_mismatch',
    'contentType',
    `the upload was declared as ${contentType}, and its bytes are ${found}`,
    'declare what the file is; text must be UTF-8',
  );

const wrongChecksum = (): Rejection =>
  reject(
    'checksum_mismatch',
    'sha256',
    'the upload has another SHA-256 than declared',
    'upload the file that was hashed',
  );

/** The first bytes, kept until there are enough to tell a type by. */
const createSampler = (size: number) => {
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
    sample: () => ({ bytes: bytes.subarray(0, length), whole: size <= SAMPLE_SIZE }),
  };
};

/**
 * Reads the upload once, in bounded memory, and no further than it takes to refuse it: never past the
 * first chunk beyond the declared size, and not past the first 64 KiB of a file of another type. The
 * body is destroyed in any case.
 *
 * @throws OAuthError `temporarily_unavailable` when the body cannot be read to its end.
 */
export const inspect = async ({ body, declared, sniff = true }: Upload): Promise<Verdict> => {
  const look = sniff ? contradicts : believe;
  const digest = createDigest();
  const sampler = createSampler(declared.size);
  try {
    // Leaving the loop early destroys the stream.
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      digest.update(chunk);
      if (digest.size > declared.size) return wrongSize(declared, 'more');
      if (sampler.fill(chunk)) {
        const found = await look(declared.contentType, sampler.sample());
        if (found !== undefined) return wrongType(declared, found);
      }
    }
  } catch (error) {
    throw unavailable('the upload could not be read for inspection', error);
  }
  return conclude(declared, digest.size, digest.sha256(), look);
};

const believe: typeof contradicts = async () => undefined;

const conclude = async (
  declared: Declaration,
  size: number,
  sha256: string,
  look: typeof contradicts,
): Promise<Verdict> => {
  if (size !== declared.size) return wrongSize(declared, String(size));
  // Nothing filled the sample of an empty file: only a type that needs no mark can be empty.
  const found = size === 0 ? await look(declared.contentType, NOTHING) : undefined;
  if (found !== undefined) return wrongType(declared, found);
  if (declared.sha256 !== undefined && sha256 !== declared.sha256.toLowerCase())
    return wrongChecksum();
  return { ok: true, size, sha256, contentType: declared.contentType };
};

const NOTHING = { bytes: new Uint8Array(), whole: true };
