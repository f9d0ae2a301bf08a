import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';
import { createS3Store, type S3StoreOptions } from '../../../src/storage/s3/s3-store.ts';

const now = new Date('2026-11-22T03:04:05Z');
const base: S3StoreOptions = {
  bucket: 'acme-project-123',
  region: 'eu-west-1',
  credentials: () => ({ accessKeyId: 'AKID', secretAccessKey: 'secret' }),
};
const put = { key: 'staging/a', size: 10, contentType: 'image/png', expiresIn: 300 };
const get = { key: 'a/b', expiresIn: 60, fileName: 'menu.png' };
const sha256 = 'ab'.repeat(32);

const refusal = (run: () => unknown): OAuthError => {
  try {
    run();
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
  throw new Error('was not refused');
};

describe('where a bucket may be', () => {
  it.each([
    ['a bucket that names a host', { bucket: 'x.evil.com' }, 'bucket'],
    ['a bucket that is a path', { bucket: 'a/b' }, 'bucket'],
    ['a bucket with a query', { bucket: 'abc?x=' }, 'bucket'],
    ['a bucket in upper case', { bucket: 'Acme' }, 'bucket'],
    ['a bucket with a line end', { bucket: 'acme\n' }, 'bucket'],
    ['a region that names a host', { region: 'us-east-1.evil' }, 'region'],
    ['a region with a path', { region: 'us-east-1/x' }, 'region'],
    ['a region AWS does not have', { region: 'evil-east-1' }, 'region'],
    ['a region with a line end', { region: 'eu-west-1\n' }, 'region'],
    [
      'a region of an endpoint that names a host',
      { region: 'a.b', endpoint: 'https://s3.example' },
      'region',
    ],
    ['plain http beyond loopback', { endpoint: 'http://s3.example' }, 'endpoint'],
    ['an endpoint with credentials', { endpoint: 'https://user:pw@s3.example' }, 'endpoint'],
    ['an endpoint with a path', { endpoint: 'https://s3.example/evil' }, 'endpoint'],
    ['an endpoint with a query', { endpoint: 'https://s3.example/?x' }, 'endpoint'],
    ['an endpoint of another scheme', { endpoint: 'file:///etc' }, 'endpoint'],
    ['an endpoint that is no URL', { endpoint: 's3.example' }, 'endpoint'],
  ])('refuses %s', (_, change, field) => {
    const error = refusal(() => createS3Store({ ...base, ...change }));
    expect(error.code).toBe('invalid_request');
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
  });

  it('reports all that is wrong at once', () => {
    const options = { ...base, bucket: 'a/b', region: 'x y', endpoint: 'ftp://s3.example' };
    const { violations } = refusal(() => createS3Store(options));
    expect(violations.map(({ field }) => field)).toEqual(['bucket', 'region', 'endpoint']);
  });
});

describe('what is found', () => {
  it.each([
    ['v7', { immutable: 'v7' }],
    // As S3 calls what it keeps no versions of, or no longer: that name is given to the next bytes as well.
    ['null', {}],
    [undefined, {}],
  ])('is named for ever by a version alone: %s', async (version, named) => {
    const server = createServer((_, response) => {
      const versioned = version === undefined ? {} : { 'x-amz-version-id': version };
      response.writeHead(200, { 'content-length': 10, etag: '"e"', ...versioned }).end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    try {
      const store = createS3Store({ ...base, endpoint: `http://127.0.0.1:${port}` });
      const { size, version: found, contentType: _, ...more } = (await store.head('a/b')) ?? {};
      expect([size, found, more]).toEqual([10, '"e"', named]);
    } finally {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  });
});

describe('what is signed', () => {
  const store = createS3Store(base);

  it('tells the client which headers to send, and never host or length', () => {
    const { headers, method, url } = store.presignPut({ ...put, sha256 }, now);
    expect(method).toBe('PUT');
    expect(headers).toEqual({
      'content-type': 'image/png',
      'if-none-match': '*',
      'x-amz-checksum-sha256': 'q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=',
    });
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe(
      'content-length;content-type;host;if-none-match;x-amz-checksum-sha256',
    );
  });

  it('has AWS enforce everything', () => {
    const { enforcement } = store.presignPut({ ...put, sha256 }, now);
    expect(enforcement.every(({ by }) => by === 'storage')).toBe(true);
    expect(enforcement.map(({ constraint }) => constraint).sort()).toEqual([
      'content_type',
      'expiry',
      'no_overwrite',
      'sha256',
      'single_object',
      'size',
    ]);
  });

  it('does not claim of another server what a signature alone cannot make it do', () => {
    const other = createS3Store({ ...base, endpoint: 'https://s3.example' });
    const { enforcement } = other.presignPut({ ...put, sha256 }, now);
    const left = enforcement.filter(({ by }) => by === 'broker');
    expect(left.map(({ constraint }) => constraint)).toEqual(['sha256', 'no_overwrite']);
  });

  it('names no checksum that was not declared', () => {
    const { enforcement, headers } = store.presignPut(put, now);
    expect(enforcement.map(({ constraint }) => constraint)).not.toContain('sha256');
    expect(headers).not.toHaveProperty('x-amz-checksum-sha256');
  });

  it('makes every download an attachment that is not cached', () => {
    const { searchParams } = new URL(store.presignGet(get, now).url);
    expect(searchParams.get('response-content-disposition')).toBe(
      'attachment; filename="menu.png"',
    );
    expect(searchParams.get('response-cache-control')).toBe('no-store');
  });

  it('signs with the session of the moment, though its key stays the same', () => {
    let sessionToken = 'FIRST';
    const session = createS3Store({
      ...base,
      credentials: () => ({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken }),
    });
    expect(session.presignGet(get, now).url).toContain('Security-Token=FIRST&');
    sessionToken = 'SECOND';
    expect(session.presignGet(get, now).url).toContain('Security-Token=SECOND&');
  });

  it('asks for the credentials of the moment', () => {
    let accessKeyId = 'FIRST';
    const rotating = createS3Store({
      ...base,
      credentials: () => ({ accessKeyId, secretAccessKey: accessKeyId }),
    });
    expect(rotating.presignGet(get, now).url).toContain('FIRST');
    accessKeyId = 'SECOND';
    expect(rotating.presignGet(get, now).url).toContain('SECOND');
  });

  it('refuses a URL that would outlive the session that signs it', () => {
    const expiresAt = new Date(now.getTime() + 299_000);
    const session = createS3Store({
      ...base,
      credentials: () => ({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T', expiresAt }),
    });
    expect(refusal(() => session.presignPut(put, now)).status).toBe(503);
    expect(session.presignPut({ ...put, expiresIn: 299 }, now).url).toContain('Security-Token=T');
  });
});

describe('what is never signed', () => {
  const store = createS3Store(base);

  it.each([
    ['nothing', ''],
    ['a first slash', '/a'],
    ['a last slash', 'a/'],
    ['an empty segment', 'a//b'],
    ['a way up', 'a/../b'],
    ['a way up at the start', '../b'],
    ['a place where it is', 'a/./b'],
    ['a backslash', 'a\\..\\b'],
    ['a NUL', 'a\0b'],
    ['a line end', 'a\nb'],
    ['a C1 control', 'a\u0085b'],
    ['a half character', 'a\ud800'],
    ['a name that is not NFC', 'e\u0301'],
    ['1,025 bytes', 'a'.repeat(1025)],
    ['1,025 bytes in fewer characters', 'é'.repeat(513)],
  ])('refuses a key with %s', (_, key) => {
    for (const run of [
      () => store.presignPut({ ...put, key }, now),
      () => store.presignGet({ ...get, key }, now),
      () => store.presignPost({ ...put, key, minSize: 1, maxSize: 2 }, now),
    ])
      expect(refusal(run).violations[0]?.field).toBe('key');
  });

  it.each([
    ['no life', { expiresIn: 0 }, 'expires_in'],
    ['a long life', { expiresIn: 901 }, 'expires_in'],
    ['half a second', { expiresIn: 1.5 }, 'expires_in'],
    ['a life that is no number', { expiresIn: Number.NaN }, 'expires_in'],
    ['a negative size', { size: -1 }, 'size'],
    ['a size beyond one PUT', { size: 5 * 2 ** 30 + 1 }, 'size'],
    ['a type with a line end', { contentType: 'image/png\r\nx: y' }, 'content_type'],
    ['a type without subtype', { contentType: 'image' }, 'content_type'],
    ['a type range', { contentType: 'image/*' }, 'content_type'],
    ['a short digest', { sha256: 'ab' }, 'sha256'],
    ['a digest in base64', { sha256: `${'A'.repeat(43)}=` }, 'sha256'],
  ])('refuses an upload with %s', (_, change, field) => {
    const error = refusal(() => store.presignPut({ ...put, ...change }, now));
    expect(error.violations[0]?.field).toBe(field);
  });

  it.each(['', '.', '..', 'a"b', 'a\r\nb', 'a/b', 'ü', 'a'.repeat(129)])(
    'refuses the file name %j',
    (fileName) => {
      const error = refusal(() => store.presignGet({ ...get, fileName }, now));
      expect(error.violations[0]?.field).toBe('file_name');
    },
  );

  it('refuses a form whose key the server would fill in', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the variable of S3 forms
    const grant = { ...put, key: 'a/${filename}', minSize: 1, maxSize: 2 };
    expect(refusal(() => store.presignPost(grant, now)).violations[0]?.rule).toBe('exact_key');
  });

  it('refuses a form whose range is upside down', () => {
    const error = refusal(() => store.presignPost({ ...put, minSize: 3, maxSize: 2 }, now));
    expect(error.violations[0]?.rule).toBe('size_range');
  });
});

describe('a storage that does not answer', () => {
  it('is reported as an outage, without its address', async () => {
    const store = createS3Store({ ...base, endpoint: 'http://127.0.0.1:9' });
    await expect(store.head('a')).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      detail: expect.not.stringContaining('127.0.0.1'),
    });
  });
});
