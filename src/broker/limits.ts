import type { App, Bucket, Tenant } from '../config/deployment.ts';
import type { QuotaClaim, Quotas, Shortage } from '../ledger/ledger.ts';
import type { Reservation } from '../ledger/records.ts';
import { OAuthError, type Violation } from '../protocol/oauth-error.ts';

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** One limit that something takes from, in the words of its refusal. */
interface Take {
  readonly name: string;
  /** Whose it is: `a user of this app`. */
  readonly whose: string;
  readonly field: string;
  readonly claim: QuotaClaim;
}

/** @throws {OAuthError} `too_many_requests` with `Retry-After` and the `RateLimit` header fields. */
const takeAll = async (quotas: Quotas, takes: readonly Take[], now: Date): Promise<void> => {
  if (takes.length === 0) return;
  const claims = takes.map(({ claim }) => claim);
  const shortages = await quotas.take(claims, now);
  const missing = takes.flatMap((take): Missing[] => {
    const shortage = shortages.find(({ claim }) => claim.id === take.claim.id);
    return shortage ? [{ ...take, ...shortage }] : [];
  });
  if (missing.length > 0) throw tooMany(missing);
};

type Missing = Take & Shortage;

/** draft-ietf-httpapi-ratelimit-headers: every limit that is reached, each as an item of the list. */
const tooMany = (missing: readonly Missing[]): OAuthError => {
  const names = missing.map(({ name }) => name);
  return new OAuthError('too_many_requests', `the limit of ${names.join(', ')} is reached`, {
    retryAfter: Math.max(...missing.map(({ retryAfter }) => retryAfter)),
    headers: {
      'RateLimit-Policy': missing.map(policyOf).join(', '),
      RateLimit: missing.map(({ name, retryAfter }) => `"${name}";r=0;t=${retryAfter}`).join(', '),
    },
    violations: missing.map(violationOf),
  });
};

/** A limit on how many there may be at once has no window. */
const isAtOnce = ({ windowSeconds }: QuotaClaim): boolean => windowSeconds === 0;

const policyOf = ({ name, claim }: Take): string =>
  `"${name}";q=${claim.limit}${isAtOnce(claim) ? '' : `;w=${claim.windowSeconds}`}`;

const violationOf = ({ name, whose, field, claim, retryAfter }: Missing): Violation => ({
  field,
  rule: name,
  message: `${claim.limit} ${isAtOnce(claim) ? 'at once' : `in ${claim.windowSeconds} s`} is the limit for ${whose}`,
  remedy: isAtOnce(claim)
    ? 'finish or wait for an upload that is under way, or ask the platform team for a higher limit'
    : `wait ${retryAfter} s, or ask the platform team for a higher limit`,
});

/** @returns what gives it back, for an exchange that was not recorded after all. */
export const takeExchange = async (
  quotas: Quotas,
  app: App,
  userId: string | undefined,
  now: Date,
): Promise<() => Promise<void>> => {
  const limit = app.limits?.exchanges_per_minute;
  if (limit === undefined) return NOTHING_TAKEN;
  const id = `exchanges:${app.id}:${userId ?? ''}`;
  const claim = { id, limit, windowSeconds: MINUTE, amount: 1 };
  const whose = 'a user of this app';
  await takeAll(quotas, [{ name: 'exchanges_per_minute', whose, field: 'app_id', claim }], now);
  return () => quotas.refund([claim], now);
};

const NOTHING_TAKEN = async (): Promise<void> => {};

/** Whom an upload is for and where it goes: each may have limits of its own. */
export interface UploadTaker {
  readonly app: App;
  readonly tenant: Tenant | undefined;
  readonly bucket: Bucket;
  readonly userId: string | undefined;
}

export interface UploadToTake {
  readonly objectId: string;
  /** Bytes, as declared. What arrives with another size is rejected, and given back. */
  readonly size: number;
  /** By when it has arrived, or never will. */
  readonly arrivesBy: Date;
}

