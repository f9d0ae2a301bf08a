import { open } from 'node:fs/promises';
import { openPromise } from 'yauzl';
import { type Findings, type Job, violation } from '../workbench/job.ts';
import { BadArchive, createBudget } from './budget.ts';
import { STRICTLY, walk } from './walk.ts';

/** Office documents, books and Java archives are zips by other names: what counts is how the file begins. */
const BEGINS = ['PK\x03\x04', 'PK\x05\x06'];

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
  if (!(await beginsAsZip(job.path))) return undefined;
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

const beginsAsZip = async (path: string): Promise<boolean> => {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return BEGINS.includes(buffer.toString('latin1', 0, bytesRead));
  } finally {
    await handle.close();
  }
};

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
