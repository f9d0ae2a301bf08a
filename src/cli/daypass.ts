/** Cli: what does the command line ask for? It knows the API as any client does, and no adapter. */
import { Command, CommanderError } from 'commander';
import { ConfigurationError, violationsOf } from '../config/problem.ts';
import { OAuthError, type Violation } from '../protocol/oauth-error.ts';
import { apply } from './commands/apply.ts';
import { apps } from './commands/apps.ts';
import { audit } from './commands/audit.ts';
import { Negative, type Register } from './commands/command.ts';
import { config } from './commands/config.ts';
import { demoToken } from './commands/demo-token.ts';
import { doctor } from './commands/doctor.ts';
import { download } from './commands/download.ts';
import { exchange } from './commands/exchange.ts';
import { keys } from './commands/keys.ts';
import { login, logout } from './commands/login.ts';
import { migrate } from './commands/migrate.ts';
import { policy } from './commands/policy.ts';
import { revocations, revoke } from './commands/revocations.ts';
import { serve } from './commands/serve.ts';
import { tokens } from './commands/tokens.ts';
import { upload } from './commands/upload.ts';
import { uploads } from './commands/uploads.ts';
import { Refusal, Unreachable } from './daypass-client.ts';
import { createOutput } from './output.ts';
import { type Surroundings, UsageError } from './surroundings.ts';

/** In the order of the help. */
const COMMANDS: readonly Register[] = [
  serve,
  migrate,
  apply,
  doctor,
  login,
  logout,
  exchange,
  upload,
  download,
  tokens,
  revoke,
  revocations,
  audit,
  uploads,
  apps,
  config,
  keys,
  policy,
  demoToken,
];

/**
 * Runs one command.
 *
 * @param args as typed, without the program's own name
 * @returns the exit status: 0 ok, 1 refused or found something, 2 usage
 */
export const run = async (args: readonly string[], surroundings: Surroundings): Promise<number> => {
  const program = createProgram(surroundings);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return complain(error, surroundings, program.opts<{ json?: boolean }>().json === true);
  }
};

const createProgram = (surroundings: Surroundings): Command => {
  const { stdout, stderr, version } = surroundings;
  const program = new Command('daypass')
    .description(
      'A token broker for micro apps: short-lived, narrow, bound, revocable credentials.',
    )
    .version(version)
    .option('--json', 'answer in JSON')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(daypass --help shows what there is)')
    .addHelpText('after', '\nExit status: 0 ok, 1 refused or found something, 2 usage.');
  for (const register of COMMANDS) register(program, surroundings);
  return program;
};

/** Says what went wrong, once, and how it ends. */
const complain = (error: unknown, surroundings: Surroundings, json: boolean): number => {
  if (error instanceof Negative) return 1;
  // Commander has said it already. Asked for help or the version, it ends with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const complaint = complaintOf(error);
  const output = createOutput(surroundings, json);
  if (json) output.answer(complaint, []);
  else for (const line of linesOf(complaint)) output.note(line);
  return error instanceof UsageError ? 2 : 1;
};

/** A refusal as the API has it, whoever refused. */
interface Complaint {
  readonly error: string;
  readonly error_description: string;
  readonly violations: readonly Violation[];
  readonly request_id?: string | undefined;
}

const complaintOf = (error: unknown): Complaint => {
  if (error instanceof Refusal) {
    const { code, message, violations, requestId } = error;
    return { error: code, error_description: message, violations, request_id: requestId };
  }
  if (error instanceof ConfigurationError) {
    const violations = violationsOf(error);
    return { error: 'invalid_request', error_description: error.message, violations };
  }
  if (error instanceof OAuthError) {
    const text = [error.message, error.detail].filter(Boolean).join(': ');
    return { error: error.code, error_description: text, violations: error.violations };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { error: nameOf(error), error_description: message, violations: [] };
};

const nameOf = (error: unknown): string => {
  if (error instanceof UsageError) return 'usage';
  return error instanceof Unreachable ? 'unreachable' : 'failed';
};

const linesOf = ({ error, error_description, violations, request_id }: Complaint): string[] => {
  // What is wrong with a configuration file is told in full already, line by line.
  const untold = violations.filter(({ remedy }) => !error_description.includes(remedy));
  return [
    error === 'usage' || error === 'failed' ? error_description : `${error}: ${error_description}`,
    ...untold.flatMap(({ field, message, remedy }) => [
      // Some messages begin with their field.
      message.startsWith(`${field}: `) ? `  ${message}` : `  ${field}: ${message}`,
      `    ${remedy}`,
    ]),
    ...(request_id === undefined ? [] : [`  request ${request_id}`]),
    ...(error === 'unreachable' ? ['  start it with daypass serve, or give --server URL'] : []),
  ];
};
