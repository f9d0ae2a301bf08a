import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OAuthError } from '../../src/protocol/oauth-error.ts';
import {
  type ListedObject,
  ObjectNotFound,
  type ObjectStore,
  type PutGrant,
} from '../../src/storage/object-store.ts';
import { type Column, itKeepsTheEnforcementTable } from './enforcement.ts';

/** One started store, and what its server is known to get wrong. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** Its column of docs/enforcement.md. */
  readonly column: Column;
  /** False where nothing holds a PUT to its length. */
  readonly pinsSize?: boolean;
  /** False where nothing holds a PUT to its content type. */
  readonly pinsType?: boolean;
  /** True for a server that acts on an `x-amz-copy-source` that nobody signed; AWS refuses it. */
  readonly copiesUnsigned?: boolean;
  /** True where whoever may read an object may also ask for its headers. */
  readonly headReads?: boolean;
  /** False for a server that ignores `If-None-Match`. */
  readonly refusesSecondPut: boolean;
  /** False for a server that ignores `x-amz-checksum-sha256`. */
  readonly checksChecksum: boolean;
  /** False for a server that takes the signature of any listing for a wrong one. */
  readonly lists?: boolean;
  stop(): Promise<void>;
}

/** Azure says 201 where the others say 200. */
const STORED = [200, 201];

/** A URL with a longer life, in each dialect. */
const longer = (url: string): string =>
  url
    .replace(/(Expires=|expires=)\d+/, '$199999999999')
    .replace(/([?&]se=)[^&]+/, (_, name) => `${name}2099-01-01T00%3A00%3A00Z`);
const tampered = (url: string): string =>
  url.replace(/(ignature=|[?&]sig=)(.)/, (_, name, first) => name + (first === '0' ? '1' : '0'));
const unsigned = (url: string): string =>
  url.replace(/&?((X-(Amz|Goog)-)?[Ss]ignature|sig)=[^&]*/, '');

type Change = { url?: string; method?: string; headers?: Record<string, string>; body?: string };

