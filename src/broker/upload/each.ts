/** Enough to be quick, and not so many that storage is busy with what nobody waits for. */
const AT_ONCE = 16;

/** Takes this step with each, some at once. One that fails is told of, and holds up no other: the next round tries it again. */
export const each = async <One>(
  found: readonly One[],
  step: (one: One) => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> => {
  for (let from = 0; from < found.length; from += AT_ONCE) {
    const outcomes = await Promise.allSettled(found.slice(from, from + AT_ONCE).map(step));
    for (const outcome of outcomes) if (outcome.status === 'rejected') onError(outcome.reason);
  }
};
