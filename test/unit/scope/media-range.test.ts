import { describe, expect, it } from '@jest/globals';
import { admits, canonicalMediaRanges } from '../../../src/scope/media-range.ts';
import { refusedFor } from './refusal.ts';

describe('media ranges', () => {
  it('have one spelling: lower case, sorted, none twice, none that another one holds', () => {
    expect(canonicalMediaRanges(['Text/CSV', 'image/png', 'text/csv'])).toEqual([
      'image/png',
      'text/csv',
    ]);
    expect(canonicalMediaRanges(['image/png', 'image/*'])).toEqual(['image/*']);
    expect(canonicalMediaRanges(['image/*', '*/*', 'text/csv'])).toEqual(['*/*']);
  });

  it.each([
    'image',
    'image/',
    '/png',
    '*',
    '*/png',
    'image/p*',
    'text/csv; charset=utf-8',
    'text/csv;q=1',
    'text/ csv',
    'text/csv,image/png',
    'image/png/x',
    'i\u017fo/png', // long s is no s
    `image/${'a'.repeat(128)}`,
    '',
  ])('refuse %j', (range) => {
    expect(refusedFor(() => canonicalMediaRanges([range]))).toBe('invalid_request: media_range');
  });

  it('refuse a list that would allow nothing, and one without end', () => {
    expect(refusedFor(() => canonicalMediaRanges([]))).toMatch('media_ranges_empty');
    expect(refusedFor(() => canonicalMediaRanges(new Array(101).fill('a/b')))).toMatch(
      'media_ranges_length',
    );
  });

  it.each([
    ['image/*', 'image/png', true],
    ['image/*', 'image/*', true],
    ['*/*', 'image/*', true],
    ['*/*', '*/*', true],
    ['image/png', 'image/png', true],
    ['image/png', 'image/*', false],
    ['image/*', '*/*', false],
    ['image/*', 'imagex/png', false],
    ['image/png', 'image/png2', false],
  ])('%s admits %s is %p', (outer, inner, admitted) => {
    expect(admits([outer], inner)).toBe(admitted);
  });
});
