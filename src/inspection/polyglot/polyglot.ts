import { type FileHandle, open } from 'node:fs/promises';
import { type Findings, type Job, violation } from '../workbench/job.ts';
import { endOfGif } from './gif.ts';
import { endOfJpeg } from './jpeg.ts';
import { endOfPdf } from './pdf.ts';
import { endOfPng } from './png.ts';
import { createReader, type Reader, TooManyPieces } from './reader.ts';
import { endOfWebp } from './webp.ts';
import { holdsZip } from './zip-tail.ts';

/** Where the file of this kind ends, as its own marks say; undefined where they do not lead to an end. */
type EndOf = (file: Reader) => Promise<number | undefined>;

const ENDS: ReadonlyMap<string, EndOf> = new Map([
  ['image/png', endOfPng],
  ['image/apng', endOfPng],
  ['image/jpeg', endOfJpeg],
  ['image/gif', endOfGif],
  ['image/webp', endOfWebp],
  ['application/pdf', endOfPdf],
]);

/**
 * A file that is one thing from its beginning may be another from its end: a zip is read from there, and a
 * browser finds HTML anywhere. Leans closed: bytes that are no part of the file are refused, whatever they are.
 */
export const examineTails = async (job: Job): Promise<Findings | undefined> => {
  const endOf = job.structure ? ENDS.get(job.contentType) : undefined;
  if (!endOf) return undefined;
  const handle = await open(job.path);
  try {
    return await judge(job, endOf, handle);
  } catch (error) {
    if (error instanceof TooManyPieces) return refused('malformed', error.message);
    throw error;
  } finally {
    await handle.close();
  }
};

const judge = async ({ contentType, size }: Job, endOf: EndOf, handle: FileHandle) => {
  const file = createReader(handle, size);
  const end = await endOf(file);
  if (end === undefined)
    return refused('malformed', `the ${contentType} has no end, or breaks off before it`);
  const rest = size - end;
  if (rest > 0) return refused('polyglot', `${rest} bytes follow the end of the ${contentType}`);
  if (await holdsZip(file))
    return refused('polyglot', `the ${contentType} is a zip archive as well`);
  return { checks: [{ check: 'polyglot', outcome: 'passed' }], violations: [] } satisfies Findings;
};

const refused = (rule: 'polyglot' | 'malformed', message: string): Findings => ({
  checks: [{ check: 'polyglot', outcome: 'failed', detail: message }],
  violations: [
    violation(
      'body',
      rule,
      message,
      'save the file anew with an ordinary program, and upload that',
    ),
  ],
});
