import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A V8 CPU profile, as `node --cpu-prof` writes it. Times are µs of the monotonic clock. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

type Window = readonly [from: number, to: number];

const ROOT = join(import.meta.dirname, '..');
const IDLE = new Set(['(idle)', '(root)', '(program)']);

/** Where a function lives: a room of ours, a package, Node itself. */
const placeOf = ({ callFrame: { url, functionName } }: ProfileNode): string => {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url === '') return 'native';
  if (url.startsWith('node:')) return url.split('/')[0]?.includes('internal') ? 'node' : url;
  const packages = url.split('node_modules/').slice(1);
  const own = packages.at(-1)?.match(/^(@[^/]+\/[^/]+|[^/]+)/)?.[1];
  if (own !== undefined) return own;
  const [, room = ''] = relative(ROOT, url.replace('file://', '')).split('/');
  return `src/${room.replace('.ts', '')}`;
};

const nameOf = ({ callFrame }: ProfileNode): string => {
  const { functionName, url, lineNumber } = callFrame;
  const file = url.replace(`file://${ROOT}/`, '').replace('node_modules/', '');
  const where = url === '' ? '' : ` ${file}:${lineNumber + 1}`;
  return `${functionName || '(anonymous)'}${where}`;
};

/** Self time by node id, of samples within the windows. */
const selfTimes = (profile: CpuProfile, windows: readonly Window[]): Map<number, number> => {
  const self = new Map<number, number>();
  let now = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    now += delta;
    if (!windows.some(([from, to]) => now >= from && now <= to)) continue;
    self.set(id, (self.get(id) ?? 0) + delta);
  }
  return self;
};

const ranked = (times: ReadonlyMap<string, number>, most: number): string[] => {
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`);
};

/** Native functions are named by who called them: `sign` alone says nothing. */
const callers = (nodes: readonly ProfileNode[]): Map<number, ProfileNode> =>
  new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)));

/**
 * Where the broker's CPU time went while it was measured: by place, and by function. Idle time and the
 * loop's own are left out.
 */
export const summariseProfile = (dir: string, windows: readonly Window[]): string => {
  const file = readdirSync(dir)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1);
  if (file === undefined) throw new Error(`no profile was written to ${dir}`);
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile;
  const parents = callers(profile.nodes);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const places = new Map<string, number>();
  const functions = new Map<string, number>();
  const add = (into: Map<string, number>, name: string, time: number): void => {
    into.set(name, (into.get(name) ?? 0) + time);
  };
  for (const [id, time] of selfTimes(profile, windows)) {
    const node = nodes.get(id);
    if (!node || IDLE.has(node.callFrame.functionName)) continue;
    const parent = node.callFrame.url === '' ? parents.get(id) : undefined;
    add(places, placeOf(node), time);
    add(functions, parent ? `${nameOf(node)} ← ${nameOf(parent)}` : nameOf(node), time);
  }
  return [
    join(dir, file),
    '',
    'by place',
    ...ranked(places, 25),
    '',
    'by function',
    ...ranked(functions, 40),
  ].join('\n');
};
