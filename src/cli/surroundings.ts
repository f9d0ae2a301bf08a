import type { openForAdministration } from '../compose/administration.ts';
import type { Offline } from '../compose/command-line.ts';
import type { startDaypass } from '../compose.ts';

/** All that a command touches. Handed in, so that a test can be a terminal. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Answers: what a script reads. */
  readonly stdout: NodeJS.WritableStream;
  /** Everything else. */
  readonly stderr: NodeJS.WritableStream;
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly fetch: typeof fetch;
  readonly now: () => Date;
  readonly version: string;
  /** Loaded by the commands that need it: the others start in a fraction of the time. */
  readonly compose: () => Promise<{
    readonly startDaypass: typeof startDaypass;
    readonly openForAdministration: typeof openForAdministration;
  }>;
  readonly offline: () => Promise<Offline>;
  /** Opens a page for the person at the terminal, where there is a browser; says nothing where there is none. */
  readonly openBrowser?: (url: string) => void;
  /** Resolves when we are told to stop. */
  readonly untilStopped: () => Promise<void>;
}

/** What was typed, or the environment, cannot be used: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
