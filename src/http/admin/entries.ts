import { z } from 'zod';
import type { Entries, Shown } from '../../broker/configure/entries.ts';
import type { EntryKind, Member } from '../../broker/configure/place.ts';
import { NO_STORE, type Reply } from '../reply.ts';
import { type AdminAuthentication, type Route, route } from '../route.ts';
import { listOf, onePast, pageQuery, toList, toPage } from '../wire/page.ts';
import { text } from '../wire/text.ts';
import { type IsSet, noticeHeader } from './notices.ts';

export type EntryRoutes = Entries & { readonly isSet: IsSet };

const READERS = ['security', 'platform', 'auditor'] as const;
const WRITERS = ['platform'] as const;

/**
 * Who may look, and who may change: a tenant sees its own. What holds a place in storage, an audience or a way in is
 * the deployment's to give: by any of those a tenant could reach what is another's (docs/decisions-left-open.md).
 */
const KINDS: Readonly<
  Record<EntryKind, { readonly read: Reach; readonly write: Reach; readonly one: string }>
> = {
  apps: { read: 'tenant', write: 'tenant', one: 'app' },
  buckets: { read: 'tenant', write: 'deployment', one: 'bucket' },
  resource_servers: { read: 'tenant', write: 'deployment', one: 'resource server' },
  issuers: { read: 'deployment', write: 'deployment', one: 'issuer' },
  tenants: { read: 'deployment', write: 'deployment', one: 'tenant' },
};
type Reach = AdminAuthentication['reach'];

/** As `daypass.yaml` has it; `docs/daypass.schema.json` describes its members. */
const entry: z.ZodType<object> = z.looseObject({});

/** What a cursor may stand for: an id, and of a resource server a URL. */
const ENTRY_ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;
const SERVER_ID = /^https?:\/\/[\x21-\x7e]{1,1500}$/;
const page = { ...pageQuery, cursor: z.string().max(2048).optional() };
const query = z.strictObject({ ...page, tenant: text(128).optional() });
const appQuery = query.extend({
  owner: text(255).optional(),
  expired: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .meta({ description: 'Only those that have expired, or only those that have not.' }),
});

const answer = (status: 200 | 201, { value, tag }: Shown): Reply => ({
  status,
  headers: { ...NO_STORE, ETag: tag },
  body: value,
});

