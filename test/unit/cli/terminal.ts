import { Writable } from 'node:stream';
import { run } from '../../../src/cli/daypass.ts';
import type { Surroundings } from '../../../src/cli/surroundings.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const sink = () => {
  const chunks: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
};

const absent = (what: string) => async () => {
  throw new Error(`${what} is not part of this test`);
};

/** Types a command into a terminal of its own. What a test does not hand in must not be touched. */
export const type = async (
  line: string | readonly string[],
  surroundings: Partial<Surroundings> = {},
): Promise<Ended> => {
  const [out, err] = [sink(), sink()];
  const code = await run(typeof line === 'string' ? line.split(' ').filter(Boolean) : line, {
    env: {},
    stdin: (async function* () {})(),
    stdout: out.stream,
    stderr: err.stream,
    fetch: absent('the network') as typeof fetch,
    now: () => new Date('2027-01-01T00:00:00Z'),
    version: '1.2.3',
    compose: absent('compose'),
    offline: absent('offline'),
    untilStopped: async () => {},
    ...surroundings,
  });
  return { code, out: out.text(), err: err.text() };
};
