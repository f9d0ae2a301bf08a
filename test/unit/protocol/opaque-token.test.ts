import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { mintOpaqueToken } from '../../../src/protocol/opaque-token.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('an opaque token', () => {
  const minted = Array.from({ length: 10_000 }, () => mintOpaqueToken('at'));

  it('is 190 bits that nobody can guess', () => {
    expect(32 * Math.log2(ALPHABET.length)).toBeGreaterThan(190);
    expect(new Set(minted).size).toBe(minted.length);
    for (let at = 0; at < 32; at += 1) {
      const counts = new Map<string, number>();
      for (const token of minted) {
        const character = token.charAt('dp_at_'.length + at);
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
      // 161 of each, give or take: eight standard deviations, for a test that never fails by chance.
      expect([...counts.keys()].toSorted().join('')).toBe(ALPHABET);
      for (const count of counts.values()) {
        expect(count).toBeGreaterThan(60);
        expect(count).toBeLessThan(262);
      }
    }
  });

  it('ends with six characters that tell a slip of the pen', () => {
    for (const token of minted.slice(0, 100)) {
      const [, body = '', check = ''] =
        /^(dp_at_[0-9A-Za-z]{32})([0-9A-Za-z]{6})$/.exec(token) ?? [];
      const value = [...check].reduce((sum, each) => sum * 62 + ALPHABET.indexOf(each), 0);
      expect(value).toBe(crc32(body));
    }
  });
});
