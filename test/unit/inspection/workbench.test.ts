import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createWorkbench } from '../../../src/inspection/workbench/workbench.ts';
import { eventually, PNG } from '../../support/upload-story.ts';
import { vastPng } from '../../support/uploads-gone-wrong.ts';

const WORKBENCH = join(import.meta.dirname, '../../../src/inspection/workbench/workbench.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daypass-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const jobOf = async (bytes: Buffer) => {
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  return { path, size: bytes.length, contentType: 'image/png', structure: true };
};

/** A cell of it, held against this pattern, takes longer than anybody waits. */
const endless = async () => {
  const path = join(folder, 'endless.csv');
  const bytes = Buffer.from(`name\n${'a'.repeat(60)}!\n`);
  await writeFile(path, bytes);
  const properties = { name: { type: 'string', pattern: '^(a+)+$' } };
  const schema = { type: 'object', properties };
  return { path, size: bytes.length, contentType: 'text/csv', structure: true, schema };
};

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
};
/** Of a process; a hundred ticks a second. */
const cpuSecondsOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(stat.split(') ')[1]?.split(' ')[11] ?? 0) / 100;
};
const isRunning = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !stat.includes(') Z ');
};

/** Only Linux tells a process's children. */
const itOnLinux = existsSync('/proc/self/stat') ? it : it.skip;

describe('the workbench', () => {
  itOnLinux(
    'decides nothing about what it was looking into when it was stopped, and starts nothing any more',
    async () => {
      const workbench = createWorkbench();
      const before = await childrenOf(process.pid);
      const judged = workbench.examine(await endless()).catch((error: unknown) => error);
      await eventually(
        () => childrenOf(process.pid),
        (now) => now.length > before.length,
      );
      workbench.stop();
      expect(await judged).toMatchObject({ status: 503 });
      await expect(workbench.examine(await endless())).rejects.toMatchObject({ status: 503 });
      await eventually(
        () => childrenOf(process.pid),
        (now) => now.length === before.length,
      );
    },
    60_000,
  );

  itOnLinux(
    'leaves no process behind where its broker is killed, whatever a file makes of it',
    async () => {
      const code = `
      import { createWorkbench } from ${JSON.stringify(WORKBENCH)};
      createWorkbench().examine(${JSON.stringify(await endless())});`;
      const broker = spawn(process.execPath, ['--input-type=module', '-e', code]);
      try {
        const [bench = 0] = await eventually(
          () => childrenOf(broker.pid ?? 0),
          (now) => now.length > 0,
          600,
        );
        await eventually(
          () => cpuSecondsOf(bench),
          (seconds) => seconds > 1.5,
          600,
        ); // it has begun
        broker.kill('SIGKILL');
        await eventually(
          () => isRunning(bench),
          (is) => !is,
          200,
        );
      } finally {
        broker.kill('SIGKILL');
      }
    },
    90_000,
  );

  it('answers for what takes too much time or memory that it broke, and goes on with the next', async () => {
    const hasty = createWorkbench({ patience: 1, attempts: 2 });
    expect(await hasty.examine(await jobOf(vastPng(9_000)))).toEqual({ broke: 'time' });
    hasty.stop();
    const narrow = createWorkbench({ memory: 20 * 1024 * 1024 });
    const found = await narrow.examine(await jobOf(PNG)).catch((error: unknown) => error);
    // It may be too large before it has opened anything: then it is no file's fault.
    expect([{ broke: 'memory' }, expect.objectContaining({ status: 503 })]).toContainEqual(found);
    narrow.stop();
  }, 60_000);

  it('looks into the largest image there may be, and into the one that may not, in bounded memory', async () => {
    const workbench = createWorkbench();
    for (const side of [9_900, 20_000]) {
      const found = await workbench.examine(await jobOf(vastPng(side)));
      expect(found).toMatchObject({
        violations: side === 20_000 ? [{ rule: 'image_pixels' }] : [],
      });
    }
    expect(workbench.peakMemory()).toBeGreaterThan(0);
    expect(workbench.peakMemory()).toBeLessThan(400 * 1024 * 1024);
    workbench.stop();
  }, 120_000);
});
