// The policy gate, `npm run policy:test`. `-- --fix` formats first; folders named after it are a deployment's additions.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { POLICIES } from '../src/compose/policies.ts';
import { policyFiles } from '../src/policy/cedar/bundle.ts';
import { formatted } from '../src/policy/gate/format.ts';
import { type GateReport, runGate } from '../src/policy/gate/gate.ts';

const fix = (dir: string): void => {
  for (const { name, text } of policyFiles(dir).filter((file) => file.name.endsWith('.cedar'))) {
    const layout = formatted(text) ?? text;
    if (layout !== text) writeFileSync(name, layout);
  }
};

const print = ({ stages, policies, digest, passed, failed }: GateReport): void => {
  console.log('policy                            effect  cases  mutants killed');
  for (const { id, effect, cases, killed, mutants } of policies) {
    const share = `${killed}/${mutants}`;
    console.log(
      `${id.padEnd(33)} ${effect.padEnd(6)} ${String(cases).padStart(6)}  ${share.padStart(14)}`,
    );
  }
  console.log();
  for (const stage of stages) {
    console.log(`${stage.name.padEnd(9)} ${stage.passed} passed, ${stage.failures.length} failed`);
    for (const failure of stage.failures) console.log(`  ✗ ${failure}`);
  }
  console.log(`\nbundle    ${digest ?? 'does not load'}`);
  console.log(`${passed} passed, ${failed} failed`);
};

const { values, positionals } = parseArgs({
  options: { fix: { type: 'boolean', default: false } },
  allowPositionals: true,
});
if (values.fix) [POLICIES, ...positionals].forEach(fix);
const reports = [runGate(POLICIES), ...positionals.map((dir) => runGate(dir, [POLICIES]))];
reports.forEach(print);
process.exitCode = reports.every(({ failed }) => failed === 0) ? 0 : 1;
