import type { Issuances } from '../../ledger/ledger.ts';
import type { CloudCredentialRecord, TokenRecord } from '../../ledger/records.ts';
import type { PolicyEngine } from '../../policy/engine.ts';
import { unavailable } from '../../protocol/oauth-error.ts';
import type {
  CloudCredentials,
  Lender,
  PreparedCredentials,
} from '../../storage/cloud-credentials.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type AuditDraft, type Audited, audited } from '../audited.ts';
import { type CurrentConfiguration, underConfiguration } from '../configuration.ts';
import type { RequestContext } from '../context.ts';
import { newCredentialId } from '../identifiers.ts';
import { holder, issuedFrom, mustRetry, permit, placeOf, type Use } from '../use.ts';
import { lifetime } from './lifetime.ts';
import {
  type CredentialsRequest,
  type Settled,
  settleCredentials,
  unenforceable,
} from './settle-credentials.ts';

export interface GrantedCredentials {
  readonly record: CloudCredentialRecord;
  readonly resource: string;
  readonly credentials: CloudCredentials;
}

export interface RequestCredentialsDependencies {
  readonly configuration: CurrentConfiguration;
  readonly policy: PolicyEngine;
  readonly issuances: Issuances;
  readonly audit: Audited['audit'];
  readonly stores: (bucketId: string) => ObjectStore & Partial<Lender>;
  readonly now: () => Date;
}

/**
 * Temporary credentials of the bucket's own cloud, for everything below one prefix. They are bearer by nature and we
 * see nothing of what is done with them: so policy has a question of its own for them, they carry the name of token and
 * person, and receipts count them until they end.
 */
export const createRequestCredentials =
  (dependencies: RequestCredentialsDependencies) =>
  (
    token: TokenRecord,
    request: CredentialsRequest,
    context: RequestContext,
  ): Promise<GrantedCredentials> =>
    audited(dependencies, 'credentials.request', holder(token, context), [], (event) =>
      underConfiguration(dependencies.configuration, (inForce) => {
        const use = placeOf(token, request.resource, inForce, context, dependencies.now());
        return attempt(dependencies, use, request, event);
      }),
    );

/** Undefined where the configuration changed meanwhile and all must be decided again. */
const attempt = async (
  dependencies: RequestCredentialsDependencies,
  use: Use,
  request: CredentialsRequest,
  event: AuditDraft,
): Promise<GrantedCredentials | undefined> => {
  const now = dependencies.now();
  const settled = settleCredentials(use, request);
  const ttl = lifetime(request.ttl, use, now);
  event.detail = { prefix: settled.prefix, actions: settled.actions };
  const policies = permitAll(dependencies.policy, use, settled, ttl, now);
  Object.assign(event, { policies, policyDigest: dependencies.policy.digest });

  const record = toRecord(use, settled, ttl, now);
  // What the cloud could not be told exactly is refused before anything is recorded.
  const prepared = prepare(dependencies, record);
  const refusal = await dependencies.issuances.record({
    ...issuedFrom(use.token, use.inForce),
    credential: record,
    audit: {
      ...event,
      at: now,
      action: 'credentials.request',
      outcome: 'granted',
      scopes: use.token.scopes,
      detail: {
        credential_id: record.credentialId,
        provider: record.provider,
        prefix: settled.prefix,
        actions: settled.actions,
        session_name: record.sessionName,
        expires_at: record.expiresAt.toISOString(),
      },
    },
  });
  if (mustRetry(refusal)) return undefined;
  // Asked for only now: none exist without their record (law 1).
  const credentials = await prepared.issue(now);
  return { record, resource: use.target.id, credentials };
};

/** Asks for each part of the token by itself: each has its own limits. */
const permitAll = (
  policy: PolicyEngine,
  use: Use,
  { parts, prefix }: Settled,
  ttl: number,
  now: Date,
): readonly string[] => {
  const permits = parts.flatMap(({ detail, actions }) =>
    permit(policy, use, {
      action: 'credentials',
      storageAction: actions,
      detail,
      object: { key: prefix.slice(1) },
      ttl,
      now,
      unenforceable: unenforceable(detail, actions),
    }),
  );
  return [...new Set(permits)];
};

const prepare = (
  { stores }: Pick<RequestCredentialsDependencies, 'stores'>,
  { bucketId, actions, prefix, expiresAt, sessionName }: CloudCredentialRecord,
): PreparedCredentials => {
  const store = stores(bucketId);
  if (!store.prepareCredentials)
    throw unavailable(`bucket ${bucketId} lends no credentials in this release`);
  const keyPrefix = prefix.slice(1);
  return store.prepareCredentials({
    actions: actions as Settled['actions'],
    prefix: keyPrefix,
    expiresAt,
    sessionName,
  });
};

const toRecord = (
  { token, target }: Use,
  { actions, prefix }: Settled,
  ttl: number,
  now: Date,
): CloudCredentialRecord => ({
  credentialId: newCredentialId(now),
  provider: target.bucket.provider,
  bucketId: target.bucket.id,
  tenantId: token.tenantId,
  appId: token.appId,
  userId: token.userId,
  deviceId: token.deviceId,
  tokenId: token.tokenId,
  lineage: token.lineage,
  actions,
  prefix,
  sessionName: sessionNameOf(token),
  issuedAt: now,
  // Clouds count in whole seconds: never a moment too many.
  expiresAt: new Date(Math.floor(now.getTime() / 1000 + ttl) * 1000),
});

/** `<token_id>@<user_id>`, or the app where it acts alone: law 9 in the cloud's own log. */
const sessionNameOf = ({ tokenId, userId, appId }: TokenRecord): string =>
  `${tokenId}@${userId ?? appId}`.replaceAll(/[^\w+=,.@-]/g, '_').slice(0, 64);
