import type { StorageDetail } from '../../protocol/authorization-details.ts';
import type { Actor, Attributes, MayAct } from '../../protocol/principal.ts';
import { randomFrom } from '../../protocol/random.ts';
import {
  type AuditRecord,
  type Binding,
  type CloudCredentialRecord,
  type LockTarget,
  type NewObject,
  type TicketRecord,
  type TokenRecord,
  thumbprintOf,
} from '../records.ts';

/** Records as rows: member names become column names, absent members NULL. */

export interface TokenRow {
  token_id: string;
  token_hash: Uint8Array | null;
  format: 'opaque' | 'jwt';
  tenant_id: string;
  app_id: string;
  issuer_id: string | null;
  issuer: string | null;
  subject: string;
  user_id: string | null;
  device_id: string | null;
  actors: Actor[];
  may_act: MayAct | null;
  attributes: Attributes;
  resource: string;
  scopes: string[];
  authorization_details: StorageDetail[];
  binding_method: Binding['method'] | null;
  thumbprint: string | null;
  parent_id: string | null;
  root_id: string;
  root_hash: string | null;
  session_id: string | null;
  root_expires_at: Date | null;
  grant_id: string | null;
  status_index: bigint | null;
  lineage: LockTarget[];
  policy_digest: string;
  policies: string[];
  classification: string | null;
  lawful_basis: string | null;
  residency: string | null;
  signing_key: string | null;
  ip: string | null;
  trace_id: string | null;
  request_id: string;
  issued_at: Date;
  expires_at: Date;
}

/** As JSON for `jsonb_populate_record`: bytes in hex, times in RFC 3339. */
export const tokenToRow = (token: TokenRecord): object => ({
  token_id: token.tokenId,
  token_hash: bytes(token.tokenHash),
  format: token.format,
  tenant_id: token.tenantId,
  app_id: token.appId,
  issuer_id: token.issuerId,
  issuer: token.issuer,
  subject: token.subject,
  user_id: token.userId,
  device_id: token.deviceId,
  actors: token.actors,
  may_act: token.mayAct,
  attributes: token.attributes,
  resource: token.resource,
  scopes: token.scopes,
  authorization_details: token.authorizationDetails,
  binding_method: token.binding?.method,
  thumbprint: token.binding && thumbprintOf(token.binding),
  parent_id: token.parentId,
  root_id: token.rootId,
  root_hash: token.root?.tokenHash,
  session_id: token.root?.sessionId,
  root_expires_at: token.root?.expiresAt,
  grant_id: token.grantId,
  status_index: token.statusIndex,
  lineage: token.lineage,
  policy_digest: token.policyDigest,
  policies: token.policies,
  classification: token.classification,
  lawful_basis: token.lawfulBasis,
  residency: token.residency,
  signing_key: token.signingKey,
  ip: token.ip,
  trace_id: token.traceId,
  request_id: token.requestId,
  issued_at: token.issuedAt,
  expires_at: token.expiresAt,
});

export const tokenFromRow = (row: TokenRow): TokenRecord => ({
  tokenId: row.token_id,
  tokenHash: row.token_hash ? Buffer.from(row.token_hash) : undefined,
  format: row.format,
  tenantId: row.tenant_id,
  appId: row.app_id,
  issuerId: known(row.issuer_id),
  issuer: known(row.issuer),
  subject: row.subject,
  userId: known(row.user_id),
  deviceId: known(row.device_id),
  actors: row.actors,
  mayAct: known(row.may_act),
  attributes: row.attributes,
  resource: row.resource,
  scopes: row.scopes,
  authorizationDetails: row.authorization_details,
  binding: bindingFromRow(row),
  parentId: known(row.parent_id),
  rootId: row.root_id,
  root:
    row.root_hash === null || row.root_expires_at === null
      ? undefined
      : {
          tokenHash: row.root_hash,
          sessionId: known(row.session_id),
          expiresAt: row.root_expires_at,
        },
  grantId: known(row.grant_id),
  statusIndex: row.status_index === null ? undefined : Number(row.status_index),
  lineage: row.lineage,
  policyDigest: row.policy_digest,
  policies: row.policies,
  classification: known(row.classification),
  lawfulBasis: known(row.lawful_basis),
  residency: known(row.residency),
  signingKey: known(row.signing_key),
  ip: known(row.ip),
  traceId: known(row.trace_id),
  requestId: row.request_id,
  issuedAt: row.issued_at,
  expiresAt: row.expires_at,
});

