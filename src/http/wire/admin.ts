import { z } from 'zod';
import type { Receipt, RevocationRequest } from '../../broker/revocation/revoke.ts';
import { REVOCABLE } from '../../broker/revocation/target.ts';
import type { HeldToken } from '../../ledger/ledger.ts';
import type { AuditRecord } from '../../ledger/records.ts';
import { binding } from './exchange.ts';
import { text } from './text.ts';

/** Opaque tokens and JWTs, as somebody in a hurry pastes them (law 4). */
const HOLDS_A_TOKEN = /\bdp_(?:at|rt|dl)_[0-9A-Za-z]{8}|\beyJ[\w-]{10,}\.[\w-]{10,}/;

/** Why something is done, for the record. */
export const reason = text(1000).refine((words) => !HOLDS_A_TOKEN.test(words), {
  error: 'must not hold a token: what is written here is kept for good',
  params: { rule: 'no_token', remedy: 'name the token by its token_id' },
});

const id = text(128).optional();

/** `POST /admin/v1/revocations`. */
export const revocationBody = z.strictObject({
  target: z
    .strictObject({
      token_id: id,
      grant_id: id.meta({ description: 'Everything that came from one sign-in.' }),
      app_id: id,
      device_id: id,
      user_id: id,
      issuer_id: id.meta({ description: 'Takes deployment scope.' }),
      tenant_id: id.meta({ description: 'Takes deployment scope.' }),
      key_id: id.meta({
        description: 'Every JWT signed by this key (`kid`). Takes deployment scope.',
      }),
    })
    .refine((target) => Object.values(target).filter((id) => id !== undefined).length === 1, {
      message: `name exactly one of ${REVOCABLE.join(', ')}`,
      params: { rule: 'one_of', remedy: 'name one target; send one request for each' },
    }),
  block: z
    .boolean()
    .optional()
    .meta({ description: 'Refuse new issuance too; default true, false for a token and a grant.' }),
  reason,
  contain_objects: z
    .boolean()
    .default(false)
    .meta({ description: 'Also quarantine every object that was uploaded under the target.' }),
});

export const toRevocationRequest = ({
  target,
  block,
  reason,
  contain_objects,
}: z.output<typeof revocationBody>): RevocationRequest => {
  const field = REVOCABLE.find((name) => target[name] !== undefined) ?? 'token_id';
  return {
    target: { field, id: target[field] ?? '' },
    block,
    reason,
    containObjects: contain_objects,
  };
};

const residual = z.object({
  kind: z.string(),
  provider: z.string().nullable(),
  count: z.int(),
  usable_until: z.iso.datetime(),
  mitigation: z.string(),
});

export const revocationAnswer = z.object({
  revocation_id: z.string(),
  target: z.record(z.string(), z.string()),
  block: z.boolean(),
  reason: z.string(),
  revoked_by: z.string(),
  effective_at: z.iso.datetime(),
  lifted_at: z.iso.datetime().nullable(),
  killed: z.object({
    tokens: z.int(),
    derived: z.int(),
    refresh_families: z.int(),
    tickets: z.int(),
  }),
  contained_objects: z.int().meta({ description: 'Objects quarantined with it.' }),
  residual: z.array(residual),
});

export const toRevocationAnswer = ({
  revocation,
  residual,
}: Receipt): z.output<typeof revocationAnswer> => {
  const separator = revocation.target.indexOf(':');
  return {
    revocation_id: revocation.revocationId,
    target: {
      [`${revocation.target.slice(0, separator)}_id`]: revocation.target.slice(separator + 1),
    },
    block: revocation.block,
    reason: revocation.reason,
    revoked_by: revocation.revokedBy,
    effective_at: revocation.effectiveAt.toISOString(),
    lifted_at: revocation.liftedAt?.toISOString() ?? null,
    killed: {
      tokens: revocation.killed.tokens,
      derived: revocation.killed.derived,
      refresh_families: revocation.killed.refreshFamilies,
      tickets: revocation.killed.tickets,
    },
    contained_objects: revocation.contained,
    residual: residual.map(({ kind, provider, count, usableUntil, mitigation }) => ({
      kind,
      provider: provider ?? null,
      count,
      usable_until: usableUntil.toISOString(),
      mitigation,
    })),
  };
};

export const tokenItem = z.object({
  token_id: z.string(),
  app_id: z.string(),
  user_id: z.string().nullable(),
  issuer: z.string().nullable(),
  subject: z.string(),
  actors: z.array(z.object({ issuer: z.string(), subject: z.string() })),
  device_id: z.string().nullable(),
  tenant_id: z.string(),
  scopes: z.array(z.string()),
  resource: z.string(),
  binding: binding.nullable(),
  parent_id: z.string().nullable(),
  root_id: z.string(),
  grant_id: z
    .string()
    .nullable()
    .meta({ description: 'Shared by all that comes from one sign-in; null for a client alone.' }),
  issued_at: z.int().meta({ description: 'Epoch seconds.' }),
  expires_at: z.iso.datetime(),
  status: z.enum(['active', 'expired', 'revoked']),
  ip: z.string().nullable(),
  policy: z.string().meta({ description: 'The digest of the policies that decided.' }),
  policies: z.array(z.string()).meta({ description: 'The ids of those that permitted it.' }),
});

export const toTokenItem =
  (now: Date) =>
  ({ token, revoked }: HeldToken): object => ({
    token_id: token.tokenId,
    app_id: token.appId,
    user_id: token.userId ?? null,
    issuer: token.issuer ?? null,
    subject: token.subject,
    actors: token.actors,
    device_id: token.deviceId ?? null,
    tenant_id: token.tenantId,
    scopes: token.scopes,
    resource: token.resource,
    binding: token.binding ?? null,
    parent_id: token.parentId ?? null,
    root_id: token.rootId,
    grant_id: token.grantId ?? null,
    issued_at: Math.floor(token.issuedAt.getTime() / 1000),
    expires_at: token.expiresAt.toISOString(),
    status: statusOf(revoked, token.expiresAt, now),
    ip: token.ip ?? null,
    policy: token.policyDigest,
    policies: token.policies,
  });

const statusOf = (
  revoked: boolean,
  expiresAt: Date,
  now: Date,
): 'active' | 'expired' | 'revoked' => {
  if (revoked) return 'revoked';
  return expiresAt <= now ? 'expired' : 'active';
};

export const auditItem = z.looseObject({
  event_id: z.string(),
  at: z.iso.datetime(),
  action: z.string(),
});

export const toAuditItem = (event: AuditRecord & { readonly eventId: string }): object => ({
  event_id: event.eventId,
  at: event.at.toISOString(),
  action: event.action,
  outcome: event.outcome,
  reason: orNull(event.reason),
  tenant_id: orNull(event.tenantId),
  token_id: orNull(event.tokenId),
  issuer: orNull(event.issuer),
  user_id: orNull(event.userId),
  app_id: orNull(event.appId),
  device_id: orNull(event.deviceId),
  actors: event.actors ?? [],
  scopes: event.scopes ?? [],
  resource: orNull(event.resource),
  object_id: orNull(event.objectId),
  data_classification: orNull(event.classification),
  lawful_basis: orNull(event.lawfulBasis),
  data_residency_region: orNull(event.residency),
  policy: orNull(event.policyDigest),
  policies: event.policies ?? [],
  ip: orNull(event.ip),
  trace_id: orNull(event.traceId),
  request_id: orNull(event.requestId),
  detail: orNull(event.detail),
});

/** Absent members are shown as null: a list of what is known has the same columns for every event. */
const orNull = <Value>(value: Value | undefined): Value | null => value ?? null;
