import { unavailable } from '../../protocol/oauth-error.ts';
import type { S3Credentials } from './signature-v4.ts';

/** Credentials that last for so many seconds from now: at once where they are at hand. */
export type CredentialSource = (seconds: number) => S3Credentials | Promise<S3Credentials>;

/** Renewed this long before they end, or at half their life where that is less: the longest URL lives 15 min. */
const AHEAD_MS = 20 * 60_000;
/** After a renewal that failed, while those at hand still hold. */
const RETRY_MS = 10_000;

interface Held {
  readonly credentials: S3Credentials;
  readonly renewAt: number;
}

/**
 * Temporary credentials, kept until shortly before they end and renewed by one request at a time. Whoever needs
 * none but those at hand waits for no renewal, and no renewal that fails takes them away.
 *
 * @throws {OAuthError} `temporarily_unavailable` (by the source) where the session ends before it is to be used.
 */
export const holdCredentials = (
  load: () => Promise<S3Credentials>,
  now: () => Date,
): CredentialSource => {
  let held: Held | undefined;
  let loading: Promise<S3Credentials> | undefined;
  let notBefore = 0;

  const renew = (): Promise<S3Credentials> => {
    loading ??= load()
      .then(
        (credentials) => {
          held = { credentials, renewAt: renewalOf(credentials, now()) };
          return credentials;
        },
        (error: unknown) => {
          notBefore = now().getTime() + RETRY_MS;
          throw error;
        },
      )
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  return (seconds) => {
    const at = now().getTime();
    const until = at + seconds * 1000;
    if (held === undefined || !lasts(held.credentials, until)) {
      return renew().then((credentials) => {
        if (lasts(credentials, until)) return credentials;
        throw unavailable('the storage session ends too soon');
      });
    }
    if (at >= held.renewAt && at >= notBefore) renew().catch(() => undefined);
    return held.credentials;
  };
};

const lasts = ({ expiresAt }: S3Credentials, until: number): boolean =>
  expiresAt === undefined || expiresAt.getTime() >= until;

const renewalOf = ({ expiresAt }: S3Credentials, now: Date): number => {
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY;
  const left = expiresAt.getTime() - now.getTime();
  return expiresAt.getTime() - Math.min(AHEAD_MS, left / 2);
};
