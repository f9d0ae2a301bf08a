import { type Command, InvalidArgumentError, Option } from 'commander';
import { signInAsAdmin } from '../sign-in.ts';
import { outputOf, type Register } from './command.ts';
import { type Page, type PageOptions, pageQuery, showPage, withPageOptions } from './lists.ts';

interface SearchOptions extends PageOptions {
  readonly app?: string;
  readonly user?: string;
  readonly device?: string;
  readonly token?: string;
  readonly object?: string;
  readonly actor?: string;
  readonly target?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly since?: string;
  readonly until?: string;
}

const COLUMNS = ['at', 'action', 'outcome', 'app_id', 'user_id', 'actors', 'token_id', 'reason'];

export const audit: Register = (program, surroundings) => {
  const search = program
    .command('audit')
    .summary('what happened')
    .command('search')
    .summary('audit events, newest first')
    .description('What happened, newest first. Takes the role security or auditor.')
    .option('--app <id>')
    .option('--user <id>')
    .option('--device <id>')
    .option('--token <id>')
    .option('--object <id>')
    .option('--actor <subject>', 'a person or an app that acted for another')
    .option('--target <kind:id>', 'what was revoked, such as app:where2eat')
    .option('--action <action>', 'such as token.issue')
    .addOption(new Option('--outcome <outcome>').choices(['granted', 'denied']))
    .option('--since <time>', 'RFC 3339, or a date', moment)
    .option('--until <time>', 'RFC 3339, or a date', moment);
  withPageOptions(search).action(async (options: SearchOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const page = await send<Page>({
      method: 'GET',
      path: '/admin/v1/audit',
      query: {
        app_id: options.app,
        user_id: options.user,
        device_id: options.device,
        token_id: options.token,
        object_id: options.object,
        actor: options.actor,
        target: options.target,
        action: options.action,
        outcome: options.outcome,
        since: options.since,
        until: options.until,
        ...pageQuery(options),
      },
    });
    showPage(outputOf(command, surroundings), 'events', page, COLUMNS, {
      actors: chain,
      reason: why,
    });
  });
};

/** Why it was refused; else what whoever did it said, as of a revocation. */
const why = (reason: unknown, { detail }: Page['items'][number]): unknown =>
  reason ?? (detail as { readonly reason?: string } | null | undefined)?.reason;

/** Who acted, newest first: `nightly-report < portal`. */
const chain = (actors: unknown): string =>
  Array.isArray(actors) ? actors.map(({ subject }) => String(subject)).join(' < ') : '';

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A date is its first moment, UTC. */
const moment = (text: string): string => {
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('write it as 2027-01-31T12:00:00Z.');
  return new Date(time).toISOString();
};
