import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { LoadOrder, LoadReport } from './load/messages.ts';
import type { UploadOrder, UploadReport } from './load/upload-messages.ts';

export interface LoadGenerator {
  /** One order at a time. @throws Error when a single answer is not a 2xx. */
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): void;
}

export const startLoadGenerator = (): LoadGenerator => {
  const { tell, stop } = employ<LoadOrder, LoadReport>('generator.ts');
  return {
    run: async (order) => {
      const report = await tell(order);
      if (report.failures > 0) {
        throw new Error(`${report.failures} requests failed; the first: ${report.firstFailure}`);
      }
      return report;
    },
    stop,
  };
};

export interface Uploader {
  /** One order at a time. @throws Error when a single upload fails. */
  run(order: UploadOrder): Promise<UploadReport | undefined>;
  stop(): void;
}

export const startUploader = (): Uploader => {
  const { tell, stop } = employ<
    UploadOrder,
    { readonly report?: UploadReport; readonly failure?: string }
  >('uploader.ts');
  return {
    run: async (order) => {
      const { report, failure = report?.failure } = await tell(order);
      if (failure !== undefined) throw new Error(failure);
      return report;
    },
    stop,
  };
};

/** A program that answers each order by one message. */
const employ = <Order extends object, Answer>(script: string) => {
  const child = fork(join(import.meta.dirname, 'load', script));
  const tell = (order: Order): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`${script} ended`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message as Answer);
      });
      child.send(order);
    });
  const stop = (): void => {
    if (child.connected) child.disconnect();
  };
  return { tell, stop };
};
