import type { AuditTrail, Objects, Page } from '../../ledger/ledger.ts';
import type { ObjectRecord, TokenRecord } from '../../ledger/records.ts';
import type { PolicyEngine } from '../../policy/engine.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { canonicalDecodedPrefix, isUnder } from '../../scope/canonical-path.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type AuditDraft, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { noSuchObject } from '../own-object.ts';
import {
  heldBy,
  holder,
  issuedFrom,
  mustRetry,
  mustStillHold,
  partsWith,
  permit,
  placeOf,
  type Use,
} from '../use.ts';

export interface ObjectsDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly objects: Objects;
  readonly audit: Pick<AuditTrail, 'append' | 'appendUse'>;
  readonly stores: (bucketId: string) => ObjectStore;
  readonly now: () => Date;
}

/** The available objects below a prefix the token may list; without one, below all of them. */
export const createListObjects =
  (dependencies: ObjectsDependencies) =>
  (
    token: TokenRecord,
    asked: { readonly resource: string | undefined; readonly prefix: string | undefined },
    page: Page,
    context: RequestContext,
  ): Promise<readonly ObjectRecord[]> =>
    audited(dependencies, 'object.list', holder(token, context), [], async (event) => {
      const now = dependencies.now();
      const listed = await underConfiguration(dependencies.configuration, (inForce) =>
        list(
          dependencies,
          placeOf(token, asked.resource, inForce, context, now),
          asked.prefix,
          page,
        ),
      );
      // A listing is a use of the token: it is on record, as one of a token that still holds, before the
      // answer is seen.
      const use = {
        ...event,
        at: now,
        action: 'object.list',
        outcome: 'granted',
        policies: listed.policies,
        detail: { prefixes: listed.prefixes, count: listed.objects.length },
      } as const;
      mustStillHold(await dependencies.audit.appendUse(use, heldBy(token)));
      return listed.objects;
    });

const list = async (
  { policy, objects, now }: ObjectsDependencies,
  use: Use,
  asked: string | undefined,
  page: Page,
): Promise<Listed> => {
  const folders = foldersOf(partsWith(use.token, 'list'), asked);
  const at = now();
  const permits = folders.flatMap(({ prefix, detail }) =>
    permit(policy, use, {
      action: 'list',
      storageAction: 'list',
      detail,
      object: { key: prefix.slice(1) },
      ttl: 0,
      now: at,
    }),
  );
  const prefixes = folders.map(({ prefix }) => prefix);
  const keyPrefixes = prefixes.map((prefix) => prefix.slice(1));
  const below = await objects.list(use.target.bucket.id, keyPrefixes, page);
  return {
    prefixes,
    policies: [...new Set(permits)],
    // What policy was asked about, and nothing else, whatever the ledger takes a prefix for.
    objects: below.filter(({ key }) => prefixes.some((prefix) => isUnder(prefix, `/${key}`))),
  };
};

interface Listed {
  readonly prefixes: readonly string[];
  readonly policies: readonly string[];
  readonly objects: readonly ObjectRecord[];
}

interface Folder {
  readonly prefix: string;
  /** The part of the token that reaches it. */
  readonly detail: StorageDetail;
}

/** What is listed: the prefix that was asked for, or the prefix of every part that may list. */
const foldersOf = (
  parts: readonly StorageDetail[],
  asked: string | undefined,
): readonly Folder[] => {
  if (asked === undefined) return parts.map((detail) => ({ prefix: prefixOf(detail), detail }));
  const prefix = canonicalDecodedPrefix(asked);
  const detail = parts.find((part) => isUnder(prefixOf(part), prefix));
  if (!detail) throw beyondPrefix(parts.map(prefixOf).join(' or '));
  return [{ prefix, detail }];
};

const prefixOf = ({ prefix }: StorageDetail): string => prefix ?? '/';

export const createDeleteObject =
  (dependencies: ObjectsDependencies) =>
  (token: TokenRecord, objectId: string, context: RequestContext): Promise<void> =>
    audited(dependencies, 'object.delete', holder(token, context), [], async (event) => {
      const { bucketId, key } = await underConfiguration(dependencies.configuration, (inForce) => {
        const use = placeOf(token, undefined, inForce, context, dependencies.now());
        return markDeleted(dependencies, use, objectId, event);
      });
      await dependencies.stores(bucketId).delete(key);
      // Where this is not written, the poller takes them away once more.
      const since = dependencies.now();
      await dependencies.objects
        .placed(objectId, 'deleted', { bytes: 'not_at_home', since })
        .catch(() => undefined);
    });

/**
 * First the row, so that nobody reads it any more. Bytes that are left behind, by a crash or while the storage is out,
 * are taken away by the poller.
 */
const markDeleted = async (
  { objects, policy, now }: ObjectsDependencies,
  use: Use,
  objectId: string,
  event: AuditDraft,
): Promise<ObjectRecord | undefined> => {
  const parts = partsWith(use.token, 'delete');
  const object = await objects.find(objectId);
  const detail = parts.find((part) => isUnder(prefixOf(part), `/${object?.key ?? ''}`));
  const isHere = object?.bucketId === use.target.bucket.id && object.status === 'available';
  if (!object || !isHere || !detail) throw noSuchObject();
  event.objectId = object.objectId;

  const at = now();
  event.policies = permit(policy, use, {
    action: 'delete',
    storageAction: 'delete',
    detail,
    object: { key: object.key, size: object.size, contentType: object.contentType },
    ttl: 0,
    now: at,
  });
  const refusal = await objects.advance({
    objectId: object.objectId,
    from: ['available'],
    to: 'deleted',
    at,
    holder: issuedFrom(use.token, use.inForce),
    audit: {
      ...event,
      at,
      action: 'object.delete',
      outcome: 'granted',
      detail: { key: object.key },
    },
  });
  if (refusal === 'moved_on') throw noSuchObject();
  return mustRetry(refusal) ? undefined : object;
};

const beyondPrefix = (held: string): OAuthError =>
  new OAuthError('invalid_scope', 'the prefix is beyond what the token holds', {
    violations: [
      {
        field: 'prefix',
        rule: 'exceeds_grant',
        message: `the token lists below ${held}`,
        remedy: 'leave the prefix out, or name one below that',
      },
    ],
  });
