/**
 * The process in which files are opened. It reads one path at a time, says what it found, and knows nothing of
 * the broker that started it.
 */
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { examine } from './examine.ts';
import type { Job } from './job.ts';
import { TOO_LARGE } from './too-large.ts';

const LOOK_MS = 20;
const limit = Number(process.argv[2]);

// Decoders work on threads of their own, so this is seen while they do.
setInterval(() => {
  if (process.memoryUsage.rss() > limit) process.exit(TOO_LARGE);
}, LOOK_MS).unref();

process.on('message', async (job: Job) => {
  const findings = await examine(job);
  process.send?.({ findings, held: process.resourceUsage().maxRSS * 1024 });
});
process.on('disconnect', () => process.exit(0));
// A file that keeps this thread busy for good keeps it from hearing that as well.
const WARDEN = join(import.meta.dirname, `warden${extname(import.meta.filename)}`);
new Worker(WARDEN, { workerData: process.ppid, execArgv: [] }).unref();
// Whoever started us tells us when to leave, also where a terminal says so to all of us at once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.send?.('ready');
