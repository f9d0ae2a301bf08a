/**
 * A thread beside the one that opens files: it ends the process once whoever started it is gone, also where a file
 * keeps that thread from noticing. The time a file may take is measured by the one who is gone.
 */
import { workerData } from 'node:worker_threads';

const LOOK_MS = 500;

setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
