import { createVouch } from '../broker/credentials/vouch.ts';
import type { Config } from '../config/config.ts';
import { unavailable } from '../protocol/oauth-error.ts';
import type { SigningOptions } from './keys.ts';
import { readSigning } from './keys.ts';
import type { S3StoreParts } from './s3-store.ts';
import { hasKeyEncryptionKey, loadSecrets } from './secrets.ts';

export type VouchingParts = { readonly config: Config } & Omit<SigningOptions, 'keyEncryptionKeys'>;

/**
 * Vouches for a web identity as the broker does, with its own keys and on record: whether a cloud believes it cannot be
 * found out in any other way. Makes no key.
 *
 * @throws {OAuthError} `temporarily_unavailable` where there is no key yet, or none that opens here
 */
export const createExaminersVouch = (parts: VouchingParts): S3StoreParts['vouch'] => {
  const { config, ledger } = parts;
  const open = () => {
    if (!hasKeyEncryptionKey(config))
      throw unavailable(
        'nobody can be vouched for without the key that opens the signing keys: set KEY_ENCRYPTION_KEY or DAYPASS_HOME as for the broker',
      );
    const { keyEncryptionKeys } = loadSecrets(config);
    return createVouch({
      keys: readSigning({ ...parts, keyEncryptionKeys }),
      audit: ledger.audit,
      issuer: config.issuer,
      now: ledger.clock.now,
    });
  };
  let vouch: ReturnType<typeof open> | undefined;
  return async (...asked) => {
    vouch ??= open();
    await ledger.clock.synchronise();
    return vouch(...asked);
  };
};
