import { type Findings, type Job, violation } from '../workbench/job.ts';
import { createComplaints } from './complaints.ts';
import { examineCsv } from './csv.ts';
import { examineJson, examineLines } from './json.ts';
import { kindOf } from './kind.ts';
import { compileSchema } from './schema.ts';

const READERS = { csv: examineCsv, json: examineJson, lines: examineLines };

/** A table or document against the bucket's JSON Schema for its type, in memory that does not grow with it. */
export const examineTable = async (job: Job): Promise<Findings | undefined> => {
  const kind = kindOf(job.contentType);
  if (job.schema === undefined || kind === undefined) return undefined;
  const complaints = createComplaints();
  try {
    await READERS[kind](job, compileSchema(kind, job.schema), complaints);
  } catch (error) {
    complaints.add(unreadable(kind, error));
  }
  const violations = complaints.all();
  const { count } = complaints;
  return {
    checks: [
      {
        check: 'schema',
        outcome: violations.length === 0 ? 'passed' : 'failed',
        ...(complaints.isFull()
          ? { detail: `the first ${count()} violations; it was read no further` }
          : {}),
      },
    ],
    violations,
  };
};

const unreadable = (kind: string, error: unknown) =>
  violation(
    'body',
    'malformed',
    `not readable as ${kind === 'csv' ? 'CSV' : 'JSON'}: ${error instanceof Error ? error.message.slice(0, 300) : 'unknown'}`,
    'export the file anew',
  );
