/** What a suite measured, and how much of it there was. */

/** The counts of a release, or those that CI has the time for. */
export const isFull = process.env.CLUSTER === 'full';

export const sized = <Value>(full: Value, short: Value): Value => (isFull ? full : short);

/** The value below which this share of them lies; NaN where there are none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** Milliseconds, as tables show them. */
export const spread = (values: readonly number[]): Record<string, number | string> => ({
  count: values.length,
  p50: percentile(values, 0.5).toFixed(1),
  p99: percentile(values, 0.99).toFixed(1),
  max: Math.max(...values).toFixed(1),
});

/** A table under its title, past jest's own output. */
export const printFigures = (
  title: string,
  rows: readonly Readonly<Record<string, number | string>>[],
): void => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((name) => String(row[name] ?? '')))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '));
  const size = isFull ? 'full' : 'short';
  process.stdout.write(`\n${title} (${size})\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
};
