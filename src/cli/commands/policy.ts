import type { Command } from 'commander';
import type { NamedReport } from '../../compose/command-line.ts';
import { collect } from '../client-options.ts';
import { columns } from '../output.ts';
import { type Surroundings, UsageError } from '../surroundings.ts';
import { textOf } from './apply.ts';
import { Negative, outputOf, type Register } from './command.ts';

/** The engine checks the rest; what is no object with an action it would only call an error. */
type Question = Parameters<Awaited<ReturnType<Surroundings['offline']>>['explain']>[1];

export const policy: Register = (program, surroundings) => {
  const group = program.command('policy').summary('test and explain the policies');

  group
    .command('test')
    .summary('the policy gate')
    .description(
      'Are the policies sound, and would a case notice if one of them were wrong? Runs on those that come with ' +
        'Daypass, and on each folder as an addition to them.',
    )
    .argument('[folders...]', 'policies of a deployment, with cases/ALLOW and cases/DENY')
    .action(async (folders: readonly string[], _options: object, command: Command) => {
      const { testPolicies } = await surroundings.offline();
      const reports = testPolicies(folders);
      outputOf(command, surroundings).answer({ reports }, reports.flatMap(linesOf));
      if (reports.some(({ failed }) => failed > 0)) throw new Negative('the gate is closed');
    });

  group
    .command('explain')
    .summary('the decision on one question, and why')
    .description(
      'Decides a question in JSON, as policies/cases has them, and says which policies did.',
    )
    .argument('<file>', 'a question, or a case with one; - for standard input')
    .option('--policies <folder>', 'a folder of additions; may be repeated', collect, [])
    .action(async (file: string, options: { policies: readonly string[] }, command: Command) => {
      const question = questionIn(await textOf(file, surroundings), file);
      const { explain } = await surroundings.offline();
      const { decision, digest, lines } = explain(options.policies, question);
      outputOf(command, surroundings).answer({ ...decision, digest }, lines);
      if (decision.effect !== 'permit') throw new Negative('not permitted');
    });
};

const questionIn = (text: string, file: string): Question => {
  const read = (): unknown => {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new UsageError(`${file} is not JSON`, { cause });
    }
  };
  const value = read() as { question?: Question } & Question;
  const question = value?.question ?? value;
  if (typeof question?.action === 'string') return question;
  throw new UsageError(`${file} holds no question: it has an action, an app and a resource`);
};

const linesOf = ({ folder, stages, policies, digest, passed, failed }: NamedReport): string[] => [
  folder,
  ...columns(
    ['policy', 'effect', 'cases', 'mutants killed'],
    policies.map(({ id, effect, cases, killed, mutants }) => [
      id,
      effect,
      cases,
      `${killed}/${mutants}`,
    ]),
  ),
  ...stages.flatMap((stage) => [
    `${stage.name.padEnd(9)} ${stage.passed} passed, ${stage.failures.length} failed`,
    ...stage.failures.map((failure) => `  ${failure}`),
  ]),
  `bundle    ${digest ?? 'does not load'}`,
  `${passed} passed, ${failed} failed`,
];
