import { type Descent, descents, targetsOf } from './descent.ts';
import type { Issue, Lift, Operation, Revoke, Target, Violation } from './history.ts';

/**
 * Milliseconds by which the clocks of instances may differ, and by which the second that an ID token
 * names may lie before its making: within them a refusal has its cause.
 */
const SLACK = 1_500;

/** Was anything honoured that had been taken back, or refused that had not? */
export const checkLiveness = (history: readonly Operation[]): Violation[] => {
  const known = descents(history);
  const taken = revocationsOf(history);
  return history.flatMap((one): Violation[] => {
    if (one.kind === 'issue') return checkIssue(one, taken);
    if (one.kind === 'revoke' || one.kind === 'lift') return [];
    const held = one.kind === 'derive' ? one.parent : one.token;
    const descent = known.get(held);
    if (!descent) return [violation('another_record', `${held}: nobody was given it`)];
    return one.outcome === 'granted'
      ? checkHonoured(one, descent, taken)
      : checkRefused(one, targetsOf(descent), descent.made.began, taken);
  });
};

/** A revocation, from when on its block may be gone, and from when on it is. */
interface Taken extends Revoke {
  readonly lifting: number;
  readonly lifted: number;
}

type ByTarget = ReadonlyMap<string, readonly Taken[]>;

const revocationsOf = (history: readonly Operation[]): ByTarget => {
  const lifts = Map.groupBy(
    history.filter((one) => one.kind === 'lift'),
    ({ revocation }) => revocation,
  );
  const taken = history
    .filter((one) => one.kind === 'revoke')
    .map((one): Taken => {
      const own = lifts.get(one.revocation ?? '') ?? [];
      const heard = own.filter(({ outcome }) => outcome === 'granted');
      return {
        ...one,
        lifting: Math.min(...own.map(({ began }) => began)), // Infinity where there is none
        lifted: Math.min(...heard.map(({ ended }) => ended)),
      };
    });
  return Map.groupBy(taken, ({ target }) => target);
};

const of = (targets: readonly Target[], taken: ByTarget): readonly Taken[] =>
  targets.flatMap((target) => taken.get(target) ?? []);

/** Acknowledged before this was asked for. */
const isBefore = (revocation: Taken, { began }: Operation): boolean =>
  revocation.outcome === 'granted' && revocation.ended < began;

/** In force for as long as this took: nothing could be issued then. */
const blocks = (revocation: Taken, one: Operation): boolean =>
  revocation.block && isBefore(revocation, one) && one.ended < revocation.lifting;

const checkHonoured = (
  one: Exclude<Operation, Revoke | Lift>,
  descent: Descent,
  taken: ByTarget,
): Violation[] => {
  const before = of(targetsOf(descent), taken).filter((revocation) => isBefore(revocation, one));
  const killing = before.find((revocation) => kills(revocation, descent));
  if (!killing) return [];
  return [
    violation(
      'honoured_after_revocation',
      `${one.kind} by ${descent.chain[0]}, though ${killing.target} was revoked`,
    ),
  ];
};

/**
 * A token dies with whatever it came of, for ever. Of an app and a user die the tokens from before: those
 * that a client had before the revocation was asked for, or before its block was lifted, for there was no
 * issuing under it.
 */
const kills = ({ target, began, block, lifting }: Taken, { made }: Descent): boolean => {
  if (target.startsWith('token:')) return true;
  return made.ended < began || (block && made.ended < lifting);
};

const checkIssue = (one: Issue, taken: ByTarget): Violation[] => {
  const targets: Target[] = [`user:${one.user}`, `app:${one.app}`];
  if (one.outcome === 'refused') return checkRefused(one, targets, one.signedInAt, taken);
  if (one.outcome === 'unknown') return [];
  const revoked = of(targets, taken);
  const about = `issue to ${one.user} of ${one.app} as ${one.token}`;
  const block = revoked.find((revocation) => blocks(revocation, one));
  if (block)
    return [violation('issued_under_a_block', `${about}, though ${block.target} was blocked`)];
  const ended = revoked.find(
    (each) => each.target.startsWith('user:') && isBefore(each, one) && one.signedInAt < each.began,
  );
  if (ended)
    return [violation('issued_from_a_dead_sign_in', `${about}, from before ${ended.target}`)];
  return [];
};

/**
 * A cause is whatever may have been in force by then, also where nobody heard that it was.
 *
 * @param since when what was presented may have been made, at the earliest.
 */
const checkRefused = (
  one: Operation,
  targets: readonly Target[],
  since: number,
  taken: ByTarget,
): Violation[] => {
  if (one.outcome !== 'refused') return [];
  const hasCause = of(targets, taken).some(
    (revocation) =>
      revocation.began < one.ended &&
      (mayKill(revocation, since) || mayBlock(revocation, one.began)),
  );
  if (hasCause) return [];
  return [violation('refused_without_cause', `${one.kind} of ${targets.join(' ')}`)];
};

const mayKill = ({ target, ended }: Taken, since: number): boolean =>
  target.startsWith('token:') || since < ended + SLACK;

const mayBlock = ({ block, lifted }: Taken, began: number): boolean =>
  block && began < lifted + SLACK;

const violation = (rule: Violation['rule'], about: string): Violation => ({ rule, about });
