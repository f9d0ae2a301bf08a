import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { openPromise } from 'yauzl';
import { type Findings, type Job, violation } from '../workbench/job.ts';
import { BadArchive, createBudget } from './budget.ts';
import { endsAsZip, TAIL } from './end-record.ts';
import { BEGINNINGS, STRICTLY, walk } from './walk.ts';

/** Archives that nothing here reads. */
const UNREAD = new Set([
  'application/gzip',
  'application/x-7z-compressed',
  'application/x-bzip2',
  'application/x-rar-compressed',
  'application/x-tar',
  'application/x-xz',
  'application/zstd',
]);
const NO_READER =
  'there is no reader for this format here: its type was recognised, and that is all';

/** Reads all that an archive holds, and keeps nothing of it: not on disk, and in memory only archives inside it. */
export const examineArchive = async (job: Job): Promise<Findings | undefined> => {
  if (!job.structure) return undefined;
  if (UNREAD.has(job.contentType))
    return {
      checks: [{ check: 'archive', outcome: 'skipped', detail: NO_READER }],
      violations: [],
    };
  const ends = await endsOf(job);
  if (!BEGINNINGS.has(ends.first)) return endsAsZip(ends.tail) ? hidden() : undefined;
  const budget = createBudget();
  try {
    await walk(await openPromise(job.path, STRICTLY), job.size, budget, 1);
    const { entries, bytes } = budget.used();
    const detail = `${entries} entries, ${bytes} bytes unpacked`;
    return { checks: [{ check: 'archive', outcome: 'passed', detail }], violations: [] };
  } catch (error) {
    return refused(error);
  }
};

const endsOf = async ({ path, size }: Job) => {
  const handle = await open(path);
  try {
    const first = (await bytesAt(handle, 0, 4)).toString('latin1');
    return { first, tail: await bytesAt(handle, Math.max(0, size - TAIL), TAIL) };
  } finally {
    await handle.close();
  }
};

const bytesAt = async (handle: FileHandle, position: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
};

/** An unzipper would open it, and whoever looks at how it begins would not. */
const hidden = (): Findings =>
  refused(new BadArchive('archive_hidden', 'something else stands before the archive'));

const refused = (error: unknown): Findings => {
  const said = error instanceof Error ? error.message : String(error);
  const rule = error instanceof BadArchive ? error.rule : ruleOf(said);
  const message =
    error instanceof BadArchive ? said : `the archive is not sound: ${said.slice(0, 200)}`;
  return {
    checks: [{ check: 'archive', outcome: 'failed', detail: message }],
    violations: [violation('body', rule, message, 'pack fewer files, plainly, and upload that')],
  };
};

/** The library refuses names that lead elsewhere before it shows them. */
const ruleOf = (said: string): string =>
  /relative path|absolute path|characters in fileName/i.test(said)
    ? 'archive_name'
    : 'archive_broken';
