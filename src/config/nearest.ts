/** One cell of the table below: what the last edit was, and what went before it. */
const cell = (
  table: readonly number[][],
  from: string,
  to: string,
  i: number,
  j: number,
): number => {
  const at = (row: number, column: number) => table[row]?.[column] ?? 0;
  const same = from[i - 1] === to[j - 1];
  const edits = [at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1)];
  const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
  return Math.min(...edits, ...(swapped ? [at(i - 2, j - 2) + 1] : []));
};

/** Edits that turn one word into the other: a letter more, less, another, or two swapped. */
const distance = (from: string, to: string): number => {
  const table = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    table.push(row);
    for (let j = 1; j <= to.length; j += 1) row.push(cell(table, from, to, i, j));
  }
  return table[from.length]?.[to.length] ?? 0;
};

/** Long words are no typos of ours, and the table above is quadratic. */
const LONGEST = 64;

/** The known word that `written` was probably meant to be, if any is close. */
export const nearest = (written: string, known: Iterable<string>): string | undefined => {
  if (written.length > LONGEST) return undefined;
  const allowed = Math.max(1, Math.floor(written.length / 3));
  return [...known]
    .map((word) => ({ word, edits: distance(written, word) }))
    .filter(({ edits }) => edits <= allowed)
    .sort((a, b) => a.edits - b.edits)[0]?.word;
};
