import type { Telling } from '../telling.ts';
import type { DayPass } from './exchange.ts';
import type { Security } from './revocation.ts';

interface Event {
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly user_id: string | null;
  readonly app_id: string | null;
  readonly reason: string | null;
}

/** What must be on record of this story, oldest first, among other things. */
const EXPECTED = [
  'token.issue granted',
  'upload.request granted',
  'upload.available granted',
  'download.request granted',
  'download.redeem granted',
  'upload.rejected denied',
  'upload.request denied',
];

export const readRecord = async (
  { narrator, call }: Telling,
  { sam, token }: Security,
  { tokenId }: DayPass,
): Promise<void> => {
  narrator.scene(
    'Who did what, when, from which app?',
    'Each line was committed before the caller saw a byte of what it grants. The broker can add to the record, and cannot change or delete a line of it.',
  );
  const to = `/admin/v1/audit?token_id=${tokenId}&limit=200`;
  narrator.request({ method: 'GET', url: to });
  const answer = await call({ to, token, key: sam.key, quietly: true });
  const items = ([answer.body.items].flat() as readonly Event[]).toReversed();
  narrator.answer({ status: answer.status, body: items.map(line).join('\n') });

  const seen = new Set(items.map(({ action, outcome }) => `${action} ${outcome}`));
  const missing = EXPECTED.filter((each) => !seen.has(each));
  narrator.holds('all of it is on record, also what was refused', missing.length === 0, {
    missing,
  });
  const people = new Set(items.map(({ user_id: user, app_id: app }) => `${user} ${app}`));
  const isAnas = people.size === 1 && /^u_\w{26} where2eat$/.test([...people][0] ?? '');
  narrator.holds('every line ends in a person and an app', isAnas, [...people]);
};

const line = ({ at, action, outcome, user_id: user, app_id: app, reason }: Event): string =>
  [
    at.slice(11, 23),
    action.padEnd(17),
    outcome.padEnd(7),
    `${user?.slice(0, 8)}…`,
    app,
    reason ?? '',
  ]
    .join('  ')
    .trimEnd();