/**
 * Takes an upload from every limit that it falls under: all of them, or none. What is taken is held for it until it is
 * settled, and given back where it never comes on record.
 *
 * @returns what it took from windows: the ledger gives that back where the upload comes to nothing.
 * @throws {OAuthError} `too_many_requests`; `invalid_request` for one that no day is long enough for.
 */
export const takeUpload = async (
  quotas: Quotas,
  taker: UploadTaker,
  upload: UploadToTake,
  now: Date,
): Promise<readonly Reservation[]> => {
  const scopes = scopesOf(taker);
  for (const scope of scopes) mustEverFit(scope, upload);
  const takes = scopes.flatMap((scope) => takesOf(scope, upload));
  await takeAll(quotas, takes, now);
  return takes.map(({ claim }) => claim).filter((claim) => !isAtOnce(claim));
};

/** Limits of uploads, and whom they are shared by. */
interface Scope {
  readonly limits: UploadLimits | undefined;
  /** Between the measure's name and who it is: what the counter is called. */
  readonly counter: string;
  /** Before the measure's name, in refusals. */
  readonly prefix: string;
  readonly whose: string;
  readonly field: string;
}

type UploadLimits = NonNullable<Bucket['limits']>;

const scopesOf = ({ app, tenant, bucket, userId }: UploadTaker): readonly Scope[] => [
  {
    limits: app.limits,
    counter: `:${app.id}:${userId ?? ''}`,
    prefix: '',
    whose: 'a user of this app',
    field: 'app_id',
  },
  {
    limits: app.limits?.all_users,
    counter: `/app:${app.id}`,
    prefix: 'app_',
    whose: 'all users of this app together',
    field: 'app_id',
  },
  {
    // An app that acts for itself is no user.
    limits: userId === undefined ? undefined : tenant?.limits?.each_user,
    counter: `/user:${userId ?? ''}`,
    prefix: 'user_',
    whose: 'a user, over all apps',
    field: 'Authorization',
  },
  {
    limits: tenant?.limits,
    counter: `/tenant:${tenant?.id ?? ''}`,
    prefix: 'tenant_',
    whose: 'the tenant',
    field: 'Authorization',
  },
  {
    limits: bucket.limits,
    counter: `/bucket:${bucket.id}`,
    prefix: 'bucket_',
    whose: 'the bucket',
    field: 'resource',
  },
];

const takesOf = (scope: Scope, { objectId, size, arrivesBy }: UploadToTake): readonly Take[] => {
  const {
    uploads_per_hour: uploads,
    bytes_per_day: bytes,
    live_uploads: live,
  } = scope.limits ?? {};
  const hold = { objectId, until: arrivesBy };
  const take = (
    measure: string,
    counter: string,
    claim: Omit<QuotaClaim, 'id' | 'hold'>,
  ): Take => ({
    name: scope.prefix + measure,
    whose: scope.whose,
    field: scope.field,
    claim: { id: counter + scope.counter, hold, ...claim },
  });
  return [
    uploads !== undefined &&
      take('uploads_per_hour', 'uploads', { limit: uploads, windowSeconds: HOUR, amount: 1 }),
    bytes !== undefined &&
      take('bytes_per_day', 'bytes', { limit: bytes, windowSeconds: DAY, amount: size }),
    live !== undefined &&
      take('live_uploads', 'live', { limit: live, windowSeconds: 0, amount: 1 }),
  ].filter((each) => each !== false);
};

/** Where it cannot, waiting does not help: no day is ever long enough for it. */
const mustEverFit = ({ limits, prefix, whose }: Scope, { size }: UploadToTake): void => {
  const bytes = limits?.bytes_per_day;
  if (bytes === undefined || size <= bytes) return;
  throw new OAuthError('invalid_request', 'the upload is larger than may be uploaded in a day', {
    violations: [
      {
        field: 'size',
        rule: `${prefix}bytes_per_day`,
        message: `${bytes} bytes in a day is the limit for ${whose}`,
        remedy: 'upload a smaller file, or ask the platform team for a higher limit',
      },
    ],
  });
};
