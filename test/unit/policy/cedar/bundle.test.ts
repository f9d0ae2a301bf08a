import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadBundle, PolicyBundleError } from '../../../../src/policy/cedar/bundle.ts';
import { createCedarEngine } from '../../../../src/policy/cedar/cedar-engine.ts';
import { POLICIES, upload } from '../questions.ts';

const SCHEMA = 'schema.cedarschema';

const folder = (files: Readonly<Record<string, string>>, hasSchema = true): string => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-policies-'));
  if (hasSchema) copyFileSync(join(POLICIES, SCHEMA), join(dir, SCHEMA));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
};

const problemsOf = (...dirs: readonly string[]): readonly string[] => {
  try {
    loadBundle(dirs);
    return [];
  } catch (error) {
    if (error instanceof PolicyBundleError) return error.problems;
    throw error;
  }
};

const permit = (id: string, rest = '') =>
  `@id("${id}")\n@reason("r")\npermit (principal, action, resource)${rest};\n`;
const forbid = (id: string, rest = '') =>
  `@id("${id}")\n@reason("r")\n@remediation("m")\n@field("f")\nforbid (principal, action, resource)${rest};\n`;

describe('a bundle', () => {
  it('has its policies under their own ids, in order of file and line', () => {
    const many = Array.from({ length: 12 }, (_, index) => permit(`p${index}`)).join('\n');
    const { policies } = loadBundle(folder({ 'b.cedar': forbid('last'), 'a.cedar': many }));
    const ids = policies.map(({ id }) => id);
    expect(ids).toEqual([...Array.from({ length: 12 }, (_, index) => `p${index}`), 'last']);
    expect(policies.slice(0, 3).map(({ line }) => line)).toEqual([1, 5, 9]);
  });

  it('knows which actions a policy can apply to', () => {
    const head = (id: string, action: string) =>
      permit(id).replace('action,', `${action},`).replaceAll('Action', 'Daypass::Action');
    const text = [
      permit('all'),
      head('one', 'action == Action::"upload"'),
      head('member', 'action in Action::"list"'),
      head('some', 'action in [Action::"admin", Action::"exchange"]'),
    ].join('\n');
    const { policies } = loadBundle(folder({ 'a.cedar': text }));
    expect(policies.map(({ actions }) => actions)).toEqual([
      ['exchange', 'upload', 'download', 'list', 'delete', 'credentials', 'admin'],
      ['upload'],
      ['list'],
      ['exchange', 'admin'],
    ]);
  });

  it('says everything that is wrong with its ids and annotations, by line', () => {
    const dir = folder({
      'a.cedar': `permit (principal, action, resource);\n${permit('Not-Good')}${permit('twice')}`,
      'b.cedar': `${permit('twice')}@id("bare")\nforbid (principal, action, resource);\n`,
    });
    expect(problemsOf(dir).map((problem) => problem.replaceAll(`${dir}/`, ''))).toEqual([
      'a.cedar:1: needs an @id of lower case letters, digits and _',
      'a.cedar:1: a permit needs @reason',
      'a.cedar:2: needs an @id of lower case letters, digits and _',
      'b.cedar:4: a forbid needs @reason',
      'b.cedar:4: a forbid needs @remediation',
      'b.cedar:4: a forbid needs @field',
      `b.cedar:1: @id("twice") is taken by a.cedar:5`,
    ]);
  });

  it.each([
    ['an attribute that does not exist', ' when { context.apps.id == "a" }', 'apps'],
    ['an optional attribute used unasked', ' when { context.lawfulBasis == "a" }', 'lawfulBasis'],
    ['a comparison of different types', ' when { context.ttl == "5" }', 'types'],
    [
      'a misspelt class',
      ' when { context.resource has classification && context.resource.classification == Daypass::Classification::"secret" }',
      'secret',
    ],
    ['a condition that never holds', ' when { principal is Daypass::Bucket }', 'impossible'],
    ['an unknown action', ' when { action == Daypass::Action::"format" }', 'format'],
  ])('refuses %s', (_, condition, named) => {
    const dir = folder({ 'a.cedar': forbid('odd', condition) });
    const problems = problemsOf(dir);
    expect(problems).toContainEqual(
      expect.stringMatching(new RegExp(`a.cedar:1: .*${named}`, 's')),
    );
    expect(problems).toEqual([...problems].sort());
  });

  it('says where a text does not parse', () => {
    const dir = folder({ 'a.cedar': `${permit('fine')}\npermit (principal action);\n` });
    expect(problemsOf(dir)).toEqual([expect.stringContaining('a.cedar:5: ')]);
  });

  it('refuses templates', () => {
    const template = '@id("t") permit (principal == ?principal, action, resource);';
    expect(problemsOf(folder({ 'a.cedar': template }))).toEqual([
      expect.stringContaining('templates are not supported'),
    ]);
  });

  it('refuses a folder that is not there, and one without a schema', () => {
    expect(problemsOf('/nowhere')).toEqual([expect.stringContaining('/nowhere')]);
    expect(problemsOf(folder({}, false))).toEqual([expect.stringContaining(SCHEMA)]);
    expect(problemsOf(folder({}, false), folder({}))).toEqual([expect.stringContaining(SCHEMA)]);
  });

  it('refuses a schema that does not fit the questions asked', () => {
    const { schema } = loadBundle(POLICIES);
    const drifted = (from: string, to: string) => folder({ [SCHEMA]: schema.replace(from, to) });
    expect(problemsOf(drifted('ttl: Long,', 'ttl: String,'))).not.toEqual([]);
    expect(problemsOf(drifted('ttl: Long,', ''))).not.toEqual([]);
    expect(problemsOf(drifted('"restricted"]', '"secret"]'))).toEqual([]); // not sampled: no policy may name it
    expect(problemsOf(drifted('type Person', 'action use;\n  type Person'))).toEqual([
      expect.stringContaining('action use'),
    ]);
    expect(problemsOf(drifted('namespace', 'namespaces'))).not.toEqual([]);
  });
});

describe("a deployment's additions", () => {
  it('decide together with the policies they add to', () => {
    const addition = forbid('no_uploads_today', ' when { context.app.id == "where2eat" }');
    const engine = createCedarEngine(
      loadBundle([POLICIES, folder({ 'x.cedar': addition }, false)]),
    );
    expect(engine.decide(upload)).toMatchObject({ policies: ['no_uploads_today'] });
  });

  it('may not take an id or bring a schema', () => {
    const dir = folder({ 'x.cedar': permit('permit_upload') });
    expect(problemsOf(POLICIES, dir)).toEqual([
      expect.stringContaining('only the first folder has a schema'),
      expect.stringContaining('@id("permit_upload") is taken by'),
    ]);
  });
});

describe('a digest', () => {
  const digestOf = (files: Readonly<Record<string, string>>) => loadBundle(folder(files)).digest;

  it('names the content, wherever it lies', () => {
    const files = { 'a.cedar': permit('a'), 'b.cedar': permit('b') };
    expect(digestOf(files)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digestOf(files)).toBe(digestOf(files));
  });

  it('differs with every byte and every name', () => {
    const digests = [
      digestOf({ 'a.cedar': permit('a') }),
      digestOf({ 'a.cedar': `${permit('a')}\n` }),
      digestOf({ 'b.cedar': permit('a') }),
      digestOf({ 'a.cedar': permit('a'), 'b.cedar': '' }),
      loadBundle([folder({}), folder({ 'a.cedar': permit('a') }, false)]).digest,
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });
});
