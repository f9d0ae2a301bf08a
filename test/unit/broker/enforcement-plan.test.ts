import { describe, expect, it } from '@jest/globals';
import { planEnforcement } from '../../../src/broker/upload/enforcement-plan.ts';
import type { Enforcement } from '../../../src/storage/object-store.ts';

const pinned: Enforcement[] = [
  { constraint: 'size', by: 'storage' },
  { constraint: 'content_type', by: 'storage' },
  { constraint: 'no_overwrite', by: 'storage' },
];
const left: Enforcement[] = pinned.map((one) => ({ ...one, by: 'broker' }));

describe('who will hold an upload to its grant', () => {
  it('is the storage, for whatever it says', () => {
    for (const sniff of [true, false])
      expect(planEnforcement(pinned, { sniff })).toEqual({
        enforcement: pinned,
        checkedAfterwards: [],
        unenforceable: [],
      });
  });

  it('is the broker for the rest, where it looks at the bytes', () => {
    expect(planEnforcement(left, { sniff: true })).toEqual({
      enforcement: left,
      checkedAfterwards: ['max_size', 'content_types', 'no_overwrite'],
      unenforceable: [],
    });
  });

  it('is nobody for the content type, where neither pins it nor looks', () => {
    const plan = planEnforcement(left, { sniff: false });
    expect(plan.unenforceable).toEqual(['content_types']);
    expect(plan.checkedAfterwards).toEqual(['max_size', 'no_overwrite']);
    expect(plan.enforcement.map(({ constraint }) => constraint)).toEqual(['size', 'no_overwrite']);
  });
});
