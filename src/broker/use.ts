import type { App } from '../config/deployment.ts';
import { hasExpired } from '../config/expiry.ts';
import type { Holder, Issuance, IssuanceRefusal, UseRefusal } from '../ledger/ledger.ts';
import type { AuditRecord, TokenRecord } from '../ledger/records.ts';
import type { Action, ObjectInQuestion, PolicyEngine, Question } from '../policy/engine.ts';
import { mustPermit } from '../policy/engine.ts';
import type { StorageAction, StorageDetail } from '../protocol/authorization-details.ts';
import { OAuthError, unproven } from '../protocol/oauth-error.ts';
import { isUnder } from '../scope/canonical-path.ts';
import { admits } from '../scope/media-range.ts';
import type { InForce } from './configuration.ts';
import type { RequestContext } from './context.ts';
import { authoritiesOf } from './exchange/authority.ts';
import { constraintsOf, policyUser } from './exchange/question.ts';
import { isPassing, refused } from './exchange/refused.ts';
import { chainInQuestion, mustAllStand } from './exchange/standing.ts';
import { grantsFor, policyResource, type Target, toDetail } from './exchange/target.ts';
import { mustComeFromItsOrigin } from './origin.ts';

/** The use of a token on one bucket: what it may still do there, now. */
export interface Use {
  readonly token: TokenRecord;
  readonly app: App;
  readonly target: Extract<Target, { kind: 'bucket' }>;
  readonly inForce: InForce;
}

/**
 * Where a token is used: its own bucket, through its own app, both as they stand now.
 *
 * @throws {OAuthError} `invalid_target` where it is for another resource, `access_denied` where the app
 *   has been disabled or its origin is another's.
 */
export const placeOf = (
  token: TokenRecord,
  resource: string | undefined,
  inForce: InForce,
  context: RequestContext,
  now: Date,
): Use => {
  if (resource !== undefined && resource !== token.resource) throw otherResource();
  const app = inForce.index.app(token.appId);
  if (!app?.enabled || hasExpired(app, now)) throw unproven('the app of the token is gone');
  if (!isIssuerTrusted(token, inForce)) throw unproven('the issuer of the sign-in is gone');
  mustAllStand(token.actors, inForce, now);
  mustComeFromItsOrigin(app, context);
  const bucket = inForce.index.bucket(token.resource.slice('bucket:'.length));
  if (!token.resource.startsWith('bucket:') || !bucket || bucket.tenant !== token.tenantId) {
    throw otherResource();
  }
  return { token, app, target: { kind: 'bucket', id: token.resource, bucket }, inForce };
};

/** Whether the issuer behind a token is still believed; a client alone has none. */
export const isIssuerTrusted = ({ issuerId }: TokenRecord, { index }: InForce): boolean =>
  issuerId === undefined || index.issuerById(issuerId)?.enabled === true;

/** The parts of a token that hold an action. @throws {OAuthError} `invalid_scope` where none does. */
export const partsWith = (token: TokenRecord, action: StorageAction): readonly StorageDetail[] => {
  const parts = token.authorizationDetails.filter(({ actions }) => actions.includes(action));
  if (parts.length > 0) return parts;
  throw new OAuthError('invalid_scope', `the token does not hold "${action}"`, {
    violations: [
      {
        field: 'Authorization',
        rule: 'action_not_held',
        message: `the token does not hold the action "${action}"`,
        remedy: `exchange for a token with "${action}" among its actions`,
      },
    ],
  });
};

/**
 * Asks policy about the use of a token, with the attributes it was issued under and the app's grant as
 * it stands now: what was taken from the grant is gone for tokens already out.
 */
