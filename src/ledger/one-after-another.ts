/**
 * Runs `work` once at a time. Who calls while it runs gets a run that begins after: one that had begun before
 * may have missed what the caller knows of.
 */
export const oneAfterAnother = <Result>(work: () => Promise<Result>): (() => Promise<Result>) => {
  let running: Promise<Result> | undefined;
  let next: Promise<Result> | undefined;
  const run = (): Promise<Result> => {
    next = undefined;
    const current = work().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  return () => {
    if (!running) return run();
    next ??= running.then(run, run);
    return next;
  };
};
