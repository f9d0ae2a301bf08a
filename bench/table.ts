import type { PresignResult } from './presign.ts';
import { GOALS, type Result } from './results.ts';

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
people come back again and again, as apps do every few minutes; a first exchange finds nothing remembered.`;

const verdict = (results: readonly Result[]): string[] => {
  const exchanges = results.filter(({ id }) => id.startsWith('exchange-'));
  if (exchanges.length === 0) return [];
  const least = Math.min(...exchanges.map(({ rate }) => rate));
  const ratios = exchanges.flatMap(({ cpuRatio }) => cpuRatio ?? []);
  return [
    `goal: at most ${GOALS.cpuRatio}× of stock's CPU (stretch ${GOALS.stretchCpuRatio}×): ${ratios.map(factor).join(', ')}`,
    `goal: at least ${number(GOALS.exchangesPerSecond)} exchanges/s: the slowest ${number(least)}`,
  ];
};

export const resultsTable = (results: readonly Result[]): string =>
  [grid([HEAD, ...results.map(row)]), '', NOTES, '', ...verdict(results)].join('\n');

export const presignTable = (presigns: readonly PresignResult[]): string => {
  const sdk = (title: string): number | undefined =>
    presigns.find((other) => other.title === `aws-sdk getSignedUrl ${title.slice(-3)}`)?.perCore;
  const rows = presigns.map(({ title, perCore }) => {
    const beside = sdk(title);
    return [
      title,
      number(perCore),
      number(1e6 / perCore, 1),
      beside === undefined || title.startsWith('aws') ? '' : factor(perCore / beside),
    ];
  });
  return grid([['presigned URL', 'per core and second', 'CPU µs', 'of the SDK'], ...rows]);
};