/** A token's row as `to_json` writes it: bytes in hex, times in RFC 3339. */
export type TokenJson = {
  [Column in keyof TokenRow]: TokenRow[Column] extends Date | Uint8Array | null
    ? string | Extract<TokenRow[Column], null>
    : TokenRow[Column];
};

export const tokenFromJson = (row: TokenJson): TokenRecord =>
  tokenFromRow({
    ...row,
    token_hash: row.token_hash === null ? null : Buffer.from(row.token_hash.slice(2), 'hex'),
    root_expires_at: row.root_expires_at === null ? null : new Date(row.root_expires_at),
    issued_at: new Date(row.issued_at),
    expires_at: new Date(row.expires_at),
  });

/** @throws where it is bound in a way we do not know: it is not taken for a token that nobody need prove. */
const bindingFromRow = ({ binding_method: method, thumbprint }: TokenRow): Binding | undefined => {
  if (thumbprint === null) return undefined;
  if (method === 'dpop') return { method, jkt: thumbprint };
  if (method === 'mtls') return { method, 'x5t#S256': thumbprint };
  throw new Error('a token is bound in an unknown way');
};

export const objectToRow = (object: NewObject): object => ({
  object_id: object.objectId,
  tenant_id: object.tenantId,
  bucket_id: object.bucketId,
  app_id: object.appId,
  user_id: object.userId,
  token_id: object.tokenId,
  lineage: object.lineage,
  staging_key: object.stagingKey,
  key: object.key,
  file_name: object.fileName,
  content_type: object.contentType,
  size: object.size,
  sha256: object.sha256,
  status: object.status,
  reason: object.reason,
  revision: object.revision,
  created_at: object.createdAt,
  upload_expires_at: object.uploadExpiresAt,
  reserved: object.reserved.map(({ id, windowSeconds, amount }) => ({
    id,
    window_seconds: windowSeconds,
    amount,
  })),
});

export const ticketToRow = (ticket: TicketRecord): object => ({
  ticket_id: ticket.ticketId,
  token_hash: bytes(ticket.tokenHash),
  delivery: ticket.delivery,
  object_id: ticket.objectId,
  tenant_id: ticket.tenantId,
  app_id: ticket.appId,
  user_id: ticket.userId,
  device_id: ticket.deviceId,
  token_id: ticket.tokenId,
  lineage: ticket.lineage,
  issued_at: ticket.issuedAt,
  expires_at: ticket.expiresAt,
});

export const credentialToRow = (credential: CloudCredentialRecord): object => ({
  credential_id: credential.credentialId,
  provider: credential.provider,
  bucket_id: credential.bucketId,
  tenant_id: credential.tenantId,
  app_id: credential.appId,
  user_id: credential.userId,
  device_id: credential.deviceId,
  token_id: credential.tokenId,
  lineage: credential.lineage,
  actions: credential.actions,
  prefix: credential.prefix,
  session_name: credential.sessionName,
  issued_at: credential.issuedAt,
  expires_at: credential.expiresAt,
});

export const auditToRow = (record: AuditRecord): object => ({
  event_id: eventId(record.at),
  at: record.at,
  action: record.action,
  outcome: record.outcome,
  reason: record.reason,
  tenant_id: record.tenantId,
  token_id: record.tokenId,
  issuer: record.issuer,
  user_id: record.userId,
  app_id: record.appId,
  device_id: record.deviceId,
  actors: record.actors,
  scopes: record.scopes ?? [],
  resource: record.resource,
  object_id: record.objectId,
  classification: record.classification,
  lawful_basis: record.lawfulBasis,
  residency: record.residency,
  policy_digest: record.policyDigest,
  policies: record.policies ?? [],
  ip: record.ip,
  trace_id: record.traceId,
  request_id: record.requestId,
  detail: record.detail,
});

/** Sorts by time: 48 bits of milliseconds, 80 random bits, in hex. */
const eventId = (at: Date): string =>
  `ev_${at.getTime().toString(16).padStart(12, '0')}${randomFrom(10).toString('hex')}`;

const bytes = (value: Buffer | undefined): string | undefined =>
  value === undefined ? undefined : `\\x${value.toString('hex')}`;

/** NULL is the database's word for absent. */
export const known = <Value>(value: Value | null): Value | undefined => value ?? undefined;
