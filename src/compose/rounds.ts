/** Work that comes round: never twice at once, and a round that fails is followed by the next. */
export const createRounds = (onError: (error: unknown) => void) => {
  const timers: NodeJS.Timeout[] = [];
  let running = new Set<Promise<void>>();
  return {
    every: (milliseconds: number, work: () => Promise<unknown>): void => {
      let busy = false;
      const round = (): void => {
        if (busy) return;
        busy = true;
        const done = work()
          .then(() => undefined, onError)
          .finally(() => {
            busy = false;
            running.delete(done);
          });
        running.add(done);
      };
      timers.push(setInterval(round, milliseconds).unref());
    },
    stop: async (): Promise<void> => {
      for (const timer of timers) clearInterval(timer);
      await Promise.allSettled(running);
      running = new Set();
    },
  };
};
