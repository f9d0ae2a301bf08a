import { describe, expect, it } from '@jest/globals';
import { compileSchema } from '../../../src/inspection/table/schema.ts';

describe('a list without duplicates', () => {
  it('is judged by what it holds, and nothing is kept of the one before', () => {
    const schema = { type: 'array', items: { type: 'object' }, uniqueItems: true };
    const { whole } = compileSchema('json', schema);
    const [first, second] = [{ at: 1 }, { at: 2 }];
    expect(whole?.([first, second])).toEqual([]);
    // As a name kept for the object itself would show.
    first.at = 2;
    expect(whole?.([first, second])).toMatchObject([{ keyword: 'uniqueItems' }]);
  });
});
