import { createPrivateKey } from 'node:crypto';
import { generateFor, publicJwkOf, signWith } from './algorithm.ts';
import type { Custody, KeptKey } from './custody.ts';
import { seal, unseal } from './envelope.ts';
import { createSigner } from './signer.ts';

/** The private half stays with us: sealed in the database, in clear only in the memory of a broker. */
export interface SealedCustody extends Custody {
  /** The key sealed under the newest key encryption key; undefined where it is already. */
  reseal(key: KeptKey): Buffer | undefined;
}

/** @param keyEncryptionKeys 32 bytes each. The first seals; each of them opens. */
export const createSealedCustody = (
  keyEncryptionKeys: readonly [Buffer, ...Buffer[]],
): SealedCustody => {
  const [newest] = keyEncryptionKeys;
  return {
    name: 'local',

    make: async (alg) => {
      const { privateKey, publicKey } = await generateFor(alg);
      const publicJwk = publicJwkOf(publicKey, alg);
      const { kid } = publicJwk;
      const clear = privateKey.export({ format: 'der', type: 'pkcs8' });
      return { kid, alg, publicJwk, custody: 'local', sealed: seal(clear, kid, newest) };
    },

    open: (key) => {
      const { clear } = unsealWithOneOf(keyEncryptionKeys, key);
      const privateKey = createPrivateKey({ key: clear, format: 'der', type: 'pkcs8' });
      return createSigner(key, (input) => signWith(key.alg, input, privateKey));
    },

    reseal: (key) => {
      const { clear, under } = unsealWithOneOf(keyEncryptionKeys, key);
      return under === newest ? undefined : seal(clear, key.kid, newest);
    },
  };
};

const unsealWithOneOf = (
  keyEncryptionKeys: readonly Buffer[],
  { kid, sealed }: KeptKey,
): { readonly clear: Buffer; readonly under: Buffer } => {
  const failures: unknown[] = [];
  for (const under of keyEncryptionKeys) {
    try {
      return { clear: unseal(sealed, kid, under), under };
    } catch (error) {
      failures.push(error);
    }
  }
  throw new Error(
    'a signing key in the database does not open: set KEY_ENCRYPTION_KEY, or KEY_ENCRYPTION_KEY_PREVIOUS, to the ' +
      'one it was sealed with',
    { cause: failures[0] },
  );
};
