import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSealedCustody } from '../../../src/keys/sealed-custody.ts';
import {
  openPostgresLedger,
  type PostgresLedger,
} from '../../../src/ledger/postgres/postgres-ledger.ts';
import type { KeyStep, NewSigningKey } from '../../../src/ledger/signing-keys.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

const AT = new Date('2026-11-22T10:00:00Z');
const custody = createSealedCustody([randomBytes(32)]);
const made = async (state: 'next' | 'active'): Promise<NewSigningKey> => ({
  ...(await custody.make('ES256')),
  state,
});

let database: TestDatabase;
/** Brokers on one database. */
let ledgers: PostgresLedger[];
beforeAll(async () => {
  database = await freshDatabase();
  const options = { url: database.url, onConnectionError: () => {}, localTime: Date.now };
  ledgers = [1, 2, 3].map(() => openPostgresLedger(options));
  for (const { clock } of ledgers) await clock.synchronise();
});
afterAll(async () => {
  for (const ledger of ledgers ?? []) await ledger.close();
  await database?.drop();
});

const keysOf = (place: number) => (ledgers[place % ledgers.length] as PostgresLedger).signingKeys;
const step = (more: Partial<KeyStep>): KeyStep => ({
  at: AT,
  moves: [],
  adds: [],
  audit: [],
  ...more,
});
const places = async () => (await keysOf(0).live()).map(({ kid, state }) => ({ kid, state }));

describe('the ring of signing keys in the ledger', () => {
  let [active, next]: NewSigningKey[] = [];
  beforeEach(async () => {
    const live = await keysOf(0).live();
    await keysOf(0).step(
      step({ moves: live.map(({ kid, state }) => ({ kid, from: state, to: 'revoked' })) }),
    );
    [active, next] = [await made('active'), await made('next')];
    const adds = [active, next] as NewSigningKey[];
    expect(await keysOf(0).step(step({ adds }))).toBe(true);
  });
  const kid = (key: NewSigningKey | undefined): string => key?.kid ?? '';

  const succession = async (): Promise<KeyStep> =>
    step({
      moves: [
        { kid: kid(active), from: 'active', to: 'retiring', publishUntil: AT },
        { kid: kid(next), from: 'next', to: 'active' },
      ],
      adds: [await made('next')],
      audit: [{ at: AT, action: 'key.activate', outcome: 'granted', detail: { kid: kid(next) } }],
    });

  it('lets one of thirty rotations at once happen, on three brokers, with one audit event', async () => {
    const steps = await Promise.all(Array.from({ length: 30 }, succession));
    const taken = await Promise.all(steps.map((one, place) => keysOf(place).step(one)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    const winner = steps[taken.indexOf(true)]?.adds[0];
    expect(await places()).toEqual([
      { kid: kid(next), state: 'active' },
      { kid: kid(winner), state: 'next' },
      { kid: kid(active), state: 'retiring' },
    ]);
    const events = await (ledgers[0] as PostgresLedger).audit.search(
      { action: 'key.activate' },
      { limit: 50, after: undefined },
    );
    expect(events.filter(({ detail }) => detail?.kid === kid(next))).toHaveLength(1);
  });

  it('has no place for a second next or active key', async () => {
    for (const state of ['next', 'active'] as const) {
      expect(await keysOf(1).step(step({ adds: [await made(state)] }))).toBe(false);
    }
    expect(await places()).toHaveLength(2);
  });

  it('takes all of a step or none of it', async () => {
    const one = await succession();
    const moves = [...one.moves, { kid: 'no-such-key', from: 'retiring', to: 'retired' } as const];
    expect(await keysOf(0).step({ ...one, moves })).toBe(false);
    expect(await places()).toEqual([
      { kid: kid(active), state: 'active' },
      { kid: kid(next), state: 'next' },
    ]);
  });

  it('keeps no private half of a key that is retired or revoked', async () => {
    await keysOf(0).step(await succession());
    await keysOf(0).step(step({ moves: [{ kid: kid(active), from: 'retiring', to: 'retired' }] }));
    const all = await keysOf(0).list();
    for (const { state, sealed } of all)
      expect({ state, isGone: sealed.length === 0 }).toEqual({
        state,
        isGone: state === 'retired' || state === 'revoked',
      });
    expect(all.find((key) => key.kid === kid(active))).toMatchObject({
      state: 'retired',
      retiringAt: AT,
      retiredAt: AT,
    });
  });

  it('remembers that a rotation was asked for, once, and of a next key only', async () => {
    const audit = { at: AT, action: 'key.rotate', outcome: 'granted' } as const;
    const ask = (id: string, place = 0) =>
      keysOf(place).askRotation(id, { at: AT, holder: undefined, audit });
    expect(await ask(kid(active))).toBe(false);
    const asked = await Promise.all([0, 1, 2].map((place) => ask(kid(next), place)));
    expect(asked.filter(Boolean)).toHaveLength(1);
    await keysOf(0).step(await succession());
    const [now] = await keysOf(0).live();
    expect(now).toMatchObject({ kid: kid(next), state: 'active', rotationAskedAt: undefined });
  });

  it('seals anew only what has not changed meanwhile', async () => {
    const [before, after] = [active?.sealed as Buffer, Buffer.from('sealed anew')];
    expect(await keysOf(0).reseal(kid(active), Buffer.from('something else'), after)).toBe(false);
    expect(await keysOf(0).reseal(kid(active), before, after)).toBe(true);
    const found = (await keysOf(0).live()).find((key) => key.kid === kid(active));
    expect(found?.sealed).toEqual(after);
  });
});