export const permit = (
  policy: PolicyEngine,
  { token, app, target, inForce }: Use,
  use: {
    readonly action: Action;
    /** All of them, where one credential is for several. */
    readonly storageAction: StorageAction | readonly StorageAction[];
    readonly detail: StorageDetail;
    readonly object: ObjectInQuestion;
    readonly ttl: number;
    readonly now: Date;
    /** What nobody would hold the credential to. */
    readonly unenforceable?: readonly string[];
    /** What the broker holds it to when it looks at what has arrived, and nobody before. */
    readonly checkedAfterwards?: readonly string[];
  },
): readonly string[] => {
  const asked = [use.storageAction].flat();
  const grants = grantsFor(app, target)
    .filter(({ actions }) => asked.every((action) => actions.includes(action)))
    .map(({ max_ttl, ...grant }) => ({ ...toDetail(grant, app, token.userId), max_ttl }));
  // Where none holds the object, policy says of the first what it lacks.
  const grant = grants.find((one) => holdsObject(one, use.object)) ?? grants[0];
  const question: Question = {
    action: use.action,
    ...(token.userId !== undefined &&
      token.issuerId !== undefined && {
        user: policyUser(
          { userId: token.userId, issuerId: token.issuerId, attributes: token.attributes },
          token.tenantId,
        ),
      }),
    app: { id: app.id, tenant: app.tenant, type: app.type, owner: app.owner },
    resource: policyResource(target, token.tenantId, inForce),
    actions: asked,
    constraints: constraintsOf(use.detail),
    ...(grant && {
      grant: {
        actions: grant.actions,
        ...constraintsOf(grant),
        ...(grant.max_ttl === undefined ? {} : { max_ttl: grant.max_ttl }),
      },
    }),
    ttl: use.ttl,
    ttlCeiling: use.ttl === 0 ? 0 : Math.floor(authorityLeft(token, use.now)),
    bound: token.binding !== undefined,
    ...(token.lawfulBasis === undefined ? {} : { lawfulBasis: token.lawfulBasis }),
    object: use.object,
    ...(use.unenforceable === undefined ? {} : { unenforceable: use.unenforceable }),
    ...(use.checkedAfterwards === undefined ? {} : { checkedAfterwards: use.checkedAfterwards }),
    ...chainInQuestion(token.actors, inForce),
  };
  return mustPermit(policy.decide(question));
};

const holdsObject = (grant: StorageDetail, { key, size, contentType }: ObjectInQuestion): boolean =>
  isUnder(grant.prefix ?? '/', `/${key}`) &&
  (size === undefined || size <= (grant.max_size ?? size)) &&
  (contentType === undefined || admits(grant.content_types ?? ['*/*'], contentType));

/** What any credential issued from a token must still be true of it in the issuing instant. */
export const issuedFrom = (
  token: TokenRecord,
  inForce: InForce,
): Pick<Issuance, 'configuration' | 'keys' | 'authorities' | 'proofs'> => ({
  ...heldBy(token),
  configuration: inForce.version,
  proofs: [],
});

/** What the holder of a token acts by. */
export const heldBy = (token: TokenRecord): Holder => ({
  keys: token.lineage,
  authorities: authoritiesOf(token),
});

/** @throws {OAuthError} where a holder, proven when the request began, no longer holds, or the proof was used before. */
export const mustStillHold = (refusal: UseRefusal | undefined): void => {
  if (refusal !== undefined) throw refused(refusal);
};

/** What is known of the holder of a token, for the record of whatever comes. */
export const holder = (token: TokenRecord, context: RequestContext): Partial<AuditRecord> => ({
  tenantId: token.tenantId,
  tokenId: token.tokenId,
  issuer: token.issuer,
  userId: token.userId,
  appId: token.appId,
  deviceId: token.deviceId,
  actors: token.actors,
  resource: token.resource,
  classification: token.classification,
  lawfulBasis: token.lawfulBasis,
  residency: token.residency,
  ip: context.ip,
  traceId: context.traceId,
  requestId: context.requestId,
});

/** @throws {OAuthError} for any refusal but one that is decided again, of which it answers true. */
export const mustRetry = (refusal: IssuanceRefusal | undefined): boolean => {
  if (refusal === undefined) return false;
  if (isPassing(refusal)) return true;
  throw refused(refusal);
};

/** Seconds until the sign-in behind a token ends; a client alone has until its token does. */
export const authorityLeft = (token: TokenRecord, now: Date): number =>
  ((token.root?.expiresAt ?? token.expiresAt).getTime() - now.getTime()) / 1000;

const otherResource = (): OAuthError =>
  new OAuthError('invalid_target', 'the token is not for this resource', {
    violations: [
      {
        field: 'resource',
        rule: 'not_held',
        message: 'the token was issued for another resource',
        remedy: 'leave the resource out, or exchange for a token for this one',
      },
    ],
  });
