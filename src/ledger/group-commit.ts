/**
 * Group commit: what concurrent requests write, or claim, or look up, goes to the database together.
 *
 * An item waits until the end of this turn of the event loop, or until the batch before it has been
 * written, and then leaves with everything that waited beside it. Each caller gets its own answer.
 * Batches travel side by side only where they are full: what a batch costs is shared by all in it.
 */
export interface GroupCommitOptions<Item, Answer> {
  /** Writes all items in one commit and answers in their order. Rejects when none was written. */
  readonly write: (items: readonly Item[]) => Promise<readonly Answer[]>;
  /** Whether a failed batch was surely not written because of one of its own items. */
  readonly isItemsFault: (error: unknown) => boolean;
  readonly maxItems: number;
  readonly maxInFlight: number;
  /** Above this many waiting items the database cannot keep up: the rest is turned away at once. */
  readonly maxWaiting: number;
  readonly overload: () => Error;
  /**
   * Milliseconds a caller waits for its answer. One that has given up while its item still waits takes the
   * item along: a database that falls behind is not kept busy with what nobody will get.
   */
  readonly patience: number;
  readonly late: () => Error;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export const createGroupCommit = <Item, Answer>(
  options: GroupCommitOptions<Item, Answer>,
): ((item: Item) => Promise<Answer>) => {
  const waiting = new Set<Waiting<Item, Answer>>();
  let inFlight = 0;
  let scheduled = false;

  const isFull = (): boolean => waiting.size >= options.maxItems;

  const send = (batch: readonly Waiting<Item, Answer>[]): Promise<void> =>
    options.write(batch.map(({ item }) => item)).then(
      (answers) => hand(batch, answers),
      (error: unknown) => refuse(batch, error),
    );

  /** One caller's bad value must not refuse the others: each goes again, alone. */
  const refuse = async (batch: readonly Waiting<Item, Answer>[], error: unknown): Promise<void> => {
    if (batch.length > 1 && options.isItemsFault(error)) {
      for (const one of batch) await send([one]);
      return;
    }
    for (const { reject } of batch) reject(error);
  };

  const flush = (): void => {
    scheduled = false;
    while (waiting.size > 0 && inFlight < (isFull() ? options.maxInFlight : 1)) {
      const batch = [...waiting.values().take(options.maxItems)];
      for (const one of batch) waiting.delete(one);
      inFlight += 1;
      void send(batch).finally(() => {
        inFlight -= 1;
        flush();
      });
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.size >= options.maxWaiting) {
        reject(options.overload());
        return;
      }
      const giveUp = setTimeout(() => {
        waiting.delete(one);
        reject(options.late());
      }, options.patience);
      const one: Waiting<Item, Answer> = {
        item,
        resolve: (answer) => {
          clearTimeout(giveUp);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(giveUp);
          reject(error);
        },
      };
      waiting.add(one);
      if (scheduled) return;
      scheduled = true;
      setImmediate(flush);
    });
};

/** Fails closed: an item without an answer is an item that was not written. */
const hand = <Item, Answer>(
  batch: readonly Waiting<Item, Answer>[],
  answers: readonly Answer[],
): void => {
  for (const [index, { resolve, reject }] of batch.entries()) {
    if (index in answers) resolve(answers[index] as Answer);
    else reject(new Error('the database gave no answer for this item'));
  }
};
