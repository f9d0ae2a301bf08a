import type { TokenRecord } from '../../ledger/records.ts';
import type { StorageAction, StorageDetail } from '../../protocol/authorization-details.ts';
import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { canonicalDecodedPrefix, isUnder } from '../../scope/canonical-path.ts';
import { partsWith, type Use } from '../use.ts';

/** What is asked for. */
export interface CredentialsRequest {
  readonly resource: string | undefined;
  readonly actions: readonly StorageAction[];
  readonly prefix: string | undefined;
  /** Seconds. */
  readonly ttl: number | undefined;
}

/** What would be lent: each action, below one prefix, by a part of the token that holds it. */
export interface Settled {
  readonly actions: readonly StorageAction[];
  /** With its first slash. */
  readonly prefix: string;
  /** Each action once, with the others that the same part of the token holds. */
  readonly parts: readonly {
    readonly detail: StorageDetail;
    readonly actions: readonly StorageAction[];
  }[];
}

/**
 * What a token may have of a bucket's cloud, before policy is asked.
 *
 * @throws {OAuthError} `invalid_scope` for an action or a prefix beyond what the token holds, `invalid_request`
 *   where the bucket lends none, or none of that kind.
 */
export const settleCredentials = (use: Use, request: CredentialsRequest): Settled => {
  const actions = [...new Set(request.actions)];
  mustLend(use, actions);
  const prefix = prefixOf(use.token, actions, request.prefix);
  // Staging and quarantine lie in the whole bucket, and in no folder that a token can name.
  if (prefix === '/') throw wholeBucket();
  const parts = new Map<StorageDetail, StorageAction[]>();
  for (const action of actions) {
    const detail = partFor(use.token, action, prefix);
    parts.set(detail, [...(parts.get(detail) ?? []), action]);
  }
  return {
    actions,
    prefix,
    parts: [...parts].map(([detail, held]) => ({ detail, actions: held })),
  };
};

/** Constraints of a token that no cloud holds the user of temporary credentials to. Listing shows names alone. */
export const unenforceable = (
  { max_size, content_types }: StorageDetail,
  actions: readonly StorageAction[],
): readonly string[] => {
  if (actions.every((action) => action === 'list')) return [];
  return [
    ...(max_size === undefined ? [] : ['max_size']),
    ...(content_types === undefined ? [] : ['content_types']),
  ];
};

const mustLend = ({ target: { bucket } }: Use, actions: readonly StorageAction[]): void => {
  if (bucket.provider === 'local') {
    throw refuse('resource', {
      rule: 'no_cloud',
      message: 'the bucket is on a local disk: there is no cloud whose credentials could be lent',
      remedy: 'use /request-upload, /request-download and /objects',
    });
  }
  if (bucket.temporary_credentials === undefined) {
    throw refuse('resource', {
      rule: 'not_offered',
      message: 'the bucket lends no credentials of its cloud',
      remedy:
        'use /request-upload and /request-download, or ask the platform team for temporary_credentials',
    });
  }
  if (actions.includes('write') && !bucket.temporary_credentials.direct_write) {
    throw refuse('actions', {
      rule: 'not_inspected',
      message:
        'what is written with credentials of the cloud is not inspected, and this bucket does not allow that',
      remedy:
        'use /request-upload, or ask the platform team for temporary_credentials.direct_write',
    });
  }
};

/** What is asked for, or the folder of the first part that holds the first action. */
const prefixOf = (
  token: TokenRecord,
  actions: readonly StorageAction[],
  asked: string | undefined,
): string => {
  if (asked !== undefined) return canonicalDecodedPrefix(asked);
  const first = actions[0];
  return (first === undefined ? undefined : partsWith(token, first)[0]?.prefix) ?? '/';
};

const partFor = (token: TokenRecord, action: StorageAction, prefix: string): StorageDetail => {
  const parts = partsWith(token, action);
  const part = parts.find((one) => isUnder(one.prefix ?? '/', prefix));
  if (part) return part;
  throw new OAuthError('invalid_scope', 'the prefix is beyond what the token holds', {
    violations: [
      {
        field: 'prefix',
        rule: 'exceeds_grant',
        message: `for "${action}" the token reaches below ${parts.map((one) => one.prefix ?? '/').join(' or ')}`,
        remedy: 'leave the prefix out, or name one below that',
      },
    ],
  });
};

const wholeBucket = (): OAuthError =>
  refuse('prefix', {
    rule: 'whole_bucket',
    message:
      'no credentials are lent for a whole bucket: it holds uploads that are not inspected yet',
    remedy: 'name a folder, such as /reports/',
  });

const refuse = (field: string, violation: Omit<Violation, 'field'>): OAuthError =>
  new OAuthError('invalid_request', 'no credentials are lent for this', {
    violations: [{ field, ...violation }],
  });
