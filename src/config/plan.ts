/** Plan: what would change? It compares two deployments, and applies nothing. */
import { isDeepStrictEqual } from 'node:util';
import type { AdminRule, Deployment } from './deployment/schema.ts';

export type Kind =
  | 'limits'
  | 'keys'
  | 'tenant'
  | 'issuer'
  | 'admin'
  | 'app'
  | 'bucket'
  | 'resource_server';

export interface Change {
  readonly kind: Kind;
  readonly id: string;
  readonly change: 'create' | 'update' | 'delete';
  /** The members that differ, for an update; else empty. */
  readonly fields: readonly string[];
}

type Entry = object;
type Entries = ReadonlyMap<string, Entry>;

/** An admin rule has no id: it is what it says. */
export const adminId = ({ issuer, claim, value, role }: AdminRule): string =>
  `${issuer}: ${claim}=${value} → ${role}`;

const byId = (entries: readonly ({ readonly id: string } & Entry)[]): Entries =>
  new Map(entries.map((entry) => [entry.id, entry]));

/** In the order of the file, which is also the order in which entries refer to one another. */
const kindsOf = (deployment: Deployment | undefined): ReadonlyMap<Kind, Entries> =>
  new Map<Kind, Entries>([
    ['limits', deployment ? new Map([['limits', deployment.limits]]) : new Map()],
    ['keys', deployment ? new Map([['keys', deployment.keys]]) : new Map()],
    ['tenant', byId(deployment?.tenants ?? [])],
    ['issuer', byId(deployment?.issuers ?? [])],
    ['admin', new Map((deployment?.admins ?? []).map((rule) => [adminId(rule), rule]))],
    ['app', byId(deployment?.apps ?? [])],
    ['bucket', byId(deployment?.buckets ?? [])],
    ['resource_server', byId(deployment?.resource_servers ?? [])],
  ]);

const differing = (before: Entry, after: Entry): string[] => {
  const old = new Map(Object.entries(before));
  const now = new Map(Object.entries(after));
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (name) => !isDeepStrictEqual(old.get(name), now.get(name)),
  );
};

const changed = (kind: Kind, before: Entries, after: Entries): Change[] => {
  const written = [...after].flatMap(([id, entry]): Change[] => {
    const old = before.get(id);
    if (old === undefined) return [{ kind, id, change: 'create', fields: [] }];
    const fields = differing(old, entry);
    return fields.length === 0 ? [] : [{ kind, id, change: 'update', fields }];
  });
  const gone = [...before.keys()].filter((id) => !after.has(id));
  return [...written, ...gone.map((id): Change => ({ kind, id, change: 'delete', fields: [] }))];
};

/** What applying `after` would do; `before` is undefined where nothing was applied yet. */
export const planChanges = (before: Deployment | undefined, after: Deployment): Change[] => {
  const old = kindsOf(before);
  return [...kindsOf(after)].flatMap(([kind, entries]) =>
    changed(kind, old.get(kind) ?? new Map(), entries),
  );
};

const SIGN = { create: '+', update: '~', delete: '-' } as const;

/** The plan for a terminal, a line for each change. */
export const printPlan = (changes: readonly Change[]): string =>
  changes.length === 0
    ? 'no changes'
    : changes
        .map(({ kind, id, change, fields }) => {
          const name = kind === id ? kind : `${kind} ${id}`;
          return `${SIGN[change]} ${name}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`;
        })
        .join('\n');
