import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** docs/conformance.md says what proves each requirement. It must not say what is not so. */

const DOCS = join(import.meta.dirname, '../../../docs');
const page = readFileSync(join(DOCS, 'conformance.md'), 'utf8');

interface Row {
  readonly id: string;
  readonly proof: string;
}

const sectionOf = (heading: string): readonly Row[] => {
  const [, rest = ''] = page.split(`## ${heading}\n`);
  const [section = ''] = rest.split('\n## ');
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:requirement|-+) /.test(line))
    .map((line) => {
      const [, id = '', , proof = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return { id, proof };
    });
};

const upTo = (section: string, last: number): string[] =>
  Array.from({ length: last }, (_, at) => `${section}${at + 1}`);

/** Every requirement there is: what a page leaves out, nobody misses. */
const REQUIREMENTS: Readonly<Record<string, readonly string[]>> = {
  'FAPI 2.0 Security Profile': [
    ...['5.2.1-1', '5.2.1-2', '5.2.1-4', '5.2.2-1'], // 5.2.1-3 is for whoever runs the DNS
    ...upTo('5.2.3-', 3),
    ...upTo('5.3.2.1-', 14),
    ...upTo('5.3.2.2-', 14),
    ...upTo('5.3.4-', 5),
    ...upTo('5.4.1-', 4),
    '5.4.2',
  ],
  'RFC 9700, Best Current Practice for OAuth 2.0 Security': [
    ...['2.1 a', '2.1 b', '2.1 c', '2.1 d', '2.1.1 a', '2.1.1 b', '2.1.1 c', '2.1.1 d', '2.1.2'],
    ...['2.2.1', '2.2.2', '2.3 a', '2.3 b', '2.4', '2.5', '2.6 a', '2.6 b', '2.6 c'],
    ...['4.2.4', '4.3.1', '4.4.2', '4.5.3', '4.7.1', '4.8.2', '4.10', '4.11.2', '4.12', '4.13'],
    ...['4.14.2 a', '4.14.2 b', '4.14.2 c', '4.15.1', '4.16', '4.17'],
  ],
  'OWASP ASVS 5.0, V10 OAuth and OIDC': [
    ...upTo('10.1.', 2),
    ...upTo('10.2.', 3),
    ...upTo('10.3.', 5),
    ...upTo('10.4.', 16),
    ...upTo('10.5.', 5),
    ...upTo('10.6.', 2),
    ...upTo('10.7.', 3),
  ],
};

const sections = Object.keys(REQUIREMENTS);
const rows = sections.flatMap((heading) =>
  sectionOf(heading).map(({ id, proof }) => [`${heading.split(/[ ,]/)[0]} ${id}`, proof] as const),
);

const TEST = /\[([^\]]+)\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g;

/** What a title comes after: of a test, of several, or in a row of a table of tests. */
const BEFORE = /(?:\b(?:it|each|describe)\(|\)\(|\[)\s*$/;

/** Whether a test of that title is in a file: as a title is written there, in quotes of its own. */
const hasTest = (file: string, title: string): boolean => {
  const path = join(DOCS, '..', file);
  if (!existsSync(path)) return false;
  const source = readFileSync(path, 'utf8');
  return ["'", '"', '`'].some((quote) =>
    source
      .split(`${quote}${title}${quote}`)
      .slice(0, -1)
      .some((before) => BEFORE.test(before)),
  );
};

describe('docs/conformance.md', () => {
  it.each(sections)('has every requirement of %s, once and in order', (heading) => {
    expect(sectionOf(heading).map(({ id }) => id)).toEqual(REQUIREMENTS[heading]);
  });

  it.each(rows)('%s names a test that is there, or says that it is not met', (_, proof) => {
    const named = [...proof.matchAll(TEST)].map(([, title = '', file = '']) => ({ title, file }));
    const missing = named.filter(({ file, title }) => !hasTest(file, title));
    expect(missing).toEqual([]);
    expect(named.length > 0 || /^Not (?:met|applicable)\b/.test(proof)).toBe(true);
  });

  it('would notice a test that is not there', () => {
    expect(hasTest('test/spec/fapi2.test.ts', 'takes aud as a string alone')).toBe(true);
    expect(hasTest('test/spec/fapi2.test.ts', 'takes aud as a string')).toBe(false);
    expect(hasTest('test/spec/nothing.test.ts', 'takes aud as a string alone')).toBe(false);
  });

  it('leads nowhere that is not there', () => {
    const links = [...page.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, to = '']) => to);
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter((to) => !existsSync(join(DOCS, to)))).toEqual([]);
  });
});
