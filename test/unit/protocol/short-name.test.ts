import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newTokenId } from '../../../src/broker/identifiers.ts';
import { shortName, shortNameOf } from '../../../src/protocol/short-name.ts';

const computed = (text: string): string => shortName(createHash('sha256').update(text).digest());

describe('short names', () => {
  it('are those of the hash, the first time, the second, and after more than are remembered', () => {
    const texts = Array.from({ length: 10_000 }, (_, index) => `https://sso.example\0${index}`);
    const first = texts.map(shortNameOf);
    expect(first).toEqual(texts.map(computed));
    expect(texts.map(shortNameOf)).toEqual(first);
    expect(new Set(first).size).toBe(texts.length);
  });
});

describe('identifiers', () => {
  it('differ in every random character, and sort by time', () => {
    const ids = Array.from({ length: 2_000 }, (_, second) =>
      newTokenId(new Date(1_790_000_000_000 + second * 1000)),
    );
    expect(ids.toSorted()).toEqual(ids);
    expect(ids.every((id) => /^tk_[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).toBe(true);
    // All 32 characters turn up in each of the sixteen random places.
    for (let place = 13; place < 29; place += 1) {
      expect(new Set(ids.map((id) => id[place])).size).toBe(32);
    }
  });
});
