import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Question } from '../../../../src/policy/engine.ts';
import { type GateReport, runGate } from '../../../../src/policy/gate/gate.ts';
import { POLICIES, upload } from '../questions.ts';

const PERMIT = `@id("open")
@reason("r")
permit (principal, action, resource);
`;
const LIMIT = `
@id("limit")
@reason("r")
@remediation("m")
@field("ttl")
forbid (principal, action, resource)
unless { context.ttl <= 300 };
`;

interface Expected {
  readonly folder: 'ALLOW' | 'DENY';
  readonly question: Question;
  readonly policies: readonly string[];
}

const at300: Expected = { folder: 'ALLOW', question: { ...upload, ttl: 300 }, policies: ['open'] };
const at301: Expected = { folder: 'DENY', question: { ...upload, ttl: 301 }, policies: ['limit'] };

const gate = (text: string, ...cases: readonly Expected[]): GateReport => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-gate-'));
  copyFileSync(join(POLICIES, 'schema.cedarschema'), join(dir, 'schema.cedarschema'));
  writeFileSync(join(dir, 'a.cedar'), text);
  for (const name of ['ALLOW', 'DENY']) mkdirSync(join(dir, 'cases', name), { recursive: true });
  for (const [index, { folder, question, policies }] of cases.entries()) {
    const content = JSON.stringify({ name: `n${index}`, question, expect: { policies } });
    writeFileSync(join(dir, 'cases', folder, `case_${index}.json`), content);
  }
  return runGate(dir);
};

const failuresOf = ({ stages }: GateReport) =>
  Object.fromEntries(
    stages
      .filter(({ failures }) => failures.length > 0)
      .map(({ name, failures }) => [name, failures.map((line) => line.replace(/^\S+ /, ''))]),
  );

describe('the gate', () => {
  it('passes where a case stands on either side of every limit', () => {
    const report = gate(PERMIT + LIMIT, at300, at301);
    expect(failuresOf(report)).toEqual({});
    expect(report).toMatchObject({
      failed: 0,
      policies: [
        { id: 'open', cases: 1, mutants: 1, killed: 1 },
        { id: 'limit', cases: 1, mutants: 4, killed: 4 },
      ],
    });
  });

  it('fails a case that is decided otherwise, or by other policies', () => {
    const wrong = { ...at301, policies: ['open'] };
    expect(failuresOf(gate(PERMIT + LIMIT, at300, wrong))).toMatchObject({
      cases: ['expected deny by open, got deny by limit'],
    });
  });

  it('fails a policy that determines no case', () => {
    expect(failuresOf(gate(PERMIT + LIMIT, at300))).toMatchObject({
      coverage: ['no case is determined by limit'],
    });
  });

  it('fails a bound that could move without a case noticing', () => {
    const at299 = { ...at300, question: { ...upload, ttl: 299 } };
    expect(failuresOf(gate(PERMIT + LIMIT, at299, at301))).toEqual({
      mutants: ['no case notices limit with its unless: <= made <'],
    });
  });

  it('fails a condition that could go without a case noticing', () => {
    const two = LIMIT.replace('context.ttl <= 300', 'context.bound || context.ttl <= 300');
    const unbound = { ...upload, bound: false };
    const cases = [
      { ...at300, question: { ...unbound, ttl: 300 } },
      { ...at301, question: { ...unbound, ttl: 301 } },
    ];
    expect(failuresOf(gate(PERMIT + two, ...cases))).toEqual({
      mutants: ['no case notices limit with its unless: left of || dropped'],
    });
  });

  it('fails text that is not formatted', () => {
    expect(failuresOf(gate(PERMIT + LIMIT.replace(' <= ', '<='), at300, at301))).toEqual({
      format: ['is not formatted: npm run policy:test -- --fix'],
    });
  });

  it('asks nothing of policies that do not load', () => {
    const report = gate(PERMIT.replace('@reason("r")\n', ''), at300);
    expect(failuresOf(report)).toEqual({ bundle: ['a permit needs @reason'] });
    expect(report.digest).toBeUndefined();
  });

  it('holds an addition to its own cases, on top of the policies it adds to', () => {
    const dir = mkdtempSync(join(tmpdir(), 'daypass-gate-'));
    writeFileSync(join(dir, 'ours.cedar'), LIMIT.trimStart());
    for (const name of ['ALLOW', 'DENY']) mkdirSync(join(dir, 'cases', name), { recursive: true });
    const write = (name: string, ttl: number, policies: readonly string[]) =>
      writeFileSync(
        join(dir, 'cases', name),
        JSON.stringify({ name, question: { ...upload, ttl }, expect: { policies } }),
      );
    write('ALLOW/upload_300.json', 300, ['permit_upload']);
    write('DENY/upload_301.json', 301, ['limit']);
    const report = runGate(dir, [POLICIES]);
    expect(failuresOf(report)).toEqual({});
    expect(report.policies.map(({ id }) => id)).toEqual(['limit']);
  });
});
