import type { DeploymentDocument } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import type { Problem } from '../../config/problem.ts';
import type { Violation } from '../../protocol/oauth-error.ts';

/** The lists of daypass.yaml whose entries have an id. */
export type EntryKind = 'tenants' | 'issuers' | 'apps' | 'buckets' | 'resource_servers';

/** What there is one of. */
export type Member = 'limits' | 'admins';

/** An entry as it was written. */
export interface Entry {
  readonly id: string;
  readonly tenant?: unknown;
  readonly owner?: unknown;
  readonly expires?: unknown;
}

/** One thing in the document that can be read and written by itself. */
export interface Place {
  /** For people: `app`. */
  readonly name: string;
  /** As it was written; undefined where there is none. */
  read(document: DeploymentDocument): object | undefined;
  /** The document with it; without it where `value` is undefined. */
  write(document: DeploymentDocument, value: object | undefined): DeploymentDocument;
  /** Where problems of a document say that it stands. */
  pathIn(document: DeploymentDocument): string;
  /** Whose it is, as it says; undefined where it says none, or is the deployment's. */
  tenantOf(value: object): string | undefined;
}

export const NAMES: Readonly<Record<EntryKind, string>> = {
  tenants: 'tenant',
  issuers: 'issuer',
  apps: 'app',
  buckets: 'bucket',
  resource_servers: 'resource server',
};

export const entriesOf = (document: DeploymentDocument, kind: EntryKind): readonly Entry[] =>
  document[kind] ?? [];

export const entryPlace = (kind: EntryKind, id: string): Place => {
  const indexIn = (document: DeploymentDocument): number =>
    entriesOf(document, kind).findIndex((entry) => entry.id === id);
  return {
    name: NAMES[kind],
    read: (document) => entriesOf(document, kind)[indexIn(document)],
    write: (document, value) => {
      const others = entriesOf(document, kind).filter((entry) => entry.id !== id);
      return { ...document, [kind]: value === undefined ? others : [...others, value] };
    },
    pathIn: (document) => `${kind}[${indexIn(document)}]`,
    tenantOf: (value) => tenantOf(kind, value as Entry),
  };
};

/** A tenant is its own. */
export const tenantOf = (kind: EntryKind, { id, tenant }: Entry): string | undefined => {
  if (kind === 'tenants') return id;
  return typeof tenant === 'string' ? tenant : undefined;
};

/** Apps alone expire. */
export const isExpired = ({ expires }: Entry, now: Date): boolean =>
  typeof expires === 'string' && hasExpired({ expires }, now);

export const memberPlace = (member: Member): Place => ({
  name: member,
  read: (document) => document[member] ?? (member === 'admins' ? [] : {}),
  write: (document, value) => ({ ...document, [member]: value }),
  pathIn: () => member,
  tenantOf: () => undefined,
});

/** Problems of a document, told to whoever wrote one place of it. */
export interface Told {
  readonly violations: readonly Violation[];
  /** Whether nothing is wrong with the place itself: others do not go with it. */
  readonly isElsewhere: boolean;
}

export const tell = (
  problems: readonly Problem[],
  document: DeploymentDocument,
  place: Place,
): Told => {
  const here = place.pathIn(document);
  const isHere = ({ path }: Problem): boolean =>
    path === here || path.startsWith(`${here}.`) || path.startsWith(`${here}[`);
  return {
    violations: problems.map((problem) => ({
      field: isHere(problem) ? within(problem.path, here) : byId(problem.path, document),
      rule: problem.rule,
      message: problem.message,
      remedy: problem.remedy,
    })),
    isElsewhere: !problems.some(isHere),
  };
};

/** `apps[3].expires` is `expires` to whoever wrote the app. */
const within = (path: string, here: string): string =>
  path.slice(here.length).replace(/^\./, '') || 'body';

/** `apps[1].grants[0]` is `apps[where2eat].grants[0]` to whoever sees no list. */
const byId = (path: string, document: DeploymentDocument): string =>
  path.replace(/^(\w+)\[(\d+)\]/, (written, kind: string, index: string) => {
    const list = kind in NAMES ? entriesOf(document, kind as EntryKind) : [];
    const id = list[Number(index)]?.id;
    return id === undefined ? written : `${kind}[${id}]`;
  });
