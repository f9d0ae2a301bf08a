import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { LoadOrder, LoadReport } from './load/messages.ts';

export interface LoadGenerator {
  /** One order at a time. @throws Error when a single answer is not a 2xx. */
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): void;
}

export const startLoadGenerator = (): LoadGenerator => {
  const child = fork(join(import.meta.dirname, 'load', 'generator.ts'));
  const stop = (): void => {
    if (child.connected) child.disconnect();
  };
  return {
    run: async (order) => {
      const report = await new Promise<LoadReport>((resolve, reject) => {
        const ended = (): void => reject(new Error('the load generator ended'));
        child.once('exit', ended);
        child.once('message', (message) => {
          child.off('exit', ended);
          resolve(message as LoadReport);
        });
        child.send(order);
      });
      if (report.failures > 0) {
        throw new Error(`${report.failures} requests failed; the first: ${report.firstFailure}`);
      }
      return report;
    },
    stop,
  };
};
