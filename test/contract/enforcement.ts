import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { readOnce } from '../../src/inspection/read-once.ts';
import { ObjectNotFound, type ObjectStore, type PutGrant } from '../../src/storage/object-store.ts';

/**
 * Who holds an upload to its grant, found by breaking each part of one: the table of docs/enforcement.md. What a
 * store lets in is handed to the broker's own inspection, so `broker` is observed as well, and not what is left.
 */
export type Column = 'local' | 's3rver' | 'ceph' | 'azure' | 'gcs';
export type Who = 'storage' | 'broker' | 'nobody';
export type EnforcementTable = Record<string, Partial<Record<Column, Who>>>;

const FILE = join(import.meta.dirname, 'enforcement.json');
const readTable = (): EnforcementTable => JSON.parse(readFileSync(FILE, 'utf8'));

/** A PNG of the smallest kind, and a page of the same length. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const PAGE = Buffer.from('<!doctype html><script>alert(1)</script>'.padEnd(PNG.length, ' '));
const OTHER = Buffer.concat([PNG.subarray(0, -1), Buffer.from([PNG.at(-1) === 0 ? 1 : 0])]);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

interface Sent {
  readonly status: number;
  readonly grant: PutGrant;
}

/** What is sent in place of what was granted. */
interface Breach {
  readonly body?: Buffer;
  readonly contentType?: string;
  readonly grant?: Partial<PutGrant>;
  readonly at?: Date;
  readonly url?: (url: string) => string;
}

const attempt = async (store: ObjectStore, breach: Breach): Promise<Sent> => {
  const grant = {
    key: `staging/${randomUUID()}/menu.png`,
    size: PNG.length,
    contentType: 'image/png',
    expiresIn: 300,
    ...breach.grant,
  };
  const { url, method, headers } = await store.presignPut(grant, breach.at ?? new Date());
  const sent = breach.contentType === undefined ? {} : { 'content-type': breach.contentType };
  const response = await fetch(breach.url?.(url) ?? url, {
    method,
    headers: { ...headers, ...sent },
    body: new Uint8Array(breach.body ?? PNG),
  });
  await response.arrayBuffer();
  return { status: response.status, grant };
};

/** The storage, if it refuses; the broker, if its inspection does. */
const whoStops = async (store: ObjectStore, breach: Breach, sniff = true): Promise<Who> => {
  const { status, grant } = await attempt(store, breach);
  if (status >= 400) {
    expect(status).toBeLessThan(500);
    expect(await store.head(grant.key)).toBeUndefined();
    return 'storage';
  }
  const { body } = await store.open(grant.key);
  const verdict = await readOnce({ body, declared: grant, asked: { sniff } }, []);
  return verdict.ok ? 'nobody' : 'broker';
};

/** A second PUT of a URL: if it lands, the version that was inspected must not be what is copied. */
const whoStopsOverwriting = async (store: ObjectStore): Promise<Who> => {
  const { grant } = await attempt(store, {});
  const inspected = (await store.head(grant.key))?.version ?? '';
  const { status } = await attempt(store, { grant: { key: grant.key }, body: OTHER });
  if (status >= 400) return 'storage';
  const copy = store.copy(grant.key, `final/${randomUUID()}`, inspected, 'image/png');
  const outcome = await copy.then(
    () => 'nobody' as const,
    (error: unknown) => error,
  );
  return outcome instanceof ObjectNotFound ? 'broker' : 'nobody';
};

const BREACHES: Readonly<Record<string, (store: ObjectStore) => Promise<Who>>> = {
  'exact size': (store) => whoStops(store, { body: Buffer.concat([PNG, PNG]) }),
  'declared content type': (store) => whoStops(store, { contentType: 'text/html', body: PAGE }),
  'declared content type, `sniff: false`': (store) =>
    whoStops(store, { contentType: 'text/html', body: PAGE }, false),
  'type of the bytes': (store) => whoStops(store, { body: PAGE }),
  'type of the bytes, `sniff: false`': (store) => whoStops(store, { body: PAGE }, false),
  'SHA-256, where declared': (store) =>
    whoStops(store, { body: OTHER, grant: { sha256: sha256(PNG) } }),
  'one object': (store) =>
    whoStops(store, { url: (url) => url.replace('/menu.png', '/other.png') }),
  'no overwriting': whoStopsOverwriting,
  'end of life': (store) => whoStops(store, { at: new Date(Date.now() - 3_600_000) }),
};

/** WRITE_ENFORCEMENT=1 writes what was found instead. */
export const itKeepsTheEnforcementTable = (
  under: () => { readonly store: ObjectStore; readonly column: Column },
): void => {
  it('S06 holds uploads to their grants as docs/enforcement.md has it', async () => {
    const { store, column } = under();
    const observed: Record<string, Who> = {};
    for (const [constraint, whoStopsIt] of Object.entries(BREACHES))
      observed[constraint] = await whoStopsIt(store);
    if (process.env.WRITE_ENFORCEMENT) write(column, observed);
    const table = Object.entries(readTable()).map(([name, row]) => [name, row[column]]);
    expect(Object.fromEntries(table)).toEqual(observed);
  });
};

const write = (column: Column, observed: Record<string, Who>): void => {
  const table = readTable();
  for (const [constraint, who] of Object.entries(observed))
    table[constraint] = { ...table[constraint], [column]: who };
  writeFileSync(FILE, `${JSON.stringify(table, null, 2)}\n`);
};
