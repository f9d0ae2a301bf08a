import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createSpool } from '../../../src/inspection/spool.ts';

const HOUR = 3_600_000;
/** Above what Linux gives to any process. */
const NOBODY = 2 ** 22 + 1;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daypass-spool-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A file that this process or another left there so long ago. */
const left = async (name: string, age: number): Promise<void> => {
  const path = join(folder, name);
  await writeFile(path, 'what somebody uploaded');
  const at = new Date(Date.now() - age);
  await utimes(path, at, at);
};

describe('sweeping the spool', () => {
  it('removes what a process left that does not run any more, and what is older than any inspection', async () => {
    const alive = process.ppid;
    await left(`${NOBODY}-a`, 0);
    await left(`${alive}-old`, HOUR + 1_000);
    await left(`${alive}-young`, HOUR / 2);
    await createSpool(folder, 1_000).sweep(new Date());
    expect(await readdir(folder)).toEqual([`${alive}-young`]);
  });

  it('removes what an earlier life left under the same number, and nothing of this one', async () => {
    const spool = createSpool(folder, 1_000);
    const inHand = await spool.open(10);
    await left(`${process.pid}-earlier`, performance.now() + 60_000);
    await spool.sweep(new Date());
    expect(await readdir(folder)).toHaveLength(1);
    await inHand.write(Buffer.from('still there'));
    await inHand.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is content with a folder that was never made', async () => {
    await expect(createSpool(join(folder, 'none'), 1).sweep(new Date())).resolves.toBeUndefined();
  });
});
