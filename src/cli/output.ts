import type { Surroundings } from './surroundings.ts';

/** Where a command says what came of it: JSON for scripts, or lines for people. */
export interface Output {
  readonly json: boolean;
  /** The answer: `value` as JSON, or `lines`. */
  answer(value: unknown, lines: readonly string[]): void;
  /** Beside the answer, for people only. */
  note(line: string): void;
}

export const createOutput = ({ stdout, stderr }: Surroundings, json: boolean): Output => ({
  json,
  answer: (value, lines) => {
    const text = json ? JSON.stringify(value, null, 2) : lines.map(printable).join('\n');
    stdout.write(`${text}\n`);
  },
  note: (line) => {
    if (!json) stderr.write(`${printable(line)}\n`);
  },
});

/** What others wrote must not move the cursor or recolour the terminal of whoever reads it. */
const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? character : '\ufffd',
  );

/** Columns as wide as what is in them; nothing in a cell is shown as a dash. */
export const columns = (
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
): readonly string[] => {
  const cells = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

/** `name  value` lines, the values aligned. */
export const members = (entries: Readonly<Record<string, unknown>>): readonly string[] => {
  const width = Math.max(...Object.keys(entries).map((name) => name.length));
  return Object.entries(entries).map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`);
};

const cell = (value: unknown): string => {
  if (value === null || value === undefined || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(' ');
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replaceAll('\n', ' ');
};