const routesOf = (kind: EntryKind, broker: EntryRoutes): Route[] => {
  const { read, write, one } = KINDS[kind];
  const [list, single] = [`/admin/v1/${kind}`, `/admin/v1/${kind}/{id}`];
  const reading = { roles: READERS, reach: read } as const;
  const writing = { roles: WRITERS, reach: write } as const;
  const id = (params: Readonly<Record<string, string>>): string => params.id ?? '';
  const noticed = kind === 'buckets' ? (['Daypass-Notices'] as const) : [];
  const noticesOf = (value: object) =>
    kind === 'buckets' ? noticeHeader(value, broker.isSet) : {};
  return [
    route<undefined, z.output<typeof appQuery>>({
      method: 'GET',
      path: list,
      summary: `The ${one}s of the configuration in force, by id`,
      authentication: reading,
      query: (kind === 'apps' ? appQuery : query) as z.ZodType<z.output<typeof appQuery>>,
      answer: { status: 200, schema: listOf(entry), description: 'As they were written' },
      handle: async ({ query: asked, admin }) => {
        const wanted = toPage(asked, kind === 'resource_servers' ? SERVER_ID : ENTRY_ID);
        const found = await broker.listEntries(admin, kind, asked, onePast(wanted));
        const body = toList(
          found,
          wanted,
          (each) => each.id,
          (each) => each,
        );
        return { status: 200, headers: NO_STORE, body };
      },
    }),
    route({
      method: 'POST',
      path: list,
      summary: `Create this ${one}, whose id is in it`,
      authentication: writing,
      body: entry,
      answer: {
        status: 201,
        schema: entry,
        description: 'Its entry; `Location` is where it is',
        headers: ['Location', ...noticed],
      },
      handle: async ({ body, admin }) => {
        const { id: made, ...created } = await broker.createEntry(admin, kind, body);
        const reply = answer(201, created);
        const Location = `${list}/${encodeURIComponent(made)}`;
        return { ...reply, headers: { ...reply.headers, Location, ...noticesOf(created.value) } };
      },
    }),
    route({
      method: 'GET',
      path: single,
      summary: `One ${one}, as it was written`,
      authentication: reading,
      answer: { status: 200, schema: entry, description: 'Its entry; `ETag` says which state' },
      handle: async ({ params, admin }) =>
        answer(200, await broker.showEntry(admin, kind, id(params))),
    }),
    route({
      method: 'PUT',
      path: single,
      summary: `Create this ${one}, or replace it as a whole`,
      description: CONDITIONAL,
      authentication: writing,
      body: entry,
      isConditional: true,
      answer: {
        status: 200,
        schema: entry,
        description: 'Its entry; 201 where it is new',
        headers: noticed,
      },
      handle: async ({ params, body, conditions, admin }) => {
        const { created, ...put } = await broker.putEntry(
          admin,
          kind,
          id(params),
          body,
          conditions(),
        );
        const reply = answer(created ? 201 : 200, put);
        return { ...reply, headers: { ...reply.headers, ...noticesOf(put.value) } };
      },
    }),
    route({
      method: 'DELETE',
      path: single,
      summary: `Take this ${one} out of the configuration`,
      description: `Refused while something refers to it. ${CONDITIONAL}`,
      authentication: writing,
      isConditional: true,
      answer: { status: 204, description: 'It is gone' },
      handle: async ({ params, conditions, admin }) => {
        await broker.deleteEntry(admin, kind, id(params), conditions());
        return { status: 204 };
      },
    }),
  ];
};

const CONDITIONAL =
  'With `If-Match`, or `If-None-Match: *`, only where nobody has changed it meanwhile: 412 otherwise.';

const reading = { roles: READERS, reach: 'deployment' } as const;
const writing = { roles: WRITERS, reach: 'deployment' } as const;

/** What there is one of: `limits` as a mapping, `admins` as a list without pages. */
const memberRoutes = (
  broker: EntryRoutes,
  member: Member,
  about: string,
  schema: z.ZodType<object>,
  write: (value: object) => object,
  read: (body: object) => object,
): Route[] => [
  route({
    method: 'GET',
    path: `/admin/v1/${member}`,
    summary: `${about}, as they were written`,
    authentication: reading,
    answer: { status: 200, schema, description: '`ETag` says which state' },
    handle: async ({ admin }) => {
      const { value, tag } = await broker.showMember(admin, member);
      return answer(200, { value: write(value), tag });
    },
  }),
  route({
    method: 'PUT',
    path: `/admin/v1/${member}`,
    summary: `Replace: ${about.toLowerCase()}`,
    description: CONDITIONAL,
    authentication: writing,
    body: schema,
    isConditional: true,
    answer: { status: 200, schema, description: 'What is in force' },
    handle: async ({ body, conditions, admin }) => {
      const put = await broker.putMember(admin, member, read(body), conditions());
      return answer(200, { value: write(put.value), tag: put.tag });
    },
  }),
];

const rules = z.strictObject({
  // Without any, nobody could put one back.
  items: z.array(z.looseObject({})).min(1),
  next_cursor: z.null().optional(),
});

/** CRUD on each configured kind. */
export const entryRoutes = (broker: EntryRoutes): Route[] => [
  ...(['apps', 'buckets', 'resource_servers', 'issuers', 'tenants'] as const).flatMap((kind) =>
    routesOf(kind, broker),
  ),
  ...memberRoutes(
    broker,
    'admins',
    'Rules that give roles',
    rules,
    (items) => ({ items, next_cursor: null }),
    (body) => (body as z.output<typeof rules>).items,
  ),
  ...memberRoutes(
    broker,
    'limits',
    'Limits of the deployment',
    entry,
    (value) => value,
    (body) => body,
  ),
];
