import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { JSONParser } from '@streamparser/json';
import { type Job, violation } from '../workbench/job.ts';
import type { Complaints } from './complaints.ts';
import { createDepthGuard } from './depth.ts';
import type { Fault, TableSchema } from './schema.ts';

/** Bytes of a document that is held as a whole. Longer ones must be arrays, and are read element by element. */
const WHOLE = 8 * 1024 * 1024;
/** Characters of one line. */
const LONGEST_LINE = 1024 * 1024;

/** @throws SyntaxError and the parser's errors, for text that is no JSON; RangeError where it nests too deep. */
export const examineJson = async (
  { path, size }: Job,
  schema: TableSchema,
  complaints: Complaints,
): Promise<void> => {
  if (size <= WHOLE) {
    const bytes = await readFile(path);
    createDepthGuard()(bytes);
    const faults = schema.whole?.(JSON.parse(bytes.toString('utf8'))) ?? [];
    for (const fault of faults) complaints.add(inDocument('', fault));
    return;
  }
  if (schema.wholeOnly !== undefined) complaints.add(tooLong(schema.wholeOnly));
  else await examineArray(path, schema, complaints);
};

const examineArray = async (
  path: string,
  { each, leastItems, mostItems }: TableSchema,
  complaints: Complaints,
): Promise<void> => {
  // Elements are not kept once they were judged.
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  let count = 0;
  let isArray: boolean | undefined;
  parser.onValue = ({ value, key }) => {
    isArray = typeof key === 'number';
    for (const fault of each(value)) complaints.add(inDocument(`/${count}`, fault));
    count += 1;
  };
  const mustBeFlat = createDepthGuard();
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    mustBeFlat(chunk);
    parser.write(chunk);
    if (isArray === false) return complaints.add(notAnArray());
    if (complaints.isFull()) return;
  }
  if (!parser.isEnded) parser.end();
  if (isArray === undefined) return complaints.add(notAnArray());
  if (count < leastItems || count > mostItems) complaints.add(wrongCount(count));
};

/** One document a line (NDJSON). */
export const examineLines = async (
  { path }: Job,
  { each }: TableSchema,
  complaints: Complaints,
): Promise<void> => {
  let count = 0;
  const lines = createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const line of lines) {
    count += 1;
    if (line.length > LONGEST_LINE) throw new Error(`line ${count} is too long`);
    if (line.trim() === '') continue;
    for (const fault of each(parseLine(line, count)))
      complaints.add(inDocument(`/${count}`, fault));
    if (complaints.isFull()) return;
  }
};

const parseLine = (line: string, count: number): unknown => {
  try {
    createDepthGuard()(Buffer.from(line));
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${count} is not JSON`);
  }
};

const inDocument = (base: string, { at, keyword, message }: Fault) => {
  const pointer = `${base}${at}`.slice(0, 300);
  return violation(
    pointer === '' ? '/' : pointer,
    `schema_${keyword}`,
    `${pointer === '' ? 'the document' : pointer}: ${message}`,
    'correct the value, and upload the file again',
  );
};

const notAnArray = () =>
  violation('/', 'schema_type', 'the document: must be array', 'upload a list of entries');

const wrongCount = (count: number) =>
  violation(
    '/',
    'schema_items',
    `the list has ${count} entries`,
    'upload the whole list, and no more',
  );

const tooLong = (why: string) =>
  violation(
    'body',
    'too_large_to_inspect',
    `a document above ${WHOLE} bytes is judged entry by entry, and this one cannot be: ${why}`,
    'upload it in smaller documents',
  );
