import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';

const STORY = join(import.meta.dirname, '../../src/demo/story.ts');
const LIE = pathToFileURL(join(import.meta.dirname, 'lie.mjs')).href;
const LONGEST = 120_000;

interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly complaint: string;
  /** What the demo left in its temporary folder. */
  readonly left: readonly string[];
}

/** `npm run demo` as a process of its own, in a folder only its user may enter. */
const runDemo = async (lie?: object): Promise<Told> => {
  const temporary = await mkdtemp(join(tmpdir(), 'daypass-test-'));
  const args = lie === undefined ? [STORY] : ['--import', LIE, STORY];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, TMPDIR: temporary, LIE: JSON.stringify(lie) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, complaint] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (complaint += chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const left = await readdir(temporary);
  await rm(temporary, { recursive: true, force: true });
  return { code, out, complaint, left };
};

describe('npm run demo', () => {
  let told: Told;
  beforeAll(async () => {
    told = await runDemo();
  }, LONGEST);

  it('exits with 0 and complains of nothing', () => {
    expect({ code: told.code, complaint: told.complaint }).toEqual({ code: 0, complaint: '' });
  });

  it('does the main job in the order the contract gives it', () => {
    const steps = [
      'GET /auth?',
      'POST /exchange',
      'POST /request-upload',
      'PUT /local/',
      '"status": "available"',
      'POST /request-download',
      'GET /d/',
      '← 200',
      'GET /d/',
      '← 410',
      'POST /admin/v1/revocations',
      '"killed": { "tokens": 1, "derived": 0, "refresh_families": 0, "tickets": 1',
      'POST /request-upload',
      '← 401',
    ];
    let rest = told.out.replaceAll(/http:\/\/localhost:\d+/g, '');
    for (const step of steps) {
      expect(rest).toContain(step);
      rest = rest.slice(rest.indexOf(step) + step.length);
    }
  });

  it('shows an upload that lies about its type rejected, and a refusal with its violations', () => {
    expect(told.out).toContain('"status": "rejected"');
    expect(told.out).toMatch(/"rule": "max_size",\s+│\s+"message":/);
    expect(told.out).toContain('"rule": "content_types"');
  });

  it('checks each step: every one of them has at least one claim that holds', () => {
    const scenes = told.out.split(/^\d+\. /m).slice(1);
    expect(scenes.length).toBeGreaterThanOrEqual(12);
    for (const scene of scenes) expect(scene).toContain('✓');
  });

  it('prints no token, proof, ticket or signature whole', () => {
    expect(told.out).not.toMatch(/dp_[a-z]{2}_\w{7}/);
    expect(told.out).not.toMatch(/eyJ[\w-]{10}/);
    expect(told.out).not.toMatch(/signature=[\w-]{13}/);
    expect(told.out).toMatch(/dp_at_\w{6}…/);
  });

  it('reads well in 100 columns, and has no colours where there is no terminal', () => {
    expect(told.out.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(told.out).not.toContain('\u001B');
  });

  it('leaves nothing behind', () => expect(told.left).toEqual([]));
});

describe('npm run demo against a broker that is broken', () => {
  it.each([
    [
      'lets a ticket be used twice',
      { path: '/d/', status: 410, becomes: 200 },
      'the second use is refused: 410',
    ],
    [
      'releases whatever is uploaded',
      { path: '/uploads/', status: 200, text: 'rejected', by: 'available' },
      'it is rejected, and the reason is its type',
    ],
  ])(
    'fails where it %s, says what was not so, and leaves nothing behind',
    async (_, lie, claim) => {
      const { code, complaint, left } = await runDemo(lie);
      expect({ code, left }).toEqual({ code: 1, left: [] });
      expect(complaint).toMatch(/^\n✗ Step \d+ went wrong: not so: "/);
      expect(complaint).toContain(claim);
    },
    LONGEST,
  );
});
