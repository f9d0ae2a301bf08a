import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** The part of a URL that says where a function lives: `src/…`, `package/…`, `node:…`, or nothing. */
const fileOf = ({ callFrame: { url } }: ProfileNode): string =>
  url.replace(`file://${ROOT}/`, '').replace(/^.*node_modules\//, '');

/** The file of ours, or the package; undefined for native code, WebAssembly and Node itself. */
const ownerOf = (node: ProfileNode): string | undefined => {
  const file = fileOf(node);
  if (file === '' || /^(node|wasm):/.test(file)) return undefined;
  return file.startsWith('src/') ? file : file.match(/^(@[^/]+\/[^/]+|[^/]+)/)?.[0];
};

const nameOf = (node: ProfileNode): string => {
  const { functionName, lineNumber, url } = node.callFrame;
  if (url.startsWith('wasm:')) return '(WebAssembly)';
  const where = url === '' ? '' : ` ${fileOf(node)}:${lineNumber + 1}`;
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

/** Time by name, printed as shares of all that was not idle. */
class Tally {
  readonly #title: string;
  readonly #times = new Map<string, number>();

  constructor(title: string) {
    this.#title = title;
  }

  add(name: string, time: number): void {
    this.#times.set(name, (this.#times.get(name) ?? 0) + time);
  }

  toText(total: number, most: number): string {
    const lines = [...this.#times]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`);
    return ['', this.#title, ...lines].join('\n');
  }
}

/** From a node up to the root. */
const createAscent = (nodes: readonly ProfileNode[]) => {
  const parents = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  return (node: ProfileNode): ProfileNode[] => {
    const path = [node];
    for (let up = parents.get(node.id); up; up = parents.get(up.id)) path.push(up);
    return path;
  };
};

const newestProfile = (dir: string): string => {
  const names = readdirSync(dir).filter((name) => name.endsWith('.cpuprofile'));
  const newest = names.sort().at(-1);
  if (newest === undefined) throw new Error(`no profile was written to ${dir}`);
  return join(dir, newest);
};

/**
 * Where the broker's CPU time went while it was measured. Idle time is left out.
 *
 * Native code, WebAssembly and Node's own are charged to the file or package that called them: a signature
 * to who wanted it checked, a write to who had something to say.
 */
export const summariseProfile = (dir: string, windows: readonly Window[]): string => {
  const file = newestProfile(dir);
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const ascent = createAscent(profile.nodes);
  const charged = new Tally('by file of ours or package, with what it called of Node and natively');
  const self = new Tally('by function, itself; a native one with its caller');
  const inclusive = new Tally('by function of ours, with everything it called');
  let total = 0;
  for (const [id, time] of selfTimes(profile, windows)) {
    const node = nodes.get(id);
    if (!node || nameOf(node) === '(idle)') continue;
    total += time;
    const path = ascent(node);
    charged.add(path.map(ownerOf).find((owner) => owner) ?? 'Node itself', time);
    const caller = path.find(({ callFrame }) => !/^$|^wasm:/.test(callFrame.url));
    self.add(
      caller && caller !== node ? `${nameOf(node)} ← ${nameOf(caller)}` : nameOf(node),
      time,
    );
    const ours = path.filter((each) => ownerOf(each)?.startsWith('src/')).map(nameOf);
    for (const name of new Set(ours)) inclusive.add(name, time);
  }
  return [
    file,
    charged.toText(total, 35),
    self.toText(total, 40),
    inclusive.toText(total, 45),
  ].join('\n');
};
