import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';
import { unavailable } from '../../protocol/oauth-error.ts';
import type { Findings, Job } from './job.ts';
import { TOO_LARGE } from './too-large.ts';

/**
 * Where files are opened that may have been made to break whatever opens them: processes of their own, without
 * our environment, with little memory, for a limited time. What a file does to one of them is no answer.
 */
export interface Workbench {
  /**
   * @throws OAuthError `temporarily_unavailable` where no process can be started.
   * @returns `broke` where the file outlived none of the processes that opened it.
   */
  examine(job: Job): Promise<Findings | Broke>;
  /** Bytes: the most any of its processes has held so far. */
  peakMemory(): number;
  /** Ends all of its processes, and starts none any more. What was being looked into stays undecided. */
  stop(): void;
}

export interface Broke {
  readonly broke: 'time' | 'memory';
}

export interface WorkbenchOptions {
  /** Files looked into at once. */
  readonly places?: number;
  /** Milliseconds for one file, once its turn has come. */
  readonly patience?: number;
  /** How often a file that breaks its process is tried again in a fresh one. */
  readonly attempts?: number;
  /** Bytes a process may hold, native memory included. */
  readonly memory?: number;
}

/** MiB of JavaScript objects; images are held outside of it. */
const HEAP_MIB = 192;
/** After that many files a process makes room for a fresh one: nothing a file leaves behind stays for long. */
const FILES_EACH = 50;
const IDLE_MS = 10_000;
const START_MS = 20_000;

const BENCH = join(import.meta.dirname, `bench${extname(import.meta.filename)}`);

export const createWorkbench = ({
  places = 2,
  patience = 60_000,
  attempts = 2,
  memory = 768 * 1024 * 1024,
}: WorkbenchOptions = {}): Workbench => {
  const idle: Worker[] = [];
  const busy = new Set<Worker>();
  const queue: (() => void)[] = [];
  let taken = 0;
  let peak = 0;
  let isStopped = false;

  const place = async (): Promise<void> => {
    if (taken < places) taken += 1;
    else await new Promise<void>((resolve) => queue.push(resolve)); // whoever leaves hands its place on
  };
  const leave = (): void => {
    const next = queue.shift();
    if (next) next();
    else taken -= 1;
  };

  /** What we ended ourselves was broken by no file. */
  const mustGoOn = (): void => {
    if (isStopped) throw unavailable('no upload is looked into while the broker stops');
  };

  const attempt = async (job: Job): Promise<Findings | Broke> => {
    mustGoOn();
    const worker = idle.pop() ?? startWorker(memory);
    busy.add(worker);
    try {
      const { findings, held } = await worker.do(job, patience);
      mustGoOn();
      peak = Math.max(peak, held);
      if ('broke' in findings || worker.files >= FILES_EACH) worker.end();
      else rest(worker);
      return findings;
    } catch (error) {
      worker.end();
      throw error;
    } finally {
      busy.delete(worker);
    }
  };

  const rest = (worker: Worker): void => {
    idle.push(worker);
    worker.afterIdle(IDLE_MS, () => {
      const at = idle.indexOf(worker);
      if (at !== -1) idle.splice(at, 1);
      worker.end();
    });
  };

  return {
    examine: async (job) => {
      await place();
      try {
        let found = await attempt(job);
        for (let tried = 1; tried < attempts && 'broke' in found; tried += 1)
          found = await attempt(job);
        return found;
      } finally {
        leave();
      }
    },
    peakMemory: () => peak,
    stop: () => {
      isStopped = true;
      for (const worker of [...idle.splice(0), ...busy]) worker.end();
    },
  };
};

interface Answer {
  readonly findings: Findings | Broke;
  /** Bytes. */
  readonly held: number;
}

type Worker = ReturnType<typeof startWorker>;

const startWorker = (memory: number) => {
  const child = fork(BENCH, [String(memory)], {
    // No secret of ours is within reach of what a file makes a parser do.
    env: { MALLOC_ARENA_MAX: '2', VIPS_CONCURRENCY: '1' },
    execArgv: [`--max-old-space-size=${HEAP_MIB}`, '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
  });
  const ready = readiness(child);
  let timer: NodeJS.Timeout | undefined;
  const state = { files: 0 };
  return {
    get files() {
      return state.files;
    },
    do: async (job: Job, patience: number): Promise<Answer> => {
      clearTimeout(timer);
      state.files += 1;
      holdOpen(child, true);
      try {
        await ready;
        return await answerOf(child, job, patience);
      } finally {
        holdOpen(child, false);
      }
    },
    afterIdle: (milliseconds: number, end: () => void): void => {
      timer = setTimeout(end, milliseconds).unref();
    },
    end: (): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
    },
  };
};

/** What dies before it has opened anything was not broken by a file. */
const readiness = (child: ChildProcess): Promise<void> => {
  const started = new Promise<void>((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(unavailable('no process could be started to look into an upload', cause));
    child.once('message', () => resolve());
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`exit code ${code}`)));
    setTimeout(fail, START_MS, new Error('not ready in time')).unref();
  });
  started.catch(() => {}); // whoever waits for it hears of it
  return started;
};

/** A process that rests keeps nobody from leaving. */
const holdOpen = (child: ChildProcess, isNeeded: boolean): void => {
  if (isNeeded) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
};

/** How Node leaves when its heap is full, and how the kernel makes leave whoever takes the machine's memory. */
const OUT_OF_MEMORY = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGKILL']);

const answerOf = (child: ChildProcess, job: Job, patience: number): Promise<Answer> =>
  new Promise((resolve) => {
    const broke = (why: Broke['broke']) =>
      settle(() => resolve({ findings: { broke: why }, held: 0 }));
    const timer = setTimeout(() => broke('time'), patience);
    const onMessage = (answer: unknown) => settle(() => resolve(answer as Answer));
    const onExit = (code: number | null, signal: string | null) =>
      broke(code === TOO_LARGE || OUT_OF_MEMORY.has(signal ?? '') ? 'memory' : 'time');
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit);
      done();
    };
    child.on('message', onMessage).on('exit', onExit);
    if (!child.connected) return onExit(child.exitCode, child.signalCode);
    child.send(job, (error) => error && onExit(child.exitCode, child.signalCode));
  });
