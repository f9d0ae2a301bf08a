import sharp, { type Metadata, type Sharp } from 'sharp';
import { type Findings, type Job, violation } from '../workbench/job.ts';

/** What decoders here can read, by the name sharp gives the format. SVG is text, and is not drawn: it may name other files. */
const DECODED: ReadonlyMap<string, string> = new Map([
  ['image/png', 'png'],
  ['image/apng', 'png'],
  ['image/jpeg', 'jpeg'],
  ['image/gif', 'gif'],
  ['image/webp', 'webp'],
  ['image/tiff', 'tiff'],
  ['image/avif', 'heif'],
]);

/** 100 megapixels over all frames: past any usual camera, and some 400 MB were it held at once, which it is not. */
const MOST_PIXELS = 100_000_000;

// One file at a time, and nothing of it kept for the next.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Decodes the whole image, once it is known from its header that this is no trap. Leans closed: what the decoder
 * merely warns of is refused.
 */
export const examineImage = async (job: Job): Promise<Findings | undefined> => {
  if (!job.structure || !job.contentType.startsWith('image/')) return undefined;
  const format = DECODED.get(job.contentType);
  if (format === undefined)
    return { checks: [{ check: 'image', outcome: 'skipped', detail: NO_DECODER }], violations: [] };
  // Of the header it is asked how large the image would be: the limit would only say "too large".
  const header = sharp(job.path, { ...STRICTLY, limitInputPixels: false });
  const image = sharp(job.path, { ...STRICTLY, limitInputPixels: MOST_PIXELS });
  return (await refusedByHeader(header, format)) ?? decode(image);
};

const STRICTLY = { failOn: 'warning', sequentialRead: true, animated: true } as const;

const NO_DECODER =
  'there is no decoder for this format here: its type was recognised, and that is all';

const refusedByHeader = async (image: Sharp, format: string): Promise<Findings | undefined> => {
  let header: Metadata;
  try {
    header = await image.metadata();
  } catch (error) {
    return complaint(error);
  }
  const { width = 0, height = 0 } = header;
  if (header.format !== format) return broken(`it is a ${header.format}`);
  return width * height > MOST_PIXELS ? tooLarge(`${width} × ${height}`) : undefined;
};

const decode = async (image: Sharp): Promise<Findings> => {
  try {
    await image.stats(); // reads every pixel of it, a strip at a time
    return { checks: [{ check: 'image', outcome: 'passed' }], violations: [] };
  } catch (error) {
    return complaint(error);
  }
};

const complaint = (error: unknown): Findings => {
  const said = error instanceof Error ? error.message : String(error);
  if (/pixel limit/i.test(said)) return tooLarge('more');
  // The decoder's words, without the path that some of them name.
  return broken(
    said
      .split('\n', 1)[0]
      ?.replace(/\S*\/\S+/g, 'the file')
      .slice(0, 200) ?? '',
  );
};

const tooLarge = (size: string): Findings =>
  refused(
    'image_pixels',
    `the image has ${size} pixels, and ${MOST_PIXELS} are the most that are decoded here`,
    'make the image smaller',
  );

const broken = (why: string): Findings =>
  refused(
    'image_broken',
    `the image cannot be decoded: ${why}`,
    'save the image anew, and upload that',
  );

const refused = (rule: string, message: string, remedy: string): Findings => ({
  checks: [{ check: 'image', outcome: 'failed', detail: message }],
  violations: [violation('body', rule, message, remedy)],
});
