import { z } from 'zod';
import type { Oversight } from '../../broker/oversight.ts';
import { REVOCABLE, targetOf } from '../../broker/revocation/target.ts';
import type { LockTarget } from '../../ledger/records.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import { auditItem, toAuditItem, tokenItem, toTokenItem } from '../wire/admin.ts';
import { listOf, onePast, pageQuery, toList, toPage } from '../wire/page.ts';
import { identifier, text, timestamp } from '../wire/text.ts';

export interface RecordRoutes extends Pick<Oversight, 'listTokens' | 'showToken' | 'searchAudit'> {
  readonly now: () => Date;
}

const KINDS = REVOCABLE.map((field) => field.slice(0, -'_id'.length));
const isLockTarget = (text: string): text is LockTarget =>
  targetOf(text as LockTarget) !== undefined;

const READERS = { roles: ['security', 'auditor'], reach: 'tenant' } as const;

const who = {
  app_id: identifier.optional(),
  user_id: identifier.optional(),
  device_id: identifier.optional(),
};

const auditQuery = z.strictObject({
  ...who,
  token_id: identifier.optional(),
  object_id: identifier.optional(),
  actor: text(255).optional().meta({
    description: 'The subject of someone who acted for another: a person, or the id of an app.',
  }),
  target: text(255)
    .refine(isLockTarget, {
      error: 'must be a kind and an id, such as app:where2eat',
      params: {
        rule: 'target',
        remedy: `write one of ${KINDS.join(', ')}, a colon and the id, as detail.target has it`,
      },
    })
    .optional()
    .meta({
      description:
        'What was revoked, or of what a block was lifted, as `detail.target` has it: `app:where2eat`, `user:u_…`, `token:tk_…`.',
    }),
  action: text(64).optional(),
  outcome: z.enum(['granted', 'denied']).optional(),
  since: timestamp.optional(),
  until: timestamp.optional(),
  ...pageQuery,
});

export const recordRoutes = (broker: RecordRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/admin/v1/tokens',
    summary: 'What was issued, newest first',
    authentication: READERS,
    query: z.strictObject({ ...who, ...pageQuery }),
    answer: {
      status: 200,
      schema: listOf(tokenItem),
      description: 'Newest first; never a token itself',
    },
    handle: async ({ query, admin }) => {
      const page = toPage(query);
      const found = await broker.listTokens(admin, whoseOf(query), onePast(page));
      return {
        status: 200,
        headers: NO_STORE,
        body: toList(found, page, ({ token }) => token.tokenId, toTokenItem(broker.now())),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/admin/v1/tokens/{token_id}',
    summary: 'One token, as it was issued and as it stands',
    authentication: READERS,
    answer: { status: 200, schema: tokenItem, description: 'Its record' },
    handle: async ({ params, admin }) => {
      const found = await broker.showToken(admin, params.token_id ?? '');
      return { status: 200, headers: NO_STORE, body: toTokenItem(broker.now())(found) };
    },
  }),
  route({
    method: 'GET',
    path: '/admin/v1/audit',
    summary: 'What happened, newest first',
    authentication: READERS,
    query: auditQuery,
    answer: { status: 200, schema: listOf(auditItem), description: 'Newest first' },
    handle: async ({ query, admin }) => {
      const page = toPage(query);
      const found = await broker.searchAudit(
        admin,
        {
          ...whoseOf(query),
          tokenId: query.token_id,
          objectId: query.object_id,
          actor: query.actor,
          target: query.target,
          action: query.action,
          outcome: query.outcome,
          since: query.since,
          until: query.until,
        },
        onePast(page),
      );
      return {
        status: 200,
        headers: NO_STORE,
        body: toList(found, page, ({ eventId }) => eventId, toAuditItem),
      };
    },
  }),
];

const whoseOf = (query: {
  app_id?: string | undefined;
  user_id?: string | undefined;
  device_id?: string | undefined;
}) => ({
  appId: query.app_id,
  userId: query.user_id,
  deviceId: query.device_id,
});
