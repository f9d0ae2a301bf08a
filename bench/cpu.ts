import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that processes have used, from Linux's own accounting. */

/** USER_HZ: the unit of /proc/<pid>/stat, 100 on every Linux that Node runs on. */
const MICROSECONDS_PER_TICK = 1e6 / 100;

interface Stat {
  readonly parent: number;
  readonly own: number;
  /** Of children that have ended and been waited for. */
  readonly children: number;
}

/** See proc_pid_stat(5). Undefined where the process has gone meanwhile. */
const readStat = (pid: number | string): Stat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name that may hold spaces and parentheses: count from its end.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = (first: number): number => Number(fields[first]) + Number(fields[first + 1]);
    return { parent: Number(fields[1]), own: ticks(11), children: ticks(13) };
  } catch {
    return undefined;
  }
};

/** User and system time of one process with all its threads, in µs; a reading is exact to 10 ms. */
export const processCpu = (pid: number): number => {
  const stat = readStat(pid);
  if (!stat) throw new Error(`process ${pid} has gone`);
  return stat.own * MICROSECONDS_PER_TICK;
};

/** The same with its children, those that run and those that have ended: a Postgres server's whole, by its postmaster. */
export const familyCpu = (parent: number): number => {
  let ticks = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = readStat(pid);
    if (!stat) continue;
    if (Number(pid) === parent) ticks += stat.own + stat.children;
    else if (stat.parent === parent) ticks += stat.own;
  }
  return ticks * MICROSECONDS_PER_TICK;
};
