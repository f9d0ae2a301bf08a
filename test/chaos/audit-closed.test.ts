import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Rig, startRig } from '../support/rig.ts';
import {
  type Load,
  neitherGrantedNorUnavailable,
  startLoad,
  untilGranted,
  withoutRecord,
} from './load.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
  await rig.ask(`CREATE FUNCTION refuse_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit trail is closed'; END $$`);
});
afterAll(() => rig?.stop());

/** How the audit trail fails, and how it comes back. */
const FAULTS: readonly (readonly [string, string, string])[] = [
  [
    'an event is refused',
    'CREATE TRIGGER closed BEFORE INSERT ON audit_event EXECUTE FUNCTION refuse_audit()',
    'DROP TRIGGER closed ON audit_event',
  ],
  [
    'the privilege is gone',
    'REVOKE INSERT ON audit_event FROM daypass_app',
    'GRANT INSERT ON audit_event TO daypass_app',
  ],
];

const counts = (): Promise<object[]> =>
  rig.ask(`SELECT (SELECT count(*) FROM issued_token) AS tokens, (SELECT count(*) FROM ticket) AS tickets,
    (SELECT count(*) FROM stored_object) AS objects, (SELECT count(*) FROM lock) AS locks`);

/** Nothing is granted while `isClosed`, and everything is again afterwards. */
const isSound = async (load: Load, closedAt: number, openedAt: number): Promise<void> => {
  expect(neitherGrantedNorUnavailable(load.outcomes)).toEqual({});
  const during = load.outcomes.filter(
    ({ at, milliseconds }) => at > closedAt && at + milliseconds < openedAt,
  );
  expect(during.length).toBeGreaterThan(0);
  expect(during.filter(({ seen }) => seen !== undefined)).toEqual([]);
  expect(Math.max(...during.map(({ milliseconds }) => milliseconds))).toBeLessThan(3_000);
  expect(await withoutRecord(rig, load.outcomes)).toEqual([]);
};

describe('an audit trail that takes no event', () => {
  it.each(FAULTS)('ends all issuance where %s, until it is mended', async (_, breakIt, mendIt) => {
    const load = await startLoad(rig);
    await pause(300);
    await rig.ask(breakIt);
    await pause(500); // what was under way has ended
    const closedAt = performance.now();
    const before = await counts();
    await pause(1_500);
    expect(await counts()).toEqual(before);
    const openedAt = performance.now();
    await rig.ask(mendIt);
    expect(await untilGranted(load, performance.now())).toBeLessThan(3_000);
    await load.stop();
    await isSound(load, closedAt, openedAt);
  });

  it('ends it where it hangs, and makes nobody wait', async () => {
    const load = await startLoad(rig);
    const holder = await rig.connect();
    await pause(300);
    await holder.query('BEGIN; LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE');
    const closedAt = performance.now();
    await pause(4_000);
    const openedAt = performance.now();
    await holder.end();
    expect(await untilGranted(load, performance.now())).toBeLessThan(3_000);
    await load.stop();
    await isSound(load, closedAt, openedAt);
  });
});
