import type { App } from '../config/deployment.ts';
import type { QuotaClaim, Quotas } from '../ledger/ledger.ts';
import type { Reservation } from '../ledger/records.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/**
 * Takes from an app's limits, which hold for each of its users (for the app itself where it acts alone).
 *
 * @throws {OAuthError} `too_many_requests` with `Retry-After` and the `RateLimit` header fields.
 */
const take = async (quotas: Quotas, name: string, claim: QuotaClaim): Promise<void> => {
  const { taken, retryAfter } = await quotas.take(claim);
  if (taken) return;
  throw new OAuthError('too_many_requests', `the limit of ${name} is reached`, {
    retryAfter,
    headers: {
      'RateLimit-Policy': `"${name}";q=${claim.limit};w=${claim.windowSeconds}`,
      RateLimit: `"${name}";r=0;t=${retryAfter}`,
    },
    violations: [
      {
        field: 'app_id',
        rule: name,
        message: `${claim.limit} in ${claim.windowSeconds} s is the limit for a user of this app`,
        remedy: `wait ${retryAfter} s, or ask the platform team for a higher limit`,
      },
    ],
  });
};

const claim = (
  name: string,
  app: App,
  userId: string | undefined,
  measures: Omit<QuotaClaim, 'id'>,
): QuotaClaim => ({ id: `${name}:${app.id}:${userId ?? ''}`, ...measures });

/** @returns what gives it back, for an exchange that was not recorded after all. */
export const takeExchange = async (
  quotas: Quotas,
  app: App,
  userId: string | undefined,
  now: Date,
): Promise<() => Promise<void>> => {
  const limit = app.limits?.exchanges_per_minute;
  if (limit === undefined) return NOTHING_TAKEN;
  const measures = { limit, windowSeconds: MINUTE, amount: 1, now };
  const taken = claim('exchanges', app, userId, measures);
  await take(quotas, 'exchanges_per_minute', taken);
  return () => quotas.refund(taken);
};

const NOTHING_TAKEN = async (): Promise<void> => {};

/** Waiting does not help: no day is ever long enough for it. */
const neverFits = (bytes: number): OAuthError =>
  new OAuthError('invalid_request', 'the upload is larger than the app may upload in a day', {
    violations: [
      {
        field: 'size',
        rule: 'bytes_per_day',
        message: `a user of this app may upload ${bytes} bytes in a day`,
        remedy: 'upload a smaller file, or ask the platform team for a higher limit',
      },
    ],
  });

/** What an upload took: `refund` is for one that was not recorded after all, the ledger knows the rest. */
export interface TakenUpload {
  readonly reserved: readonly Reservation[];
  readonly refund: () => Promise<void>;
}

export const takeUpload = async (
  quotas: Quotas,
  app: App,
  userId: string | undefined,
  size: number,
  now: Date,
): Promise<TakenUpload> => {
  const { uploads_per_hour: uploads, bytes_per_day: bytes } = app.limits ?? {};
  if (bytes !== undefined && size > bytes) throw neverFits(bytes);
  const taken: QuotaClaim[] = [];
  const refund = async (): Promise<void> => {
    for (const each of taken) await quotas.refund(each);
  };
  const reserve = async (name: string, each: QuotaClaim): Promise<void> => {
    await take(quotas, name, each);
    taken.push(each);
  };
  try {
    if (uploads !== undefined) {
      const measures = { limit: uploads, windowSeconds: HOUR, amount: 1, now };
      await reserve('uploads_per_hour', claim('uploads', app, userId, measures));
    }
    if (bytes !== undefined) {
      const measures = { limit: bytes, windowSeconds: DAY, amount: size, now };
      await reserve('bytes_per_day', claim('bytes', app, userId, measures));
    }
  } catch (error) {
    await refund();
    throw error;
  }
  return { reserved: taken, refund };
};
