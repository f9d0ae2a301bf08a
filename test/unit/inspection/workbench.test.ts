import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createWorkbench } from '../../../src/inspection/workbench/workbench.ts';
import { PNG } from '../../support/upload-story.ts';
import { vastPng } from '../../support/uploads-gone-wrong.ts';

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

describe('the workbench', () => {
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
