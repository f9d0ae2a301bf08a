import type { PresignResult } from './presign.ts';
import { GOALS, type Result } from './results.ts';
import type { LargeRevocation } from './revoke-app.ts';
import type { ScaleResult } from './scale.ts';
import type { UploadsResult } from './uploads.ts';

const number = (value: number, digits = 0): string =>
  Number.isNaN(value)
    ? '–'
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const factor = (value: number | undefined): string =>
  value === undefined ? '' : `${number(value, 2)}×`;

/** Columns as wide as their widest cell: the first to the left, figures to the right. */
const grid = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  const [head = [], ...body] = rows;
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join(
    '\n',
  );
};

const HEAD = [
  'scenario',
  'answers/s',
  'CPU µs',
  'of stock',
  'Postgres µs',
  'both, of stock',
  'CPU µs at 70 %',
  'p50 ms',
  'p99 ms',
];

const row = (result: Result): string[] => [
  result.title,
  number(result.rate),
  number(result.serverCpu),
  factor(result.cpuRatio),
  number(result.postgresCpu),
  factor(result.totalCpuRatio),
  number(result.pacedServerCpu),
  number(result.p50, 1),
  number(result.p99, 1),
];

const NOTES = `CPU µs: user and system time of the server's process for each answer, all connections busy; Postgres
apart. p50 and p99: at 70 % of answers/s, from when a request was due. Medians of the rounds; ratios
are taken within a round. Stock: oidc-provider's client_credentials on a plain pg adapter; it proves one
client by a secret in memory and writes one row for an opaque token, none for a JWT. An exchange proves
a person's ID token, settles scopes, asks policy, and commits token, audit event and person first. 1,000
people come back again and again, as apps do every few minutes; a first exchange finds nothing remembered.
With DPoP every request has a proof and nonce of its own, made before the round, on both sides: 200 known keys,
or a new key and sign-in each time. Only opaque tokens can be asked about at the stock server; it has no
narrowing (compared with its DPoP token), no status list and no admin's revocation (compared with nothing).`;

const verdict = (results: readonly Result[]): string[] => {
  const exchanges = results.filter(({ id }) => id.startsWith('exchange-'));
  const bound = exchanges.filter(({ id }) => id.startsWith('exchange-dpop-'));
  const unbound = exchanges.filter((result) => !bound.includes(result));
  const { cpuRatio, stretchCpuRatio, dpopCpuRatio } = GOALS;
  return [
    ...against(unbound, {
      what: 'exchange without a key',
      ratio: `${cpuRatio}× of stock's CPU (stretch ${stretchCpuRatio}×)`,
      rate: GOALS.exchangesPerSecond,
    }),
    ...against(bound, {
      what: 'exchange with DPoP',
      ratio: `${factor(dpopCpuRatio)} of the CPU of stock with DPoP`,
      rate: GOALS.dpopExchangesPerSecond,
    }),
    ...uploadVerdict(results),
  ];
};

const uploadVerdict = (results: readonly Result[]): string[] => {
  const found = results.flatMap(({ title, besideRatio }) =>
    besideRatio === undefined ? [] : [`${title} ${factor(besideRatio)}`],
  );
  if (found.length === 0) return [];
  const goal = factor(GOALS.uploadRateRatio);
  return [`request-upload, goal: at least ${goal} the rate of the exchange: ${found.join(', ')}`];
};

const against = (
  results: readonly Result[],
  goal: { readonly what: string; readonly ratio: string; readonly rate: number },
): string[] => {
  if (results.length === 0) return [];
  const ratios = results.flatMap(({ cpuRatio }) => cpuRatio ?? []);
  const least = Math.min(...results.map(({ rate }) => rate));
  return [
    `${goal.what}, goal: at most ${goal.ratio}: ${ratios.map(factor).join(', ')}`,
    `${goal.what}, goal: at least ${number(goal.rate)}/s: the slowest ${number(least)}`,
  ];
};

export const resultsTable = (results: readonly Result[]): string =>
  [grid([HEAD, ...results.map(row)]), '', NOTES, '', ...verdict(results)].join('\n');

