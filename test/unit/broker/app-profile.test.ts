import { describe, expect, it } from '@jest/globals';
import { misfitOf } from '../../../src/broker/app-profile.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const at = (ahead: number): number => NOW.getTime() / 1000 + ahead;

describe('what an app of FAPI 2.0 signs', () => {
  it.each([
    ['iat', 60, undefined],
    ['iat', 61, 'made more than 60 s from now'],
    ['nbf', 60, undefined],
    ['nbf', 61, 'made more than 60 s from now'],
  ])('with %s %i s ahead: %s', (claim, ahead, misfit) => {
    const signed = { alg: 'ES256', iat: at(0), [claim]: at(ahead) };
    expect(misfitOf({ profile: 'fapi2' }, signed, NOW)).toBe(misfit);
    expect(misfitOf({}, signed, NOW)).toBeUndefined();
  });
});
