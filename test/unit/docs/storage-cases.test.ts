import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** docs/storage-cases.md says what was tried on which provider. It must not say what is not so. */

const ROOT = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const CASES = ['S01', 'S02', 'S04', 'S06', 'S07', 'S08', 'S09', 'S10'];
const PROVIDERS = ['local', 's3', 'ceph', 'azure', 'gcs'];

interface Row {
  readonly id: string;
  readonly title: string;
  readonly file: string;
  readonly on: readonly string[];
}

const ROW = /^\| (S\d\d) +\| \[(.+?)\]\(\.\.\/(test\/[^)]+)\) *\| ([a-z0-9, ]+?) *\|$/gm;
const rows: readonly Row[] = [...read('docs/storage-cases.md').matchAll(ROW)].map(
  ([, id = '', title = '', file = '', on = '']) => ({ id, title, file, on: on.split(', ') }),
);

/** Whether a test has this title: by itself, or after its case, its provider, or both. */
const hasTest = (file: string, { id, title }: Pick<Row, 'id' | 'title'>): boolean => {
  if (!existsSync(join(ROOT, file))) return false;
  const source = read(file);
  const befores = ['', `${id} `, ...['s3', 'ceph', `\${name}`].map((on) => `${id} on ${on}: `)];
  return befores.some((before) =>
    ["'", '"', '`'].some((quote) => source.includes(`${quote}${before}${title}`)),
  );
};

/** Files whose tests run where others start them: for each provider, who does, and by which word. */
const STARTED: Readonly<Record<string, (provider: string) => readonly [string, string]>> = {
  'test/security/storage-cases.ts': (provider) =>
    provider === 'ceph'
      ? ['test/ceph/storage-cases.test.ts', 'itWithstandsStorageCases({']
      : ['test/support/storage-providers.ts', `name: '${provider}'`],
  'test/contract/object-store.contract.ts': (provider) =>
    provider === 'ceph'
      ? ['test/ceph/object-store.test.ts', 'objectStoreContract(']
      : [`test/contract/${provider}.test.ts`, 'objectStoreContract('],
  'test/contract/enforcement.ts': (provider) => [
    'test/contract/enforcement.json',
    `"${provider === 's3' ? 's3rver' : provider}"`,
  ],
  'test/contract/random-grants.test.ts': (provider) => [
    'test/contract/random-grants.test.ts',
    `  ${provider}:`,
  ],
};

describe('docs/storage-cases.md', () => {
  it.each(CASES)('has a test of %s on every provider', (id) => {
    const covered = new Set(rows.filter((row) => row.id === id).flatMap(({ on }) => on));
    expect(PROVIDERS.filter((provider) => !covered.has(provider))).toEqual([]);
  });

  it.each(rows)('$id names a test that is there: $title', (row) => {
    expect(hasTest(row.file, row)).toBe(true);
  });

  it.each(rows)('$id names providers on which it runs: $title', ({ file, on }) => {
    expect(on.filter((provider) => !PROVIDERS.includes(provider))).toEqual([]);
    const starts = STARTED[file];
    const missing = on.filter((provider) => {
      const [where, word] = starts?.(provider) ?? [];
      return where !== undefined && word !== undefined && !read(where).includes(word);
    });
    expect(missing).toEqual([]);
  });

  it('leaves out none of the rows of its table', () => {
    const lines = read('docs/storage-cases.md').match(/^\| S\d\d /gm) ?? [];
    expect(rows).toHaveLength(lines.length);
    expect(read('test/security/storage-cases.test.ts')).toContain('of PROVIDERS');
  });

  it('would notice a test that is not there', () => {
    const file = 'test/security/storage-cases.ts';
    const title = 'signs nothing beyond the quota of the app, on any instance';
    expect(hasTest(file, { id: 'S09', title })).toBe(true);
    expect(hasTest(file, { id: 'S08', title })).toBe(false);
    expect(hasTest('test/security/nothing.ts', { id: 'S09', title })).toBe(false);
  });
});
