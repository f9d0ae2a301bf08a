/** Edits that turn one word into the other (Levenshtein), one row of the table at a time. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const replaced = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
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
