import type { SigningKeyRecord } from '../../ledger/signing-keys.ts';
import { dueStep } from './life-cycle.ts';
import { createTakeStep, type KeyDependencies } from './steps.ts';

/**
 * One round of what keys need without being asked: reads them, and takes whatever step is due. Each instance
 * does this each second; the ledger lets one of them take a step.
 */
export const createFollowSchedule = (dependencies: KeyDependencies): (() => Promise<void>) => {
  const { keys, settings, algorithms, now } = dependencies;
  const take = createTakeStep(dependencies);
  return async () => {
    const live = await keys.refresh();
    // Keys of an algorithm that is no longer asked for live on like the others.
    const all = new Set([...algorithms(), ...live.map(({ alg }) => alg)]);
    for (const alg of all) {
      const mine = live.filter((key: SigningKeyRecord) => key.alg === alg);
      await take(alg, dueStep(mine, settings(), now()), mine, { by: 'schedule' });
    }
  };
};
