import { hash, timingSafeEqual } from 'node:crypto';
import type { App } from '../config/deployment.ts';
import { hasExpired } from '../config/expiry.ts';

/** How a secret is kept. A salt would hide nothing: nobody guesses 32 random bytes. */
export const hashOfSecret = (secret: string): string => `sha256:${hash('sha256', secret, 'hex')}`;

/** The hashes of an app's secrets that are good now: two while one replaces the other. */
export const secretHashesOf = (app: App | undefined, now: Date): readonly string[] =>
  goodNow(app?.secret_hash ?? [], now);

type Kept = NonNullable<App['secret_hash']>;

const goodNow = (kept: Kept, now: Date): readonly string[] =>
  kept
    .filter((each) => typeof each === 'string' || !hasExpired(each, now))
    .map((each) => (typeof each === 'string' ? each : each.hash));

export const isSecretOf = (app: App | undefined, secret: string, now: Date): boolean =>
  isKeptSecret(app?.secret_hash ?? [], secret, now);

export const isKeptSecret = (kept: Kept, secret: string, now: Date): boolean => {
  const given = Buffer.from(hashOfSecret(secret));
  // Each is compared, so that the time taken does not tell which one matched.
  return goodNow(kept, now)
    .map((each) => timingSafeEqual(Buffer.from(each), given))
    .includes(true);
};
