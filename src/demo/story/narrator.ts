import { STATUS_CODES } from 'node:http';
import { styleText } from 'node:util';
import { indent, json, WIDTH } from './layout.ts';
import { shorten } from './shorten.ts';

/** Tells what happens, as it happens. No secret that passes by is ever told whole. */
export interface Narrator {
  title(text: string, introduction: string): void;
  /** Begins a step, in plain words. */
  scene(heading: string, story: string): void;
  say(text: string): void;
  request(request: ToldRequest): void;
  answer(answer: ToldAnswer): void;
  /** @throws {StepFailed} where what the story says is not so. */
  holds(claim: string, isSo: boolean, found: unknown): void;
  /** What was told so far. */
  told(): { readonly scenes: number; readonly requests: number; readonly claims: number };
}

export interface ToldRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface ToldAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A step did not do what it says. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

const STORY = '   ';
const WIRE = '   │ ';
const ROOM = WIDTH - WIRE.length;

export interface Page {
  readonly write: (line: string) => void;
  readonly colour: boolean;
}

export const createNarrator = ({ write, colour }: Page): Narrator => {
  const style = (format: 'bold' | 'dim' | 'green' | 'cyan', text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  const wire = (text: string): void => write(style('dim', indent(shorten(text), WIRE, '    ')));
  const counted = { scenes: 0, requests: 0, claims: 0 };

  const headersAndBody = ({ headers = {}, body }: Pick<ToldRequest, 'headers' | 'body'>): void => {
    for (const [name, value] of Object.entries(headers)) wire(`  ${name}: ${value}`);
    if (body === undefined) return;
    const text = typeof body === 'string' ? body : json(shortened(body), ROOM - 2);
    wire(text.replaceAll(/^/gm, '  '));
  };

  return {
    title: (text, introduction) => {
      write(style('bold', text));
      write(style('bold', '═'.repeat(text.length)));
      write(indent(introduction, ''));
    },
    scene: (heading, story) => {
      counted.scenes += 1;
      write('');
      write(style('bold', `${counted.scenes}. ${heading}`));
      write(indent(story, STORY));
      write('');
    },
    say: (text) => write(indent(text, STORY)),
    request: (request) => {
      counted.requests += 1;
      write(style('cyan', indent(shorten(`→ ${request.method} ${request.url}`), WIRE, '    ')));
      headersAndBody(request);
    },
    answer: (answer) => {
      const name = STATUS_CODES[answer.status] ?? '';
      write(style('cyan', `${WIRE}← ${answer.status} ${name}`.trimEnd()));
      headersAndBody(answer);
    },
    holds: (claim, isSo, found) => {
      if (!isSo) {
        const instead = shorten(json(shortened(found) ?? null, Number.POSITIVE_INFINITY));
        throw new StepFailed(`not so: "${claim}"; found ${instead}`);
      }
      counted.claims += 1;
      write(indent(`${style('green', '✓')} ${claim}`, STORY, '  '));
    },
    told: () => ({ ...counted }),
  };
};

/** Cut before it is laid out, so that the layout fits what is shown. */
const shortened = (value: unknown): unknown => {
  if (typeof value === 'string') return shorten(value);
  if (Array.isArray(value)) return value.map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shortened(each)]));
};
