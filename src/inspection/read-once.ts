import type { Checked } from '../protocol/inspection-report.ts';
import { OAuthError, unavailable } from '../protocol/oauth-error.ts';
import { createDigest } from './checksum/digest.ts';
import type { Clean, Declaration, Refused, Upload } from './inspector.ts';
import { refusal } from './refusal.ts';
import { createSampler } from './sniff/sampler.ts';
import { contradicts } from './sniff/sniff.ts';

/** Who sees the bytes as they pass, each as slowly as it needs. */
interface Onlooker {
  write(chunk: Uint8Array): Promise<void>;
}

/**
 * Size, type and checksum of what is read, and no further than it takes to refuse it: never past the first chunk
 * beyond the declared size, and not past the first 64 KiB of a file of another type.
 *
 * @throws OAuthError `temporarily_unavailable` when the body cannot be read to its end, or an onlooker fails.
 */
export const readOnce = async (
  { body, declared, asked }: Upload,
  onlookers: readonly (Onlooker | undefined)[],
): Promise<Clean | Refused> => {
  const digest = createDigest();
  const look = lookFor(declared, asked.sniff);
  try {
    // Leaving the loop early destroys the stream.
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      digest.update(chunk);
      if (digest.size > declared.size) return refusal.size([], declared, 'more');
      const found = await look.at(chunk);
      if (found !== undefined) return refusal.type([], declared, found);
      for (const onlooker of onlookers) await onlooker?.write(chunk);
    }
  } catch (error) {
    if (error instanceof OAuthError) throw error;
    throw unavailable('the upload could not be read for inspection', error);
  }
  return conclude(declared, look, digest.size, digest.sha256());
};

/** Asks once, as soon as enough was seen to tell a type by. */
const lookFor = ({ size, contentType }: Declaration, isOn: boolean) => {
  const sampler = createSampler(size);
  return {
    isOn,
    at: async (chunk: Uint8Array): Promise<string | undefined> =>
      sampler.fill(chunk) && isOn ? contradicts(contentType, sampler.sample()) : undefined,
    /** Nothing filled the sample of an empty file: only a type that needs no mark can be empty. */
    atNothing: async (): Promise<string | undefined> =>
      isOn ? contradicts(contentType, { bytes: new Uint8Array(), whole: true }) : undefined,
  };
};

const conclude = async (
  declared: Declaration,
  look: ReturnType<typeof lookFor>,
  size: number,
  sha256: string,
): Promise<Clean | Refused> => {
  if (size !== declared.size) return refusal.size([], declared, String(size));
  const checks: Checked[] = [{ check: 'size', outcome: 'passed' }];
  const found = size === 0 ? await look.atNothing() : undefined;
  if (found !== undefined) return refusal.type(checks, declared, found);
  if (look.isOn) checks.push({ check: 'type', outcome: 'passed' });
  if (declared.sha256 !== undefined) {
    if (sha256 !== declared.sha256.toLowerCase()) return refusal.checksum(checks);
    checks.push({ check: 'checksum', outcome: 'passed' });
  }
  return { ok: true, size, sha256, contentType: declared.contentType, checks };
};
