import { createSealedKey, type KeyRing, openKeyRing } from '../keys/signer.ts';
import type { PostgresLedger } from '../ledger/postgres/postgres-ledger.ts';

/** The signing keys of the deployment; the first one is made by whichever instance starts first. */
export const loadKeys = async (
  { signingKeys, clock }: PostgresLedger,
  keyEncryptionKey: Buffer,
): Promise<KeyRing> => {
  const known = await signingKeys.list();
  if (known.some(({ state }) => state === 'active')) return openKeyRing(known, keyEncryptionKey);
  await signingKeys.insertFirst(createSealedKey(keyEncryptionKey, clock.now()));
  return openKeyRing(await signingKeys.list(), keyEncryptionKey);
};
