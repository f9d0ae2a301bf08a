import { parseArgs } from 'node:util';
import { send } from './http-bytes.ts';
import { type Input, makeInput } from './inputs.ts';
import { createRandom } from './random.ts';
import { drafts } from './requests.ts';
import { startTarget, type Target } from './target.ts';

/**
 * `npm run fuzz`: malformed input at every endpoint of a running broker. No answer is a 5xx or shows what
 * the broker is made of, no connection is left hanging, and the broker is as well afterwards as before.
 */

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    /** The number of one input, as a failure names it. */
    only: { type: 'string' },
  },
});
const seconds = Number(values.seconds ?? (values.quick ? 20 : 120));
const seed = values.seed ?? String(Date.now() % 1_000_000);

/** Connections at once. */
const WIDTH = 16;
/** Inputs before memory is first looked at: caches fill and code is compiled until then. */
const WARM = 1_000;
const MAX_GROWTH = 64 * 1024 * 1024;
const MOST_SHOWN = 10;

/** Words that no caller should read: a stack, a statement, a library's name. */
const INSIDES = /\n\s+at .+:\d+:\d+|node_modules|prisma|SELECT .+ FROM |violates .+ constraint/i;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Failure {
  readonly number: number;
  readonly input: Input;
  readonly why: string;
}

const tried = { inputs: 0, answers: new Map<string, number>() };
const failures: Failure[] = [];

const attempt = async (target: Target, number: number): Promise<void> => {
  const input = makeInput(createRandom(`${seed}:${number}`), await target.held());
  const port = input.origin === 'api' ? target.port : target.contentPort;
  const { half, bytes, name } = input;
  const patience = name === 'broken HTTP' ? 200 : 15_000; // half a request waits for its rest
  const answer = await send(port, bytes, { half, patience });
  const kind = String(answer.status ?? 'none');
  tried.answers.set(kind, (tried.answers.get(kind) ?? 0) + 1);
  const why = wrongWith(input, answer);
  if (why !== undefined) failures.push({ number, input, why });
};

const wrongWith = (
  { name }: Input,
  { status, text, ended }: Awaited<ReturnType<typeof send>>,
): string | undefined => {
  if (status !== undefined && status >= 500) return `answered ${status}: ${text.slice(-500)}`;
  if (!ended && name !== 'broken HTTP') return 'neither answered nor ended';
  if (status !== undefined && status >= 400 && INSIDES.test(text)) return `shows: ${text}`;
  return undefined;
};

/** Tries one after another, on several connections at once, while `goesOn` and the broker lives. */
const run = async (target: Target, goesOn: () => boolean): Promise<void> => {
  const worker = async (): Promise<void> => {
    while (goesOn() && target.rig.broker.isAlive()) {
      tried.inputs += 1;
      await attempt(target, tried.inputs);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
};

/** What the broker says of itself. Each reading begins a new window of the event loop's delays. */
const read = async ({ rig }: Target): Promise<{ memory: number; delay: number }> => {
  const text = await fetch(`${rig.url}/metrics`).then((answer) => answer.text());
  const value = (name: string): number =>
    Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1]);
  return {
    memory: value('daypass_resident_memory_bytes'),
    delay: value('daypass_event_loop_delay_p99_seconds'),
  };
};

/** Every documented endpoint that no draft is made for. */
const forgotten = async (target: Target): Promise<readonly string[]> => {
  const document = (await fetch(`${target.rig.url}/openapi.json`).then((answer) =>
    answer.json(),
  )) as { readonly paths: Readonly<Record<string, object>> };
  const made = drafts(await target.held()).map(({ method, path }) => `${method} ${path}`);
  return Object.entries(document.paths)
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    .filter((endpoint) => {
      const pattern = new RegExp(
        `^${endpoint.replaceAll('.', '\\.').replaceAll(/{\w+}/g, '[^/]+')}$`,
      );
      return !made.some((draft) => pattern.test(draft));
    });
};

const check = (name: string, isSo: boolean, found: unknown): boolean => {
  print(`${isSo ? '✓' : '✗'} ${name}${isSo ? '' : `: ${String(found)}`}`);
  return isSo;
};

const show = ({ number, input, why }: Failure): void => {
  const text = JSON.stringify(input.bytes.toString('latin1'));
  print(`\n✗ ${input.name} — ${why}`);
  print(
    `  ${text.length > 2_000 ? `${text.slice(0, 2_000)}… (${input.bytes.length} bytes)` : text}`,
  );
  print(`  again: npm run fuzz -- --seed ${seed} --only ${number}`);
};

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

const fuzz = async (target: Target): Promise<readonly boolean[]> => {
  if (values.only !== undefined) {
    tried.inputs = 1;
    await attempt(target, Number(values.only));
    print(`answers: ${[...tried.answers.keys()].join()}`);
    return [];
  }
  const missing = await forgotten(target);
  await run(target, () => tried.inputs < WARM);
  const { memory: before } = await read(target);
  const until = performance.now() + seconds * 1000;
  await run(target, () => performance.now() < until);
  if (!target.rig.broker.isAlive())
    return [check('the broker lives', false, target.rig.broker.output())];
  const { memory, delay } = await read(target);
  const growth = memory - before;
  const answers = [...tried.answers].sort().map(([status, count]) => `${status} ${count}`);
  print(`${tried.inputs} inputs with seed ${seed}; answers: ${answers.join(', ')}`);
  print(`memory ${mebibytes(before)} after warming up, then ${mebibytes(growth)} more`);
  print(
    `event loop late by ${Math.round(delay * 1000)} ms (99th percentile, in part our own load)`,
  );
  const log = target.rig.broker.output();
  return [
    check('every documented endpoint is tried', missing.length === 0, missing.join(', ')),
    check('the broker lives, and does its work', await target.isWell(), log),
    check('nothing went unhandled', !/unhandled|uncaught/i.test(log), log),
    check(
      'nothing was logged as an error of ours',
      !/"level":(50|60)/.test(log),
      log.slice(0, 4_000),
    ),
    check('memory is bounded', growth < MAX_GROWTH, mebibytes(growth)),
  ];
};

const target = await startTarget();
try {
  const checks = await fuzz(target);
  const shown = new Map(
    failures.map((each) => [`${each.input.name} ${each.why.slice(0, 40)}`, each]),
  );
  for (const failure of [...shown.values()].slice(0, MOST_SHOWN)) show(failure);
  const failed = failures.length + checks.filter((isSo) => !isSo).length;
  print(`\nfuzz: ${tried.inputs + checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  await target.stop();
}
