import { describe, expect, it } from '@jest/globals';
import { parseDuration, parseSize } from '../../../src/scope/size.ts';
import { refusalOf, refusedFor } from './refusal.ts';

describe('sizes', () => {
  it.each([
    ['1', 1],
    [1048576, 1_048_576],
    ['12B', 12],
    ['10KB', 10_000],
    ['10MB', 10_000_000],
    ['1GB', 1_000_000_000],
    ['2TB', 2_000_000_000_000],
    ['10KiB', 10_240],
    ['10MiB', 10_485_760],
    ['1GiB', 1_073_741_824],
    ['1TiB', 1_099_511_627_776],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('%p is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    '0',
    '0MB',
    '-1',
    '+1',
    '1.5GB',
    '1e3',
    '01',
    ' 1',
    '1 MB',
    '10mb',
    '10Mb',
    '10MBB',
    'MB',
    '9007199254740992',
    '9007199254740991KB',
    '9'.repeat(400),
    '１MB',
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e21,
  ])('%p is not a size', (text) => {
    expect(refusedFor(() => parseSize(text))).toBe('invalid_request: size');
  });

  it('names the field it is told', () => {
    expect(refusalOf(() => parseSize('x', 'max_size')).violations[0]?.field).toBe('max_size');
  });
});

describe('durations', () => {
  it.each([
    ['30s', 30],
    ['5m', 300],
    ['1h', 3_600],
    ['7d', 604_800],
    ['300', 300],
    [300, 300],
  ])('%p is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '0', '0s', '-5m', '1.5h', '5M', '5ms', '5 m', '1h30m', 'PT5M', 0, 1.5])(
    '%p is not a duration',
    (text) => {
      expect(refusedFor(() => parseDuration(text))).toBe('invalid_request: duration');
    },
  );
});
