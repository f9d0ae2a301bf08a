import { expect } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import type { Stage } from './stage.ts';

/** The universal post-conditions of every attack: nothing issued, one record of it, one shape of refusal. */

export interface Expected {
  readonly status: number | readonly number[];
  readonly error?: string;
  /** The rule one of the violations names. */
  readonly rule?: string;
  /**
   * Whether the caller was identified by then, so that one row says who was refused and why. Refusals
   * before that are counted, so that a flood does not become writes.
   */
  readonly audited: boolean;
  /** What must be nowhere in the answer or the record, besides every token and proof. */
  readonly secrets?: readonly string[];
}

const CREDENTIAL = /dp_(?:at|rt|dl)_[0-9A-Za-z]{32}|eyJ[\w-]{8,}\.[\w-]{8,}/;
const INTERNALS =
  /\bat .{1,200}:\d+:\d+|node_modules|\.ts\b|prisma|postgres|SQLSTATE|\b(?:SELECT|INSERT|UPDATE|DELETE) .{0,80}\b(?:FROM|INTO|SET)\b/i;

export interface DeniedRow {
  readonly event_id: string;
  readonly reason: string | null;
  readonly request_id: string | null;
  readonly app_id: string | null;
  readonly user_id: string | null;
  readonly action: string;
}

const counted = async (stage: Stage) => {
  const [row] = await stage.query<{ credentials: string; denied: string }>(`
    SELECT (SELECT count(*) FROM issued_token) + (SELECT count(*) FROM ticket)
        + (SELECT count(*) FROM stored_object) AS credentials,
      (SELECT count(*) FROM audit_event
        WHERE outcome = 'denied' AND request_id IS NOT NULL) AS denied`);
  return { credentials: Number(row?.credentials), denied: Number(row?.denied) };
};

/** U3, and the half of U1 that the answer shows. */
export const mustRefuse = (answer: Answer, expected: Omit<Expected, 'audited'>): void => {
  const { status, body, text, headers } = answer;
  expect({
    status: [expected.status].flat().includes(status) ? expected.status : status,
    text,
  }).toEqual({
    status: expected.status,
    text,
  });
  if (expected.error !== undefined) expect(body).toMatchObject({ error: expected.error });
  expect(body).toMatchObject({
    error: expect.stringMatching(/^[a-z_]+$/),
    error_description: expect.any(String),
    violations: expect.any(Array),
    request_id: headers.get('x-request-id'),
  });
  if (expected.rule !== undefined) {
    const rules = (body.violations as { rule: string }[]).map(({ rule }) => rule);
    expect(rules).toContain(expected.rule);
  }
  expect(headers.get('cache-control')).toContain('no-store');
  expect(headers.get('content-type')).toMatch(/^application\/json/);
  expect(text).not.toMatch(CREDENTIAL);
  expect(text).not.toMatch(INTERNALS);
  for (const secret of expected.secrets ?? []) expect(text).not.toContain(secret);
};

/** U2 */
const mustBeOnRecord = async (
  stage: Stage,
  { body }: Answer,
  secrets: readonly string[] = [],
): Promise<void> => {
  const rows = await stage.query<DeniedRow>('SELECT * FROM audit_event WHERE request_id = $1', [
    body.request_id,
  ]);
  expect(rows).toEqual([
    expect.objectContaining({ outcome: 'denied', reason: expect.stringMatching(/./) }),
  ]);
  const record = JSON.stringify(rows);
  expect(rows[0]?.user_id ?? rows[0]?.app_id).toEqual(expect.any(String));
  expect(record).not.toMatch(CREDENTIAL);
  for (const secret of secrets) expect(record).not.toContain(secret);
};

/** Attacks, and holds the answer to U1, U2 and U3. */
export const refuses = async (
  stage: Stage,
  expected: Expected,
  attack: () => Promise<Answer>,
): Promise<Answer> => {
  const before = await counted(stage);
  const answer = await attack();
  mustRefuse(answer, expected);
  const after = await counted(stage);
  expect(after).toEqual({
    credentials: before.credentials,
    denied: before.denied + (expected.audited ? 1 : 0),
  });
  if (expected.audited) await mustBeOnRecord(stage, answer, expected.secrets);
  return answer;
};

/** U4: the same attack on every instance. */
export const refusesEverywhere = async (
  stage: Stage,
  expected: Expected,
  attack: (through: Stage['client']) => Promise<Answer>,
): Promise<void> => {
  for (const through of stage.clients) await refuses(stage, expected, () => attack(through));
};

/**
 * Of many at once exactly one won. Where the machine was too busy to answer all, none may have: what was
 * used up by a 503 stays used up, and nothing was issued for it.
 */
export const mustHaveOneWinner = (answers: readonly { readonly status: number }[]): void => {
  const won = answers.filter(({ status }) => status < 400);
  const isBusy = answers.some(({ status }) => status === 503);
  expect(won.length === 0 && isBusy ? 1 : won.length).toBe(1);
};