export const presignTable = (presigns: readonly PresignResult[]): string => {
  const perCoreOf = (title: string | undefined): number | undefined =>
    presigns.find((other) => other.title === title)?.perCore;
  const rows = presigns.map(({ title, perCore, beside }) => {
    const sdk = perCoreOf(beside);
    return [
      title,
      number(perCore),
      number(1e6 / perCore, 1),
      sdk === undefined ? '' : factor(perCore / sdk),
    ];
  });
  return [
    grid([['presigned URL', 'per core and second', 'CPU µs', 'of the SDK'], ...rows]),
    '',
    'Without the record, beside what the SDK of each cloud takes for the same URL.',
    `goal: at least ${number(GOALS.s3PresignsPerSecond)} a second and core on S3: ${number(perCoreOf('s3 PUT') ?? Number.NaN)}`,
  ].join('\n');
};

const UPLOADS_HEAD = [
  'uploads',
  'per second',
  'bare PUT/s',
  'of bare PUT',
  'broker ms',
  'inspecting ms',
  'Postgres ms',
  'bare PUT ms',
  'asked for status',
  'p50 ms',
  'p99 ms',
];

export const uploadsTable = (
  results: readonly UploadsResult[],
  { lines, bytes }: { readonly lines: number; readonly bytes: number },
): string => {
  const rows = results.map((result) => [
    result.title,
    number(result.rate),
    number(result.bareRate),
    factor(result.rateRatio),
    number(result.brokerCpu / 1000, 2),
    number(result.inspectionCpu / 1000, 2),
    number(result.postgresCpu / 1000, 2),
    number(result.bareCpu / 1000, 2),
    number(result.asked, 1),
    number(result.p50, 0),
    number(result.p99, 0),
  ]);
  return [
    grid([UPLOADS_HEAD, ...rows]),
    '',
    `End to end, ${lines} at a time: request-upload, PUT, complete, inspection, until the status says available; each with`,
    `DPoP. A picture of ${number(bytes)} bytes with its checksum declared, which is decoded. ms: CPU for each upload; the broker's`,
    'has what it receives where it is the store itself. Bare PUT: to the same kind of store, in a process of its own, by',
    'URLs presigned before. Medians of the rounds; ratios are taken within a round.',
  ].join('\n');
};

export const largeRevocationsTable = (
  revocations: readonly LargeRevocation[],
  { tokens, ofOneApp }: { readonly tokens: number; readonly ofOneApp: number },
): string => {
  const rows = revocations.map(({ title, milliseconds, killed }) => [
    title,
    number(killed),
    number(milliseconds),
  ]);
  return [
    grid([['revocation of', 'live tokens ended', 'ms'], ...rows]),
    '',
    `Among ${number(tokens)} live tokens, ${number(ofOneApp)} of them one app's, until the receipt is counted; it is in force before.`,
    `goal: an app with 100,000 live tokens in at most ${number(GOALS.appRevocationMs)} ms`,
  ].join('\n');
};

export const scaleTable = (
  results: readonly ScaleResult[],
  held: { readonly tokens: number; readonly auditEvents: number; readonly bytes: number },
): string => {
  const rows = results.map(({ title, rate, empty, full, p99Ratio }) => [
    title,
    number(rate),
    number(empty.p50, 1),
    number(full.p50, 1),
    number(empty.p99, 1),
    number(full.p99, 1),
    factor(p99Ratio),
    number(empty.postgresCpu),
    number(full.postgresCpu),
  ]);
  const head = ['scenario', 'asked/s', 'p50 ms', 'p50, full', 'p99 ms', 'p99, full', 'p99 ratio'];
  return [
    grid([[...head, 'Postgres µs', 'full'], ...rows]),
    '',
    `The full database: ${number(held.tokens)} live tokens, ${number(held.auditEvents)} audit events, ${number(held.bytes / 1e9, 1)} GB. Both at one rate, less than`,
    'a third of what the slower carries, turn by turn; medians of the rounds, the ratio of p99 is that of its medians.',
    `goal: p99 within ${GOALS.scaleP99Ratio}×`,
  ].join('\n');
};
