import { examineArchive } from '../archive/archive.ts';
import { examineImage } from '../image/image.ts';
import { examineTails } from '../polyglot/polyglot.ts';
import { examineTable } from '../table/table.ts';
import type { Findings, Job } from './job.ts';

/** Each answers undefined where a file is none of its business. In the order of what they cost. */
const EXAMINERS: readonly ((job: Job) => Promise<Findings | undefined>)[] = [
  examineTails,
  examineArchive,
  examineImage,
  examineTable,
];

/** Up to the first that finds something wrong. */
export const examine = async (job: Job): Promise<Findings> => {
  const checks: Findings['checks'][number][] = [];
  for (const look of EXAMINERS) {
    const found = await look(job);
    checks.push(...(found?.checks ?? []));
    if (found && found.violations.length > 0) return { checks, violations: found.violations };
  }
  return { checks, violations: [] };
};
