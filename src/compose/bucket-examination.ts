import type { Bucket, Deployment } from '../config/deployment.ts';
import { STAGING_PREFIX } from '../scope/canonical-path.ts';
import type { BucketSettings, Known } from '../storage/bucket-settings.ts';
import { corsFix, expiryFix, lockFix, privateFix, topicFix } from './bucket-fixes.ts';
import type { Check } from './examination.ts';

/** Days after which what nobody fetched from staging may still lie there. */
const LONGEST_STAGING = 7;
const SHORTEST_SECRET = 16;

export interface BucketExamination {
  readonly bucket: Bucket;
  readonly deployment: Deployment;
  readonly settings: BucketSettings;
  /** The value of a variable that the configuration names. */
  readonly secret: (name: string) => string | undefined;
}

/** Whether a bucket is set to what its configuration takes for granted; where not, what sets it so. */
export const examineBucket = (examination: BucketExamination): readonly Check[] => [
  closed(examination),
  kept(examination),
  ...pages(examination),
  swept(examination),
  ...heard(examination),
];

type Verdict = Pick<Check, 'detail'> & { readonly fix?: string | undefined };

/** A setting that the provider does not say is no finding: it is said that nobody looked. */
const judge = <Value>(
  { id }: Bucket,
  what: string,
  setting: Known<Value>,
  verdict: (value: Value) => Verdict,
): Check => {
  const name = `bucket ${id}: ${what}`;
  if ('unknown' in setting)
    return { name, status: 'skipped', detail: `not examined: ${setting.unknown}` };
  const { detail, fix } = verdict(setting.value);
  return fix === undefined
    ? { name, status: 'ok', detail }
    : { name, status: 'failed', detail, fix };
};

/** Staging lies in it, so that the public may read nothing of it, whatever its classification. */
const closed = ({ bucket, settings }: BucketExamination): Check =>
  judge(bucket, 'public access', settings.isPublic, (isPublic) =>
    isPublic
      ? { detail: 'anybody may read it', fix: privateFix(bucket) }
      : { detail: 'closed to the public' },
  );

const kept = ({ bucket, settings }: BucketExamination): Check => {
  const { locked } = bucket.retention;
  return judge(bucket, 'retention', settings.isLocked, (isLocked) => {
    if (locked === isLocked)
      return { detail: locked ? 'objects are locked, as configured' : 'nothing is locked' };
    return locked
      ? { detail: 'configured as locked, and nothing locks its objects', fix: lockFix(bucket) }
      : {
          detail: 'the provider locks its objects, and the configuration does not say so',
          fix: `write retention: { locked: true } for bucket ${bucket.id}, so that deleting is refused up front`,
        };
  });
};

interface Wanted {
  readonly origin: string;
  readonly methods: readonly string[];
}

/** What pages of apps with grants on the bucket do by themselves, with the URLs they get. */
const wantedBy = ({ apps }: Deployment, { id }: Bucket): readonly Wanted[] =>
  apps.flatMap(({ origins, grants, enabled }) => {
    const actions = grants
      .filter(({ resource }) => resource === `bucket:${id}`)
      .flatMap((grant) => grant.actions);
    const methods = [
      ...(actions.includes('read') ? ['GET'] : []),
      ...(actions.includes('write') ? ['PUT'] : []),
    ];
    return enabled && methods.length > 0 ? origins.map((origin) => ({ origin, methods })) : [];
  });

const pages = ({ bucket, deployment, settings }: BucketExamination): readonly Check[] => {
  const wanted = wantedBy(deployment, bucket);
  if (wanted.length === 0) return [];
  const check = judge(bucket, 'CORS', settings.cors, (rules) => {
    const missing = wanted.filter(
      ({ origin, methods }) =>
        !methods.every((method) =>
          rules.some(
            (rule) =>
              rule.methods.includes(method) && rule.origins.some((one) => matches(one, origin)),
          ),
        ),
    );
    if (missing.length === 0) return { detail: 'pages of all apps may use their URLs' };
    const names = [...new Set(missing.map(({ origin }) => origin))];
    const origins = [...new Set(wanted.map(({ origin }) => origin))];
    return { detail: `refused to pages of ${names.join(', ')}`, fix: corsFix(bucket, origins) };
  });
  return [check];
};

/** `*` stands for anything, at most once, as S3 reads it. */
const matches = (pattern: string, origin: string): boolean => {
  const [start = '', end] = pattern.split('*', 2);
  return end === undefined
    ? pattern === origin
    : origin.length >= start.length + end.length &&
        origin.startsWith(start) &&
        origin.endsWith(end);
};

const swept = ({ bucket, settings }: BucketExamination): Check =>
  judge(bucket, 'staging', settings.expiry, (rules) => {
    const rule = rules.find(
      ({ prefix, days }) => prefix === STAGING_PREFIX && days <= LONGEST_STAGING,
    );
    // A rule for all would take what is to stay.
    if (rule)
      return { detail: `what is left below ${STAGING_PREFIX} goes after ${rule.days} days` };
    return { detail: `nothing clears ${STAGING_PREFIX} after us`, fix: expiryFix(bucket) };
  });

const heard = (examination: BucketExamination): readonly Check[] => {
  const { bucket } = examination;
  if (bucket.provider === 'local' || bucket.events === undefined) return [];
  return [...secretHeld(examination), ...wired(examination)];
};

const secretHeld = ({ bucket, secret }: BucketExamination): readonly Check[] => {
  const events =
    bucket.provider === 's3' || bucket.provider === 'azure' ? bucket.events : undefined;
  const name = events?.secret_env;
  if (name === undefined) return [];
  const length = secret(name)?.length ?? 0;
  const value = { value: length };
  const check = judge(bucket, 'secret of events', value, () =>
    length >= SHORTEST_SECRET
      ? { detail: `${name} is set` }
      : {
          detail: length === 0 ? `${name} is not set` : `${name} could be guessed`,
          fix: `set ${name} to 16 characters or more: openssl rand -hex 24`,
        },
  );
  return [check];
};

/** Whether the bucket tells whom its events are awaited from. By which way a secret comes, nobody knows here. */
const wired = ({ bucket, settings }: BucketExamination): readonly Check[] => {
  if (bucket.provider === 's3') {
    const { topic_arns: topics = [] } = bucket.events ?? {};
    if (topics.length === 0) return [];
    const check = judge(bucket, 'events', settings.told, (told) => {
      const missing = topics.filter((topic) => !told.includes(topic));
      if (missing.length === 0) return { detail: 'new objects are told to its topics' };
      return { detail: `nothing is told to ${missing.join(', ')}`, fix: topicFix(bucket, topics) };
    });
    return [check];
  }
  const check = judge(bucket, 'events', settings.told, (told) =>
    told.length > 0
      ? { detail: `new objects are told to ${told.join(', ')}` }
      : { detail: 'new objects are told to nobody', fix: topicFix(bucket, []) },
  );
  return [check];
};
