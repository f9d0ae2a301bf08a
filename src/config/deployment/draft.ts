import type { z } from 'zod';
import { wordsOfYaml } from '../issue-words.ts';
import { nearest } from '../nearest.ts';
import type { Finding } from './finding.ts';
import { findingsOf } from './issues.ts';
import {
  type AdminRule,
  type App,
  type Bucket,
  type Deployment,
  type Issuer,
  type Keys,
  type Limits,
  type ResourceServer,
  sections,
  type Tenant,
} from './schema.ts';
import { isMapping, type Mapping, without } from './stand-ins.ts';

/** A readable entry and where it stands. */
export interface Entry<T> {
  readonly path: readonly [section: string, index: number];
  readonly value: T;
}

export interface Section<T> {
  readonly entries: readonly Entry<T>[];
  /** Every id that is written, with its entry where that is readable: a reference to it never dangles. */
  readonly byId: ReadonlyMap<string, T | undefined>;
}

/** What could be read of a document, so that all of it is checked although some of it is wrong. */
export interface Draft {
  readonly limits: Limits | undefined;
  readonly keys: Keys | undefined;
  readonly tenants: Section<Tenant>;
  readonly issuers: Section<Issuer>;
  readonly admins: Section<AdminRule>;
  readonly apps: Section<App>;
  readonly buckets: Section<Bucket>;
  readonly resource_servers: Section<ResourceServer>;
}

/** Reads one value; where it can go on without what is wrong, the value is there besides the findings. */
const settle = <S extends z.ZodType>(
  schema: S,
  raw: unknown,
  base: readonly PropertyKey[],
  findings: Finding[],
): z.output<S> | undefined => {
  const result = schema.safeParse(raw, { reportInput: true, error: wordsOfYaml });
  if (result.success) return result.data;
  for (const finding of findingsOf(schema, result.error.issues))
    findings.push({ ...finding, path: [...base, ...finding.path] });
  return schema.safeParse(without(raw, result.error.issues)).data;
};

const idOf = (raw: unknown): string | undefined =>
  isMapping(raw) && Object.hasOwn(raw, 'id') && typeof raw.id === 'string' ? raw.id : undefined;

type ListName = Exclude<keyof Draft, 'limits' | 'keys'>;

const readList = <S extends z.ZodType>(
  name: ListName,
  schema: S,
  raw: unknown,
  findings: Finding[],
): Section<z.output<S>> => {
  const entries: Entry<z.output<S>>[] = [];
  const byId = new Map<string, z.output<S> | undefined>();
  const list = raw ?? [];
  if (!Array.isArray(list)) {
    const remedy = `write each of the ${name} as an entry that starts with "- "`;
    findings.push({ path: [name], rule: 'type', message: 'must be a list', remedy });
    return { entries, byId };
  }
  for (const [index, item] of list.entries()) {
    const value = settle(schema, item, [name, index], findings);
    if (value !== undefined) entries.push({ path: [name, index], value });
    const id = idOf(item);
    if (id === undefined) continue;
    if (byId.has(id)) {
      findings.push({
        path: [name, index, 'id'],
        rule: 'duplicate_id',
        message: `"${id}" is already taken by an entry above`,
        remedy: 'give each entry an id of its own, or remove one',
      });
    } else byId.set(id, value);
  }
  return { entries, byId };
};

const unknownSections = (raw: Mapping): Finding[] => {
  const known = Object.keys(sections);
  return Object.keys(raw)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = nearest(key, known);
      return {
        path: [key],
        rule: 'unknown_key',
        message: 'is not known here',
        remedy:
          meant === undefined ? `remove it; known: ${known.join(', ')}` : `did you mean ${meant}?`,
      };
    });
};

const asMapping = (raw: unknown, findings: Finding[]): Mapping => {
  if (isMapping(raw)) return raw;
  if (raw !== undefined && raw !== null) {
    findings.push({
      path: [],
      rule: 'type',
      message: 'must be a mapping',
      remedy: `start with one of ${Object.keys(sections).join(', ')}`,
    });
  }
  return {};
};

/** Reads what can be read, member by member; what cannot is in `findings`. */
export const readDraft = (raw: unknown, findings: Finding[]): Draft => {
  const given = asMapping(raw, findings);
  findings.push(...unknownSections(given));
  const list = <S extends z.ZodType>(name: ListName, schema: S) =>
    readList(name, schema, Object.hasOwn(given, name) ? given[name] : undefined, findings);
  const entryOf = <S extends z.ZodType>(section: z.ZodPrefault<z.ZodArray<S>>): S =>
    section.unwrap().element;
  return {
    limits: settle(sections.limits, given.limits ?? undefined, ['limits'], findings),
    keys: settle(sections.keys, given.keys ?? undefined, ['keys'], findings),
    tenants: list('tenants', entryOf(sections.tenants)),
    issuers: list('issuers', entryOf(sections.issuers)),
    admins: list('admins', entryOf(sections.admins)),
    apps: list('apps', entryOf(sections.apps)),
    buckets: list('buckets', entryOf(sections.buckets)),
    resource_servers: list('resource_servers', entryOf(sections.resource_servers)),
  };
};

const values = <T>({ entries }: Section<T>): T[] => entries.map(({ value }) => value);

/** The deployment of a draft in which nothing was found wrong. */
export const complete = (draft: Draft, limits: Limits, keys: Keys): Deployment => ({
  limits,
  keys,
  tenants: values(draft.tenants),
  issuers: values(draft.issuers),
  admins: values(draft.admins),
  apps: values(draft.apps),
  buckets: values(draft.buckets),
  resource_servers: values(draft.resource_servers),
});