const hexSha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What every object store promises, tried from outside over HTTP. */
export const objectStoreContract = (name: string, start: () => Promise<StoreUnderTest>): void => {
  describe(`${name} keeps the object store's contract`, () => {
    let under: StoreUnderTest;
    let store: ObjectStore;
    beforeAll(async () => {
      under = await start();
      store = under.store;
    });
    afterAll(() => under?.stop());

    const content = 'menu: tomato soup';
    const grantFor = (body = content): PutGrant => ({
      key: `staging/${randomUUID()}/menu.txt`,
      size: Buffer.byteLength(body),
      contentType: 'text/plain',
      expiresIn: 300,
    });
    const now = (): Date => new Date();
    const longAgo = (): Date => new Date(Date.now() - 3_600_000);

    const send = async (grant: PutGrant, change: Change = {}, at = now()): Promise<number> => {
      const { url, method, headers } = await store.presignPut(grant, at);
      const response = await fetch(change.url ?? url, {
        method: change.method ?? method,
        headers: change.headers ?? headers,
        body: change.body ?? content,
      });
      await response.arrayBuffer();
      return response.status;
    };
    const stored = async (body = content): Promise<string> => {
      const grant = grantFor(body);
      expect(STORED).toContain(await send(grant, { body }));
      return grant.key;
    };
    const readAgain = async (key: string): Promise<string> =>
      Buffer.concat(await (await store.open(key)).body.toArray()).toString();
    const read = async (key: string, range?: { start: number; end: number }): Promise<string> => {
      const { body, size } = await store.open(key, range && { range });
      const text = Buffer.concat(await body.toArray()).toString();
      expect(Buffer.byteLength(text)).toBe(size);
      return text;
    };

    describe('an upload URL', () => {
      it('stores what was granted', async () => {
        const key = await stored();
        expect(await store.head(key)).toMatchObject({ size: 17, contentType: 'text/plain' });
        expect(await read(key)).toBe(content);
      });

      it('stores under any canonical key', async () => {
        const grant = { ...grantFor(), key: `staging/${randomUUID()}/a b+é'!*()~%&=?#漢😀.txt` };
        expect(STORED).toContain(await send(grant));
        expect(await read(grant.key)).toBe(content);
      });

      it('stores the right bytes where their checksum was declared', async () => {
        const grant = { ...grantFor(), sha256: hexSha256(content) };
        expect(STORED).toContain(await send(grant));
      });

      it('never tells the client to send host or content-length', async () => {
        const { headers } = await store.presignPut(grantFor(), now());
        const names = Object.keys(headers);
        expect(names).toContain('content-type');
        for (const name of names) expect(name).toMatch(/^(?!host$|content-length$)[a-z0-9-]+$/);
      });

      const refused = async (change: Change | ((url: string) => Change), at = now()) => {
        const grant = grantFor();
        const { url } = await store.presignPut(grant, at);
        const status = await send(grant, typeof change === 'function' ? change(url) : change, at);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
        expect(await store.head(grant.key)).toBeUndefined();
      };

      /** Refused where the server can do that; else taken, and said to be the broker's to check. */
      const pinned = async (constraint: 'size' | 'content_type', pins: boolean, change: Change) => {
        if (pins) return refused(change);
        expect(STORED).toContain(await send(grantFor(), change));
        const { enforcement } = await store.presignPut(grantFor(), now());
        expect(enforcement).toContainEqual({ constraint, by: 'broker' });
      };
      const typed = async (type: string): Promise<Record<string, string>> => ({
        ...(await store.presignPut(grantFor(), now())).headers,
        'content-type': type,
      });

      it('S06 refuses a longer body, where the server can do that', () =>
        pinned('size', under.pinsSize ?? true, { body: `${content}!` }));
      it('S06 refuses a shorter body, where the server can do that', () =>
        pinned('size', under.pinsSize ?? true, { body: content.slice(1) }));
      it('S06 refuses another content type, where the server can do that', async () =>
        pinned('content_type', under.pinsType ?? true, { headers: await typed('text/html') }));
      it('S06 refuses a missing content type, where the server can do that', async () =>
        pinned('content_type', under.pinsType ?? true, { headers: await typed('') }));
      it('refuses another key', () => refused((url) => ({ url: url.replace('/menu', '/other') })));
      it('refuses a key below its own', () =>
        refused((url) => ({ url: url.replace('menu.txt', 'menu.txt/more') })));
      it('refuses to be used after it has expired', () => refused({}, longAgo()));
      it('refuses a longer life', () => refused((url) => ({ url: longer(url) }), longAgo()));
      it('refuses a changed signature', () => refused((url) => ({ url: tampered(url) })));
      it('refuses a missing signature', () => refused((url) => ({ url: unsigned(url) })));

      it('S04 cannot read or delete', async () => {
        const grant = grantFor();
        const { url } = await store.presignPut(grant, now());
        expect(STORED).toContain(await send(grant));
        for (const method of ['GET', 'HEAD', 'DELETE'])
          expect((await fetch(url, { method })).status).toBe(403);
        expect(await read(grant.key)).toBe(content);
      });

      it('S04 does nothing else with its URL: no parts, no listing, no other parameters', async () => {
        const grant = grantFor();
        const { url, headers: toSend } = await store.presignPut(grant, now());
        // With this header Azure would take each of them for the PUT that was granted.
        const { 'x-ms-blob-type': _, ...headers } = toSend;
        for (const [method, more] of [
          ['PUT', '&comp=block&blockid=MDAwMQ%3D%3D'],
          ['PUT', '&comp=blocklist'],
          ['PUT', '&partNumber=1&uploadId=x'],
          ['POST', '&uploads='],
          ['PUT', '&acl='],
          ['PUT', '&comp=tags'],
          ['GET', '&restype=container&comp=list'],
          ['GET', '&list-type=2'],
        ] as const) {
          const body = method === 'GET' ? {} : { body: content };
          const response = await fetch(url + more, { method, headers, ...body });
          await response.arrayBuffer();
          expect([more, response.status >= 400 && response.status < 500]).toEqual([more, true]);
        }
        expect(await store.head(grant.key)).toBeUndefined();
      });

      it('S04 copies nothing that the client could not read', async () => {
        const secret = "somebody else's!!";
        const victim = await stored(secret);
        const { url: read } = await store.presignGet(
          { key: victim, expiresIn: 60, fileName: 'a.txt' },
          now(),
        );
        const plain = new URL(read);
        plain.search = '';
        const source = plain.pathname.replace(/^\/local/, '');
        for (const header of [
          { 'x-amz-copy-source': source },
          { 'x-goog-copy-source': source },
          { 'x-ms-copy-source': plain.href },
        ]) {
          const grant = grantFor(secret);
          const { headers } = await store.presignPut(grant, now());
          await send(grant, { headers: { ...headers, ...header }, body: content });
          const text = (await store.head(grant.key)) && (await readAgain(grant.key));
          const isKnown = under.copiesUnsigned === true && 'x-amz-copy-source' in header;
          expect([header, text === secret]).toEqual([header, isKnown]);
        }
      });

      it('S06 keeps nothing that the client says of the object besides', async () => {
        const grant = grantFor();
        const { headers } = await store.presignPut(grant, now());
        const more = { 'content-encoding': 'gzip', 'content-disposition': 'inline' };
        expect(STORED).toContain(await send(grant, { headers: { ...headers, ...more } }));
        // As stored: not unpacked, though it says it is packed.
        expect(await read(grant.key)).toBe(content);
        const to = `final/${randomUUID()}/menu.txt`;
        await store.copy(grant.key, to, (await store.head(grant.key))?.version ?? '', 'text/plain');
        const { url } = await store.presignGet(
          { key: to, expiresIn: 60, fileName: 'a.txt' },
          now(),
        );
        const response = await fetch(url);
        expect(await response.text()).toBe(content);
        expect(response.headers.get('content-encoding')).toBeNull();
      });

      it('writes once, where the server can do that', async () => {
        const grant = grantFor();
        expect(STORED).toContain(await send(grant));
        const body = content.toUpperCase();
        const second = await send(grant, { body });
        if (under.refusesSecondPut) expect([403, 409, 412]).toContain(second);
        else expect(second).toBe(200);
        expect(await read(grant.key)).toBe(under.refusesSecondPut ? content : body);
      });

      it('writes once among many at the same time, where the server can do that', async () => {
        const grant = grantFor();
        const statuses = await Promise.all(Array.from({ length: 12 }, () => send(grant)));
        const stored = statuses.filter((status) => STORED.includes(status));
        expect(stored).toHaveLength(under.refusesSecondPut ? 1 : 12);
      });

      it('S06 refuses other bytes than declared, where the server can do that', async () => {
        const grant = { ...grantFor(), sha256: hexSha256('something else, really') };
        const status = await send(grant);
        if (under.checksChecksum) expect(status).toBe(400);
        else expect(STORED).toContain(status);
        const { enforcement } = await store.presignPut(grant, now());
        const claimed = enforcement.find(({ constraint }) => constraint === 'sha256')?.by;
        if (!under.checksChecksum) expect(claimed).toBe('broker');
      });

      it('says who enforces what before anything is signed, and the same afterwards', async () => {
        const grant = { ...grantFor(), sha256: hexSha256(content) };
        const { enforcement } = await store.presignPut(grant, now());
        expect(store.enforcement(grant)).toEqual(enforcement);
      });

      it('claims no more than the server does', async () => {
        const { enforcement } = await store.presignPut(grantFor(), now());
        const claims = new Map(enforcement.map(({ constraint, by }) => [constraint, by]));
        for (const constraint of ['single_object', 'expiry'] as const)
          expect(claims.get(constraint)).toBe('storage');
        expect(claims.get('size')).toBe((under.pinsSize ?? true) ? 'storage' : 'broker');
        expect(claims.get('content_type')).toBe((under.pinsType ?? true) ? 'storage' : 'broker');
        if (!under.refusesSecondPut) expect(claims.get('no_overwrite')).toBe('broker');
      });
    });

    itKeepsTheEnforcementTable(() => under);

    describe('a download URL', () => {
      const urlTo = async (key: string, at = now()): Promise<string> => {
        const { url } = await store.presignGet({ key, expiresIn: 60, fileName: 'menu.txt' }, at);
        return url;
      };

      /** Where readers find it: a download is never of a staging key. */
      const placed = async (): Promise<string> => {
        const from = await stored();
        const to = `final/${randomUUID()}/menu.txt`;
        await store.copy(from, to, (await store.head(from))?.version ?? '', 'text/plain');
        return to;
      };

      it('is of the bytes it was signed for and of no others, where they have a name for ever', async () => {
        const [key, other] = [await placed(), await stored('something else!!')];
        const { immutable } = (await store.head(key)) ?? {};
        if (immutable === undefined) return;
        const grant = { key, expiresIn: 60, fileName: 'menu.txt', immutable };
        const { url } = await store.presignGet(grant, now());
        expect(await (await fetch(url)).text()).toBe(content);
        await store.copy(other, key, (await store.head(other))?.version ?? '', 'text/plain');
        const later = await fetch(url);
        // Kept as a version, or gone.
        if (later.status === 404) return;
        expect([later.status, await later.text()]).toEqual([200, content]);
      });

      it('sends the object as an attachment, of the type it was stored with', async () => {
        const response = await fetch(await urlTo(await placed()));
        expect(response.status).toBe(200);
        expect(await response.text()).toBe(content);
        expect(response.headers.get('content-disposition')).toBe('attachment; filename="menu.txt"');
        expect(response.headers.get('content-type')).toBe('text/plain');
        expect(response.headers.get('cache-control')).toBe('no-store');
      });

      it('sends the object as another type where that was granted', async () => {
        const contentType = 'application/octet-stream';
        const grant = { key: await stored(), expiresIn: 60, fileName: 'a.bin', contentType };
        const { url } = await store.presignGet(grant, now());
        const response = await fetch(url);
        expect(response.headers.get('content-type')).toBe(contentType);
        await response.arrayBuffer();
      });

      it('honours a range', async () => {
        const headers = { range: 'bytes=6-11' };
        const response = await fetch(await urlTo(await stored()), { headers });
        expect([response.status, await response.text()]).toEqual([206, 'tomato']);
        expect(response.headers.get('content-range')).toBe('bytes 6-11/17');
      });

      it.each([
        ['another key', (url: string) => url.replace('/menu.txt?', '/other.txt?'), 'GET'],
        [
          'another file name',
          (url: string) => url.replace('menu.txt%22', 'x.exe%22').replace('name=menu', 'name=x'),
          'GET',
        ],
        ['writing', (url: string) => url, 'PUT'],
        ['deleting', (url: string) => url, 'DELETE'],
        ['HEAD', (url: string) => url, 'HEAD'],
      ])('S04 refuses %s', async (_, change, method) => {
        const key = await stored();
        // Without which Azure would not get as far as asking who may.
        const headers = method === 'PUT' ? { 'x-ms-blob-type': 'BlockBlob' } : {};
        const response = await fetch(change(await urlTo(key)), { method, headers });
        await response.arrayBuffer();
        if (method === 'HEAD' && under.headReads) expect(response.status).toBe(200);
        else expect(response.status).toBe(403);
        expect(await read(key)).toBe(content);
      });

      it('refuses to be used after it has expired', async () => {
        const response = await fetch(await urlTo(await stored(), longAgo()));
        expect(response.status).toBe(403);
        expect(await response.text()).not.toContain(content);
      });

      it('finds nothing where nothing is', async () => {
        expect((await fetch(await urlTo(`staging/${randomUUID()}/menu.txt`))).status).toBe(404);
      });
    });

    describe('the broker', () => {
      it('learns that nothing is there', async () => {
        expect(await store.head('staging/nothing')).toBeUndefined();
        await expect(store.open('staging/nothing')).rejects.toBeInstanceOf(ObjectNotFound);
        const copy = store.copy('staging/nothing', 'final/nothing', '"v"', 'text/plain');
        await expect(copy).rejects.toBeInstanceOf(ObjectNotFound);
      });

      it('opens a part of an object', async () => {
        const key = await stored();
        expect(await read(key, { start: 6, end: 11 })).toBe('tomato');
        expect(await read(key, { start: 13, end: 999 })).toBe('soup');
        const past = store.open(key, { range: { start: 17, end: 20 } });
        await expect(past).rejects.toBeInstanceOf(RangeError);
      });

      it('opens the version it was asked for, and no other', async () => {
        const [key, other] = [await stored(), await stored('another menu, longer')];
        const version = (await store.head(key))?.version ?? '';
        const { body } = await store.open(key, { version });
        expect(Buffer.concat(await body.toArray()).toString()).toBe(content);
        const replaced = store.open(other, { version });
        await expect(replaced).rejects.toBeInstanceOf(ObjectNotFound);
      });

      it('copies a version to its final key, and may do so again', async () => {
        const from = await stored();
        const to = `final/${randomUUID()}/menu.md`;
        const version = (await store.head(from))?.version ?? '';
        for (let time = 0; time < 2; time += 1)
          await store.copy(from, to, version, 'text/markdown');
        expect(await read(to)).toBe(content);
        expect(await store.head(to)).toMatchObject({ size: 17, contentType: 'text/markdown' });
        await store.delete(from);
        expect(await read(to)).toBe(content);
      });

      it('copies again with a corrected type', async () => {
        const from = await stored();
        const to = `final/${randomUUID()}/menu.md`;
        const version = (await store.head(from))?.version ?? '';
        await store.copy(from, to, version, 'text/plain');
        await store.copy(from, to, version, 'text/markdown');
        expect(await store.head(to)).toMatchObject({ contentType: 'text/markdown' });
      });

      it('does not copy another version', async () => {
        const from = await stored();
        const other = (await store.head(await stored('something else!!')))?.version ?? '';
        const to = `final/${randomUUID()}/menu.txt`;
        const copy = store.copy(from, to, other, 'text/plain');
        await expect(copy).rejects.toBeInstanceOf(ObjectNotFound);
        expect(await store.head(to)).toBeUndefined();
      });

      it('deletes, and may do so again', async () => {
        const key = await stored();
        await store.delete(key);
        await store.delete(key);
        expect(await store.head(key)).toBeUndefined();
      });

      it('lists what lies below a prefix and nothing else, each with its age', async () => {
        const began = Date.now();
        const prefix = `staging/${randomUUID()}/`;
        if (under.lists === false)
          return expect(store.list(prefix)).rejects.toMatchObject({
            code: 'temporarily_unavailable',
          });
        const keys = ['a', 'b/c', 'b/d', 'e é', 'f'].map((name) => prefix + name);
        for (const key of [...keys, `${prefix.slice(0, -1)}-not/a`])
          expect(STORED).toContain(await send({ ...grantFor(), key }));
        const items: ListedObject[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list(prefix, cursor);
          items.push(...page.items);
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(items.map(({ key }) => key).sort()).toEqual([...keys].sort());
        for (const { storedAt } of items) {
          // Some say whole seconds.
          expect(storedAt.getTime()).toBeGreaterThan(began - 2_000);
          expect(storedAt.getTime()).toBeLessThan(Date.now() + 2_000);
        }
        const { items: none } = await store.list(`staging/${randomUUID()}/`);
        expect(none).toEqual([]);
      });

      it('keeps an object and one whose key goes on below it apart', async () => {
        const upper = grantFor();
        const lower = { ...upper, key: `${upper.key}/more` };
        expect(STORED).toContain(await send(upper));
        expect(STORED).toContain(await send(lower, { body: content.toUpperCase() }));
        await store.delete(upper.key);
        expect(await read(lower.key)).toBe(content.toUpperCase());
      });

      it('refuses a key that is not canonical, whatever it is to do', async () => {
        for (const run of [
          () => store.head('../etc/passwd'),
          () => store.open('a/../b'),
          () => store.copy('/a', 'b', 'v', 'text/plain'),
          () => store.copy('a', 'b//c', 'v', 'text/plain'),
          () => store.delete('a/'),
          () => store.list('a'),
          () => store.list('a//'),
        ])
          await expect(run()).rejects.toBeInstanceOf(OAuthError);
      });
    });
  });
};
