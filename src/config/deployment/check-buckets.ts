import { isSafeTransport, webUrl } from '../url.ts';
import type { Draft, Entry } from './draft.ts';
import type { Finding } from './finding.ts';
import type { Bucket } from './schema.ts';

/** A signed URL sent in clear is anybody's: http to another machine is for development only. */
const transport = ({ path, value }: Entry<Bucket>, production: boolean): Finding[] => {
  const url = webUrl(value.endpoint ?? '');
  if (!production || url === undefined || isSafeTransport(url)) return [];
  return [
    {
      path: [...path, 'endpoint'],
      rule: 'https',
      message: 'must be https in production',
      remedy: 'put TLS in front of the server',
    },
  ];
};

/** Members that go together: some without the others would fall back to another identity, unseen. */
const PAIRS = {
  s3: ['access_key_id_env', 'secret_access_key_env'],
  azure: ['account', 'account_key_env'],
} as const;

const credentials = ({ path, value }: Entry<Bucket>): Finding[] => {
  const given = Object.keys(value.credentials);
  const at = [...path, 'credentials'];
  if (given.includes('web_identity') && given.some((name) => name.endsWith('_env'))) {
    return [
      {
        path: at,
        rule: 'one_identity',
        message: 'names both keys and a web_identity',
        remedy: 'keep web_identity: it leaves no standing secret',
      },
    ];
  }
  if (value.provider !== 's3' && value.provider !== 'azure') return [];
  const pair = PAIRS[value.provider];
  const keys = given.filter((name) => name.endsWith('_env'));
  const missing = keys.length > 0 ? pair.filter((name) => !given.includes(name)) : [];
  return missing.map((name) => ({
    path: at,
    rule: 'together',
    message: `${keys.join(', ')} without ${name}`,
    remedy: `add ${name}, or write {} for ambient credentials`,
  }));
};

const neverIf = (
  isSo: boolean,
  path: Entry<Bucket>['path'],
  member: string,
  message: string,
  remedy: string,
): Finding[] =>
  isSo ? [{ path: [...path, member], rule: 'never_in_effect', message, remedy }] : [];

/** What is said and could never take effect. */
const inVain = ({ path, value }: Entry<Bucket>): Finding[] => [
  ...neverIf(
    value.provider === 's3' && value.path_style !== undefined && value.endpoint === undefined,
    path,
    'path_style',
    'AWS has the bucket in the host name',
    'leave it out, or name the endpoint it is for',
  ),
  ...neverIf(
    value.provider === 's3' &&
      value.encryption?.sse === 'AES256' &&
      value.encryption.kms_key_id !== undefined,
    path,
    'encryption',
    'names a key that AES256 does not use',
    'write sse: aws:kms, or leave kms_key_id out',
  ),
  ...neverIf(
    value.provider === 'azure' &&
      value.pin_headers &&
      value.credentials.account_key_env !== undefined,
    path,
    'pin_headers',
    'an account key cannot pin headers',
    'leave account_key_env out, so that a user delegation key signs',
  ),
  ...neverIf(
    value.provider === 'gcs' &&
      value.credentials.sign_as !== undefined &&
      Object.keys(value.credentials).length > 1,
    path,
    'credentials',
    'sign_as is for ambient credentials',
    'leave sign_as out: the identity that is named signs as itself',
  ),
  ...neverIf(
    value.provider !== 'local' &&
      value.retention.locked &&
      value.temporary_credentials?.direct_write === true,
    path,
    'temporary_credentials',
    'nobody writes directly to a bucket that is locked for retention',
    'leave direct_write out',
  ),
];

export const checkBuckets = (
  { buckets }: Draft,
  { production }: { readonly production: boolean },
): Finding[] =>
  buckets.entries.flatMap((entry) => [
    ...transport(entry, production),
    ...credentials(entry),
    ...inVain(entry),
  ]);
