import { describe, expect, it } from '@jest/globals';
import { createBudget, mustBePlausible } from '../../../src/inspection/archive/budget.ts';

const GIB = 1024 ** 3;
const tooLarge = expect.objectContaining({ rule: 'archive_size' });

describe('the budget of an archive', () => {
  it('is 1 GiB for all that is in it: archives in it come out of the same', () => {
    const budget = createBudget();
    budget.unpack(GIB / 2);
    budget.unpack(GIB / 2);
    expect(() => budget.unpack(1)).toThrow(tooLarge);
  });

  it('is asked before anything is unpacked', () => {
    expect(() => mustBePlausible(GIB, GIB)).not.toThrow();
    expect(() => mustBePlausible(GIB, GIB + 1)).toThrow(tooLarge);
  });

  it('has 32 MiB for an archive that is held in memory', () => {
    const { mustBeHeld } = createBudget();
    expect(() => mustBeHeld(32 * 2 ** 20)).not.toThrow();
    expect(() => mustBeHeld(32 * 2 ** 20 + 1)).toThrow(tooLarge);
  });
});
