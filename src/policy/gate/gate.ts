import { dirname, join, resolve } from 'node:path';
import { loadBundle, PolicyBundleError, policyFiles, SCHEMA_FILE } from '../cedar/bundle.ts';
import { createCedarEngine } from '../cedar/cedar-engine.ts';
import { isSound } from '../cedar/inspect.ts';
import type { Policy, PolicyBundle } from '../cedar/policy.ts';
import { type Case, failureOf, loadCases } from './cases.ts';
import { formatted } from './format.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

/** The gate: are the policies sound, and would a case notice if one of them were wrong? It prints nothing. */
export interface GateReport {
  readonly digest: string | undefined;
  readonly stages: readonly Stage[];
  readonly policies: readonly PolicyReport[];
  readonly passed: number;
  readonly failed: number;
}

export interface Stage {
  readonly name: 'format' | 'bundle' | 'cases' | 'coverage' | 'mutants';
  readonly passed: number;
  readonly failures: readonly string[];
}

export interface PolicyReport {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** How many cases it determines. */
  readonly cases: number;
  readonly mutants: number;
  readonly killed: number;
}

interface Trial {
  readonly policy: Policy;
  readonly mutant: Mutant;
  readonly killed: boolean;
}

/**
 * The gate for one folder, on top of those it adds to. Each stage needs the one before: policies that do not load are
 * asked nothing, and mutants of policies that fail their own cases prove nothing.
 *
 * @param dir has the policies under test, and `cases/ALLOW`, `cases/DENY`; the cases expect the answers of all folders
 * @param below Daypass's own folder, where `dir` is a deployment's
 */
export const runGate = (dir: string, below: readonly string[] = []): GateReport => {
  const stages = [formatStage(dir)];
  const bundle = tryBundle([...below, dir]);
  stages.push(stage('bundle', 1, bundle instanceof PolicyBundleError ? bundle.problems : []));
  if (bundle instanceof PolicyBundleError) return report(stages);

  const cases = loadCases(join(dir, 'cases'));
  const tested = bundle.policies.filter(({ file }) => resolve(dirname(file)) === resolve(dir));
  const caseStage = casesStage(bundle, cases);
  stages.push(caseStage, coverageStage(tested, cases));
  const trials = caseStage.failures.length === 0 ? runMutants(bundle, tested, cases) : [];
  stages.push(stage('mutants', trials.length, trials.filter((t) => !t.killed).map(survivor)));
  return report(stages, bundle, policyReports(tested, cases, trials));
};

const formatStage = (dir: string): Stage => {
  const files = policyFiles(dir).filter(({ name }) => !name.endsWith(SCHEMA_FILE));
  // What does not parse, the bundle names.
  const unformatted = files.filter(({ text }) => (formatted(text) ?? text) !== text);
  return stage(
    'format',
    files.length,
    unformatted.map(({ name }) => `${name} is not formatted: npm run policy:test -- --fix`),
  );
};

const tryBundle = (dirs: readonly string[]): PolicyBundle | PolicyBundleError => {
  try {
    return loadBundle(dirs);
  } catch (error) {
    if (error instanceof PolicyBundleError) return error;
    throw error;
  }
};

const casesStage = (bundle: PolicyBundle, cases: readonly Case[]): Stage => {
  const engine = createCedarEngine(bundle);
  const failures = cases.flatMap((one) => {
    const failure = failureOf(engine, one);
    return failure === undefined ? [] : [`${one.file}: ${failure}`];
  });
  return stage('cases', cases.length, failures);
};

const coverageStage = (policies: readonly Policy[], cases: readonly Case[]): Stage => {
  const covered = new Set(cases.flatMap(({ expect }) => expect.policies));
  const uncovered = policies.filter(({ id }) => !covered.has(id));
  return stage(
    'coverage',
    policies.length,
    uncovered.map(({ id, file, line }) => `${file}:${line}: no case is determined by ${id}`),
  );
};

const runMutants = (
  bundle: PolicyBundle,
  tested: readonly Policy[],
  cases: readonly Case[],
): readonly Trial[] =>
  tested.flatMap((policy) => {
    const own = cases.filter((one) => tellsOf(one, policy)).map((one) => projected(one, policy));
    const likeliest = own.toSorted((a, b) => b.expect.policies.length - a.expect.policies.length);
    return mutantsOf(policy).map((mutant) => ({
      policy,
      mutant,
      killed: isKilled(alone(bundle, policy, mutant), likeliest),
    }));
  });

/**
 * Policies do not see one another, so a mutant need only be asked alone, at a tenth of the time: a case notices it where
 * it stops or starts to match. Whether a permit matches, a case that some forbid decides does not tell.
 */
const tellsOf = ({ question, expect }: Case, { effect, actions }: Policy): boolean =>
  actions.includes(question.action) &&
  (effect === 'forbid' || expect.effect === 'permit' || expect.policies.length === 0);

/** The case's expectation of this policy by itself. */
const projected = (one: Case, { id, effect }: Policy): Case => {
  const isExpected = one.expect.policies.includes(id);
  return {
    ...one,
    expect: {
      effect: isExpected && effect === 'permit' ? 'permit' : 'deny',
      policies: isExpected ? [id] : [],
    },
  };
};

/** By a case that turns out otherwise, or by the type check, which a loaded bundle has passed. */
const isKilled = (bundle: PolicyBundle, cases: readonly Case[]): boolean => {
  const engine = createCedarEngine(bundle);
  return cases.some((one) => failureOf(engine, one) !== undefined) || !isSound(bundle);
};

const alone = (bundle: PolicyBundle, policy: Policy, { text }: Mutant): PolicyBundle => ({
  ...bundle,
  policies: text === undefined ? [] : [{ ...policy, text }],
});

const survivor = ({ policy, mutant }: Trial): string =>
  `${policy.file}:${policy.line}: no case notices ${policy.id} with its ${mutant.change}`;

const policyReports = (
  policies: readonly Policy[],
  cases: readonly Case[],
  trials: readonly Trial[],
): readonly PolicyReport[] =>
  policies.map((policy) => {
    const own = trials.filter((trial) => trial.policy === policy);
    return {
      id: policy.id,
      effect: policy.effect,
      cases: cases.filter(({ expect }) => expect.policies.includes(policy.id)).length,
      mutants: own.length,
      killed: own.filter(({ killed }) => killed).length,
    };
  });

const stage = (name: Stage['name'], total: number, failures: readonly string[]): Stage => ({
  name,
  passed: Math.max(0, total - failures.length),
  failures,
});

const report = (
  stages: readonly Stage[],
  bundle?: PolicyBundle,
  policies: readonly PolicyReport[] = [],
): GateReport => ({
  digest: bundle?.digest,
  stages,
  policies,
  passed: stages.reduce((sum, { passed }) => sum + passed, 0),
  failed: stages.reduce((sum, { failures }) => sum + failures.length, 0),
});
