import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { refuses } from './refusal.ts';
import { type Held, openStage, type Stage } from './stage.ts';
import { upload, uploadsOf } from './uploads.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const { askUpload } = uploadsOf(() => stage);

const invalid = { status: 400, error: 'invalid_request', audited: true } as const;

describe('S01 traversal', () => {
  const PATHS = [
    '../',
    '../../globex-files',
    'a/../../b',
    '..%2f',
    '%2e%2e/',
    '%2e%2e%2f%2e%2e%2f',
    '%252e%252e%252f',
    'a%252fb',
    '..\\',
    'a\\b',
    '%5c..%5c',
    '/etc',
    '/',
    '//',
    'a//b',
    './a',
    'a/.',
    'a/..',
    'trailing. ',
    'trailing./b',
    'a\u2024\u2024/b',
    'a\uff0fb',
    'a\u202eb',
    'a\u0000b'.replace('\u0000', '%00'),
    'a%0d%0ab',
    '%zz',
    '%ff',
    '.daypass-staging/x',
    '.DAYPASS-STAGING',
    'x'.repeat(1_025),
    'é'.repeat(600),
  ];

  it.each(PATHS)('S01 refuses the folder %j', async (path) => {
    const { token, key } = await stage.tokenOf();
    // Below a prefix the name of the staging folder is a name like any other: it is at the root it is reserved.
    if (/staging/i.test(path)) return;
    await refuses(stage, invalid, () =>
      stage.client.call('/request-upload', { body: { ...upload, path }, token, key }),
    );
  });

  it('S01 refuses every such path in a prefix, a listing and a download', async () => {
    const held = await stage.tokenOf();
    const { token, key } = held;
    for (const path of PATHS) {
      const prefix = `/${path}/`;
      const isTooLong = prefix.length > 4096; // for the body it stands in
      await refuses(stage, { status: 400, audited: !isTooLong }, () =>
        stage.exchange({ key: newKey(), body: { constraints: { prefix } } }),
      );
      // A query is decoded once on its way: what is left is taken as it is.
      const query = new URLSearchParams({ prefix });
      await refuses(stage, { status: 400, audited: true }, () =>
        stage.client.call(`/objects?${query}`, { token, key }),
      );
      await refuses(stage, { status: [400, 404], audited: true }, () =>
        stage.client.call('/request-download', { body: { path: path || '/' }, token, key }),
      );
    }
  });

  it.each([
    ['a"; filename="b', 'b'],
    ['naïve\u202egnp.exe', 'exe'],
    ['.htaccess', 'htaccess'],
    ['....x', 'x'],
    ['=cmd|calc!A1', 'cmd'],
  ])('S01 keeps the file name %j inside the prefix, as plain ASCII', async (filename) => {
    const held = await stage.tokenOf();
    const { objectId, uploadUrl } = await askUpload(held, { filename });
    const [row] = await stage.query<{ key: string; staging_key: string; user_id: string }>(
      'SELECT key, staging_key, user_id FROM stored_object WHERE object_id = $1',
      [objectId],
    );
    expect(row?.key).toMatch(
      new RegExp(`^where2eat/${row?.user_id}/${objectId}/[A-Za-z0-9._-]{1,128}$`),
    );
    expect(row?.key).not.toMatch(/\.\./);
    // What is signed is byte for byte what was recorded, and no part of it is the caller's.
    expect(new URL(uploadUrl).pathname).toBe(`/local/project-123/${row?.staging_key}`);
    expect(row?.staging_key).toMatch(/^\.daypass-staging\/ob_[0-9A-Z]{26}\/[0-9a-f]{32}$/);
  });

  it.each([
    '',
    '..',
    '...',
    '/',
    '\\',
    '/etc/passwd',
    '../../../etc/passwd',
    '....//....//x',
    '..\\..\\boot.ini',
    '..%2fx',
    'a\r\nSet-Cookie: x',
    'a\u0000b',
    '\ud800',
    'x.txt.',
    'x.txt ',
    'x'.repeat(1_025),
  ])('S01 refuses the file name %j', async (filename) => {
    const { token, key } = await stage.tokenOf();
    await refuses(stage, invalid, () =>
      stage.client.call('/request-upload', { body: { ...upload, filename }, token, key }),
    );
  });

  it('S01 takes one name for its composed and its decomposed form', async () => {
    const held = await stage.tokenOf();
    const keys = await Promise.all(
      ['caf\u00e9', 'cafe\u0301', 'caf%C3%A9', 'cafe%CC%81'].map(async (path) => {
        const { objectId } = await askUpload(held, { path });
        const [row] = await stage.query<{ key: string }>(
          'SELECT key FROM stored_object WHERE object_id = $1',
          [objectId],
        );
        return row?.key.split('/')[2];
      }),
    );
    expect([...new Set(keys)]).toEqual(['caf\u00e9']);
  });

  it('S01 holds /a/ and /ab/ apart', async () => {
    const prefixOf = ({ answer }: Held): string =>
      (answer.body.authorization_details as { prefix: string }[])[0]?.prefix ?? '';
    const key = newKey();
    const root = prefixOf(await stage.tokenOf({ key }));
    const held = await stage.tokenOf({ key, body: { constraints: { prefix: `${root}a/` } } });
    for (const prefix of [`${root}ab/`, `${root}`, `${root}A/`, `${root.slice(0, -1)}b/a/`]) {
      const query = new URLSearchParams({ prefix });
      await refuses(stage, { status: 400, error: 'invalid_scope', audited: true }, () =>
        stage.client.call(`/objects?${query}`, { token: held.token, key }),
      );
    }
  });
});

describe('S02 where a bucket is', () => {
  it.each([
    ['a host for a bucket', { bucket: 'x.evil.com' }],
    ['a path for a bucket', { bucket: 'a/b' }],
    ['a host for a region', { region: 'us-east-1.evil.com' }],
    ['a path for a region', { region: 'us-east-1/../x' }],
    ['an endpoint with a user', { endpoint: 'https://s3.amazonaws.com@evil.com' }],
    ['an endpoint with a fragment', { endpoint: 'https://evil.com#s3.amazonaws.com' }],
    ['an endpoint of another scheme', { endpoint: 'file:///etc/passwd' }],
  ])('S02 refuses %s', async (_, part) => {
    const { token, key } = await stage.adminOf(['platform']);
    const bucket = {
      id: 'cloud',
      tenant: 'acme',
      provider: 's3',
      bucket: 'acme-files',
      region: 'eu-west-1',
      ...part,
    };
    const body = { ...stage.document, buckets: [...stage.document.buckets, bucket] };
    await refuses(stage, invalid, () =>
      stage.client.call('/admin/v1/config', { method: 'PUT', body, token, key }),
    );
  });
});
