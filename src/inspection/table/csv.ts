import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { type Job, violation } from '../workbench/job.ts';
import type { Complaints } from './complaints.ts';
import type { Fault, TableSchema } from './schema.ts';

/** Bytes: a quote that is never closed must not make one row of the whole file. */
const LONGEST_ROW = 1024 * 1024;
const MOST_COLUMNS = 2_000;

/**
 * Row by row, as an object of its columns. Rows are counted as a spreadsheet shows them: the names stand in row 1.
 *
 * @throws what the parser says of text that is no CSV, for the caller to put into words.
 */
export const examineCsv = async (
  { path }: Job,
  { each, leastItems, mostItems }: TableSchema,
  complaints: Complaints,
): Promise<void> => {
  const parser = createReadStream(path).pipe(
    parse({ bom: true, columns: columnsOf, max_record_size: LONGEST_ROW, skip_empty_lines: true }),
  );
  let rows = 0;
  try {
    for await (const row of parser as AsyncIterable<Record<string, string>>) {
      rows += 1;
      for (const fault of each({ ...row })) complaints.add(inRow(rows + 1, fault));
      if (complaints.isFull()) return;
    }
  } catch (error) {
    // It says what it stumbled over, and which lines of text that was.
    if (!(error instanceof CsvError)) throw error;
    complaints.add(badRow(Number(error.records ?? rows) + 2, error.message));
  }
  if (rows < leastItems || rows > mostItems) complaints.add(wrongCount(rows));
};

const columnsOf = (names: readonly string[]): string[] => {
  const seen = new Set(names);
  if (seen.size !== names.length) throw new Error('two columns have one name');
  if (names.length > MOST_COLUMNS) throw new Error(`there are more than ${MOST_COLUMNS} columns`);
  return [...names];
};

const inRow = (row: number, { at, keyword, message }: Fault) => {
  const column = at.slice(1).replaceAll('~1', '/').replaceAll('~0', '~').slice(0, 200);
  const where = column === '' ? `row ${row}` : `row ${row}, column ${column}`;
  return violation(
    column === '' ? `row ${row}` : column,
    `schema_${keyword}`,
    `${where}: ${message}`,
    'correct the cell, and upload the file again',
  );
};

const badRow = (row: number, said: string) =>
  violation(
    `row ${row}`,
    'malformed',
    `row ${row}: not readable as CSV: ${said.slice(0, 300)}`,
    'export the file anew, with commas and with quotes around cells that hold any',
  );

const wrongCount = (rows: number) =>
  violation(
    'body',
    'schema_items',
    `the table has ${rows} rows`,
    'upload the whole table, and no more',
  );
