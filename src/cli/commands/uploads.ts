import { type Command, Option } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { members } from '../output.ts';
import { type Send, signInAsAdmin } from '../sign-in.ts';
import { UsageError } from '../surroundings.ts';
import { outputOf, type Register } from './command.ts';
import { type Page, type PageOptions, pageQuery, showPage, withPageOptions } from './lists.ts';

interface ListOptions extends PageOptions {
  readonly status?: string;
  readonly bucket?: string;
  readonly app?: string;
  readonly user?: string;
}

interface DecideOptions extends ClientOptions {
  readonly reason?: string;
}

interface DeleteOptions extends ClientOptions {
  readonly reason: string;
}

/** An upload as administrators see it, as far as commands look at it. */
interface Upload {
  readonly status: string;
  readonly reason: string | null;
  readonly report?: Report | null;
}

interface Report {
  readonly checks: readonly {
    readonly check: string;
    readonly outcome: string;
    readonly detail?: string;
  }[];
  readonly violations: readonly {
    readonly field: string;
    readonly message: string;
    readonly remedy: string;
  }[];
  readonly inspectedAt: string;
}

const PATH = '/admin/v1/uploads';
const COLUMNS = ['object_id', 'status', 'app_id', 'user_id', 'resource', 'size', 'reason'];
const STATUSES = [
  'pending',
  'uploaded',
  'validating',
  'available',
  'rejected',
  'quarantined',
  'expired',
];

const pathOf = (objectId: string): string => `${PATH}/${encodeURIComponent(objectId)}`;

/** What the security desk does with an upload. */
const DECISIONS = [
  {
    name: 'quarantine',
    summary: 'take an available object out of every reader’s reach',
    description: 'Holds at once, for every reader; its bytes are moved. Takes the role security.',
  },
  {
    name: 'release',
    summary: 'put a quarantined object back where it was, or was to be',
    description: 'Puts back what was inspected, under the key it had. Takes the role security.',
  },
] as const;

export const uploads: Register = (program, surroundings) => {
  const group = program.command('uploads').summary('what was uploaded');

  const list = group
    .command('list')
    .summary('uploads, newest first')
    .description('Uploads, newest first. Takes the role security or auditor.')
    .addOption(new Option('--status <status>').choices(STATUSES))
    .option('--bucket <id>')
    .option('--app <id>')
    .option('--user <id>');
  withPageOptions(list).action(async (options: ListOptions, command: Command) => {
    const send = await signInAsAdmin(options, surroundings);
    const { status, bucket, app: app_id, user: user_id } = options;
    const query = { status, bucket, app_id, user_id, ...pageQuery(options) };
    const page = await send<Page>({ method: 'GET', path: PATH, query });
    showPage(outputOf(command, surroundings), 'uploads', page, COLUMNS);
  });

  const show = group
    .command('show')
    .summary('one upload, and what inspection found')
    .description('One upload, and what inspection found. Takes the role security or auditor.')
    .argument('<object-id>');
  withClientOptions(show).action(
    async (objectId: string, options: ClientOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      const upload = await send<Upload>({ method: 'GET', path: pathOf(objectId) });
      outputOf(command, surroundings).answer(upload, linesOf(upload));
    },
  );

  for (const { name, summary, description } of DECISIONS) {
    const decide = group
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<object-id>')
      .option('--reason <text>', 'for the record');
    withClientOptions(decide).action(
      async (objectId: string, { reason, ...options }: DecideOptions, command: Command) => {
        const send = await signInAsAdmin(options, surroundings);
        if (name === 'release' && reason === undefined) await mustBeHarmless(send, objectId);
        const path = `${pathOf(objectId)}/${name}`;
        const body = { ...(reason !== undefined && { reason }) };
        const upload = await send<Upload>({ method: 'POST', path, body });
        outputOf(command, surroundings).answer(upload, linesOf(upload));
      },
    );
  }

  const remove = group
    .command('delete')
    .summary('delete what was quarantined or rejected, for good')
    .description(
      'Its bytes are gone afterwards, and nobody brings them back; its record stays. Takes the role security.',
    )
    .argument('<object-id>')
    .requiredOption('--reason <text>', 'for the record');
  withClientOptions(remove).action(
    async (objectId: string, { reason, ...options }: DeleteOptions, command: Command) => {
      const send = await signInAsAdmin(options, surroundings);
      await send({ method: 'DELETE', path: pathOf(objectId), query: { reason } });
      const answer = { object_id: objectId, deleted: true };
      outputOf(command, surroundings).answer(answer, [`deleted ${objectId}`]);
    },
  );
};

/** Whoever lets malware out says why. @throws UsageError with what was found */
const mustBeHarmless = async (send: Send, objectId: string): Promise<void> => {
  const { reason, report } = await send<Upload>({ method: 'GET', path: pathOf(objectId) });
  if (reason !== 'malware') return;
  const found = report?.checks.find(({ outcome }) => outcome === 'failed')?.detail;
  const what = found === undefined ? 'malware' : `malware (${found})`;
  throw new UsageError(
    `${what} was found in ${objectId}: to release it all the same, say why with --reason`,
  );
};

/** Of one that expired there is no reason on record: there is but one way to. */
const NEVER_CAME = 'its bytes had not arrived when its URL ended';

const linesOf = (upload: Upload): readonly string[] => {
  const { report, ...rest } = upload;
  const reason = upload.status === 'expired' ? (upload.reason ?? NEVER_CAME) : upload.reason;
  return [...members({ ...rest, reason }), ...reportLines(report ?? undefined)];
};

const reportLines = (report: Report | undefined): readonly string[] => {
  if (report === undefined) return [];
  const checks = report.checks.map(({ check, outcome, detail }) => [
    check,
    detail === undefined ? outcome : `${outcome}: ${detail}`,
  ]);
  return [
    `inspected ${report.inspectedAt}`,
    ...(checks.length === 0 ? [] : members(Object.fromEntries(checks)).map((line) => `  ${line}`)),
    ...report.violations.flatMap(({ field, message, remedy }) => [
      `  ${field}: ${message}`,
      `    ${remedy}`,
    ]),
  ];
};
