import { join } from 'node:path';
import { createInspector, type Inspector } from '../inspection/inspector.ts';
import { createSpool } from '../inspection/spool.ts';
import { createWorkbench } from '../inspection/workbench/workbench.ts';

/** 6 GiB under `$DAYPASS_HOME/inspection`: room for the largest upload, and others beside it. */
const SPOOL_LIMIT = 6 * 1024 ** 3;

export interface Inspection extends Inspector {
  /** Removes what a killed process left half-read. */
  sweep(now: Date): Promise<void>;
  stop(): Promise<void>;
}

export const openInspection = ({ home }: { readonly home: string }): Inspection => {
  const spool = createSpool(join(home, 'inspection'), SPOOL_LIMIT);
  const workbench = createWorkbench();
  return {
    inspect: createInspector({ spool, workbench }).inspect,
    sweep: spool.sweep,
    stop: async () => workbench.stop(),
  };
};
