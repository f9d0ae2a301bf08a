import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { bodyOf, lines, sendRaw, statusOf } from './raw-request.ts';
import { mustHaveOneWinner, mustRefuse, refuses, refusesEverywhere } from './refusal.ts';
import { eventually, openStage, type Stage } from './stage.ts';
import { put, refusedByStore, TEXT, upload, uploadsOf } from './uploads.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const { askUpload, stored, askDownload } = uploadsOf(() => stage);
describe('S04 a signed URL does one thing', () => {
  it('S04 takes a download URL for no other method and no other object', async () => {
    const held = await stage.tokenOf();
    const url = await askDownload(held, { objectId: await stored(held), once: false });
    for (const method of ['PUT', 'POST', 'DELETE', 'PATCH', 'HEAD']) {
      await refusedByStore(
        await fetch(url, { method, ...(method !== 'HEAD' && { body: 'x' }) }),
        [403, 405],
      );
    }
    const other = new URL(url);
    const changed = [
      url.replace(/\/ob_[^/?]+/, '/ob_01ARZ3NDEKTSV4RRFFQ69G5FAV'),
      url.replace('project-123', 'archive'),
      url.replace('/local/', '/local//'),
      url.replace(/expires=\d+/, 'expires=9999999999'),
      url.replace(/name=[^&]*/, 'name=evil.html'),
      `${url}&type=text/html`,
      `${url}&signature=x`,
      url.replace(/signature=.*/, 'signature='),
      url.replace(/&signature=.*/, ''),
      `${other.origin}/local/project-123/?list-type=2`,
      `${other.origin}/local/project-123/?uploads`,
      `${other.origin}/local/`,
      `${other.origin}/local/../../etc/passwd`,
      `${other.origin}/local/project-123/%2e%2e/%2e%2e/key-encryption-key`,
    ];
    for (const each of changed.filter((text) => text !== url)) {
      await refusedByStore(await fetch(each), [403, 404]);
    }
    // As bytes: a client library would have resolved these before sending them.
    for (const path of ['/local/../../etc/passwd', '/local/project-123/../../key-encryption-key']) {
      const answer = await sendRaw(
        other.origin,
        lines(`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close'),
      );
      expect([400, 403, 404]).toContain(statusOf(answer));
    }
    expect(await (await fetch(url)).text()).toBe(TEXT);
  });

  it('S04 takes an upload URL for no other method, query or source', async () => {
    const held = await stage.tokenOf();
    const { uploadUrl, headers } = await askUpload(held);
    for (const method of ['GET', 'POST', 'DELETE', 'HEAD']) {
      await refusedByStore(await fetch(uploadUrl, { method }), [403, 405]);
    }
    for (const query of ['&uploads', '&partNumber=1&uploadId=x', '&acl', '&tagging']) {
      await refusedByStore(await put(`${uploadUrl}${query}`, headers), [403]);
    }
    // A copy is a PUT with a source: the body is what counts, and there is none.
    const copied = await put(uploadUrl, { ...headers, 'x-amz-copy-source': '/project-123/x' }, '');
    await refusedByStore(copied, [400, 411]);
    expect((await put(uploadUrl, headers)).status).toBe(200);
  });

  it('S04 honours a URL no longer than it says', async () => {
    const held = await stage.tokenOf({ body: { ttl: 900 } });
    const { uploadUrl, headers } = await askUpload(held, { ttl: 120 });
    await stage.advance(121);
    await refusedByStore(await put(uploadUrl, headers), [403]);
  });
});

describe('S06 what was granted is what is stored', () => {
  it.each<[string, Record<string, string>, string, number[]]>([
    ['no content type', { 'content-type': '' }, TEXT, [400]],
    ['another content type', { 'content-type': 'text/html' }, TEXT, [400]],
    [
      'a content type with a parameter',
      { 'content-type': 'text/plain; charset=utf-16' },
      TEXT,
      [400],
    ],
    ['more than was granted', {}, `${TEXT}and more`, [413]],
    ['less than was granted', {}, 'what', [400]],
    ['nothing', {}, '', [400, 411]],
  ])('S06 refuses %s', async (_, more, body, statuses) => {
    const held = await stage.tokenOf();
    const { uploadUrl, headers } = await askUpload(held);
    await refusedByStore(await put(uploadUrl, { ...headers, ...more }, body), statuses);
    expect((await put(uploadUrl, headers)).status).toBe(200);
  });

  it('S06 refuses a body without a length, and one that ends before it', async () => {
    const held = await stage.tokenOf();
    const { uploadUrl, headers } = await askUpload(held);
    const { pathname, search, host, origin } = new URL(uploadUrl);
    const head = [
      `PUT ${pathname}${search} HTTP/1.1`,
      `Host: ${host}`,
      `content-type: ${headers['content-type']}`,
    ];
    const chunked = await sendRaw(
      origin,
      `${lines(...head, 'Transfer-Encoding: chunked')}4\r\nwhat\r\n0\r\n\r\n`,
    );
    expect(statusOf(chunked)).toBe(411);
    expect(bodyOf(chunked)).toContain('length_required');
    await sendRaw(origin, `${lines(...head, `Content-Length: ${TEXT.length}`)}what`, 100);
    expect((await put(uploadUrl, headers)).status).toBe(200);
  });

  it('S06 refuses bytes with another checksum, and a second PUT', async () => {
    const held = await stage.tokenOf();
    const sha256 = createHash('sha256').update(TEXT).digest('hex');
    const { uploadUrl, headers } = await askUpload(held, { sha256 });
    await refusedByStore(await put(uploadUrl, headers, TEXT.replace('ana', 'eve')), [400]);
    expect((await put(uploadUrl, headers)).status).toBe(200);
    await refusedByStore(await put(uploadUrl, headers), [412]);
    await refusedByStore(await put(uploadUrl, headers, TEXT.replace('ana', 'eve')), [412]);
  });

  it('S06 stores one of 20 concurrent PUTs to one URL', async () => {
    const { uploadUrl, headers } = await askUpload(await stage.tokenOf());
    const answers = await Promise.all(Array.from({ length: 20 }, () => put(uploadUrl, headers)));
    mustHaveOneWinner(answers);
  });

  it('S06 rejects what is not what it claims to be', async () => {
    const held = await stage.tokenOf();
    const { uploadUrl, headers, objectId } = await askUpload(held, { contentType: 'image/png' });
    expect(
      (await put(uploadUrl, headers, '<script>alert(1)'.slice(0, TEXT.length))).status,
    ).toBeLessThan(500);
    const { token, key } = held;
    await stage.client.call(`/uploads/${objectId}/complete`, { method: 'POST', token, key });
    await eventually(async () => {
      const { body } = await stage.client.call(`/uploads/${objectId}`, { token, key });
      return body.status === 'rejected';
    });
    await refuses(stage, { status: 404, error: 'not_found', audited: true }, () =>
      stage.client.call('/request-download', { body: { objectId }, token, key }),
    );
  });

  it.each<[string, object, string]>([
    ['a size above the grant', { size: 1_000_001 }, 'invalid_scope'],
    ['a type outside the grant', { contentType: 'text/html' }, 'invalid_scope'],
    ['a type of many', { contentType: 'image/*' }, 'invalid_request'],
    ['a type with parameters', { contentType: 'text/plain;charset=x' }, 'invalid_request'],
    ['another bucket', { resource: 'bucket:archive' }, 'invalid_target'],
    ['a life outside the limits', { ttl: 901 }, 'invalid_request'],
  ])('S06 grants no upload of %s', async (_, more, error) => {
    const { token, key } = await stage.tokenOf();
    await refuses(stage, { status: 400, error, audited: true }, () =>
      stage.client.call('/request-upload', { body: { ...upload, ...more }, token, key }),
    );
  });
});

describe('S09 who may have a URL', () => {
  it('S09 signs nothing for a revoked token, on any instance', async () => {
    const held = await stage.tokenOf();
    const objectId = await stored(held);
    await stage.revoke({ token_id: held.id });
    const { token, key } = held;
    const refused = { status: 401, error: 'invalid_token', audited: true } as const;
    const calls: [string, object | undefined][] = [
      ['/request-upload', upload],
      ['/request-download', { objectId }],
      ['/request-download', { objectId, once: false }],
      ['/objects', undefined],
      [`/uploads/${objectId}`, undefined],
    ];
    for (const [path, body] of calls) {
      await refusesEverywhere(stage, refused, (through) =>
        through.call(path, { ...(body && { body }), token, key }),
      );
    }
  });

  it('S09 signs nothing for an action the token does not hold', async () => {
    const key = newKey();
    const all = await stage.tokenOf({ key });
    const objectId = await stored(all);
    const denied = { status: 400, error: 'invalid_scope', audited: true } as const;
    const narrow = await stage.tokenOf({ key, body: { actions: ['list'] } });
    for (const [path, body] of [
      ['/request-upload', upload],
      ['/request-download', { objectId }],
    ] as const) {
      await refuses(stage, denied, () =>
        stage.client.call(path, { body, token: narrow.token, key }),
      );
    }
    await refuses(stage, denied, () =>
      stage.client.call(`/objects/${objectId}`, { method: 'DELETE', token: narrow.token, key }),
    );
    const reader = await stage.tokenOf({ key, body: { actions: ['read'] } });
    await refuses(stage, denied, () => stage.client.call('/objects', { token: reader.token, key }));
  });

  it("S09 reads another's object like one that never was", async () => {
    const objectId = await stored(await stage.tokenOf());
    const stranger = await stage.tokenOf({ claims: { sub: 'eve' } });
    const { token, key } = stranger;
    const [row] = await stage.query<{ key: string }>(
      'SELECT key FROM stored_object WHERE object_id = $1',
      [objectId],
    );
    const texts = new Set<string>();
    const calls: [string, string, object | undefined][] = [
      ['GET', `/uploads/${objectId}`, undefined],
      ['POST', `/uploads/${objectId}/complete`, undefined],
      ['POST', '/request-download', { objectId }],
      ['POST', '/request-download', { path: row?.key }],
      ['DELETE', `/objects/${objectId}`, undefined],
      ['GET', '/uploads/ob_01ARZ3NDEKTSV4RRFFQ69G5FAV', undefined],
    ];
    for (const [method, path, body] of calls) {
      const answer = await refuses(stage, { status: 404, error: 'not_found', audited: true }, () =>
        stage.client.call(path, { method, ...(body && { body }), token, key }),
      );
      texts.add(JSON.stringify({ ...answer.body, request_id: '' }));
    }
    expect([...texts]).toHaveLength(1);
    const { body } = await stage.client.call('/objects', { token, key });
    expect(body).toMatchObject({ items: [] });
  });

  it('S09 lets nobody read an upload before it is validated', async () => {
    const held = await stage.tokenOf();
    const { objectId } = await askUpload(held);
    const { token, key } = held;
    await refuses(stage, { status: 404, audited: true }, () =>
      stage.client.call('/request-download', { body: { objectId }, token, key }),
    );
  });

  it('S09 refuses beyond the limits of the app, with when to try again', async () => {
    await stage.reconfigure((draft) => {
      const app = draft.apps.find(({ id }) => id === 'where2eat');
      const limits = { uploads_per_hour: 2, bytes_per_day: '1KB', exchanges_per_minute: 3 };
      if (app) Object.assign(app, { limits });
    });
    try {
      const { token, key } = await stage.tokenOf({ claims: { sub: 'hurried' } });
      const ask = (size: number, through = stage.client) =>
        through.call('/request-upload', { body: { ...upload, size }, token, key });
      expect((await ask(10)).status).toBe(201);
      const tooMuch = { status: 429, error: 'too_many_requests', audited: true } as const;
      await refuses(stage, tooMuch, () => ask(1_000));
      expect((await ask(10)).status).toBe(201);
      const answers: (string | null)[] = [];
      await refusesEverywhere(stage, tooMuch, async (through) => {
        const answer = await ask(10, through);
        answers.push(answer.headers.get('retry-after'));
        return answer;
      });
      for (const after of answers) expect(Number(after)).toBeGreaterThan(0);

      const exchanges = [2, 3].map(() =>
        stage.exchange({ key: newKey(), claims: { sub: 'hurried' } }),
      );
      expect((await Promise.all(exchanges)).map(({ status }) => status)).toEqual([200, 200]);
      await refusesEverywhere(stage, tooMuch, (through) =>
        stage.exchange({ key: newKey(), claims: { sub: 'hurried' } }, through),
      );
      expect((await stage.exchange({ key: newKey(), claims: { sub: 'patient' } })).status).toBe(
        200,
      );
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });

  it('S09 writes one record for each URL: which key, what for and until when', async () => {
    const held = await stage.tokenOf();
    const objectId = await stored(held);
    await askDownload(held, { objectId });
    await askDownload(held, { objectId, once: false });
    const rows = await stage.query<{ action: string; detail: Record<string, string> }>(
      `SELECT action, detail FROM audit_event WHERE object_id = $1 AND outcome = 'granted'
         AND action IN ('upload.request', 'download.request') ORDER BY at`,
      [objectId],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'upload.request',
      'download.request',
      'download.request',
    ]);
    for (const { detail } of rows) {
      expect(detail).toMatchObject({ key: expect.any(String), expires_at: expect.any(String) });
      expect(JSON.stringify(detail)).not.toMatch(/signature|dp_dl_|http/);
    }
  });
});

describe('tickets', () => {
  it('are used once: HEAD uses nothing, the first GET everything', async () => {
    const held = await stage.tokenOf();
    const objectId = await stored(held);
    const url = await askDownload(held, { objectId });
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(405);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await fetch(url, { method })).status).toBe(405);
    }
    const first = await fetch(url, { headers: { range: 'bytes=0-3' } });
    expect(first.status).toBe(200);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-disposition': expect.stringMatching(/^attachment/),
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
      'cache-control': 'no-store',
    });
    expect(await first.text()).toBe(TEXT);
    expect((await fetch(url)).status).toBe(410);
  });

  it('are used once among 30 concurrent readers', async () => {
    const held = await stage.tokenOf();
    const objectId = await stored(held);
    for (const delivery of ['proxy', 'redirect']) {
      const url = await askDownload(held, { objectId, delivery });
      const answers = await Promise.all(
        Array.from({ length: 30 }, () => fetch(url, { redirect: 'manual' })),
      );
      mustHaveOneWinner(answers);
      const lost = answers.filter(({ status }) => status >= 400);
      for (const { status } of lost) expect([410, 503]).toContain(status);
    }
  });

  it('are used once, and one PUT is stored, whichever instance is asked', async () => {
    const [here, there] = stage.brokers.map(({ contentOrigin }) => contentOrigin);
    const at = (url: string, n: number): string => (n % 2 ? url.replace(here!, there!) : url);
    const held = await stage.tokenOf();
    const { uploadUrl, headers } = await askUpload(held);
    mustHaveOneWinner(
      await Promise.all(Array.from({ length: 20 }, (_, n) => put(at(uploadUrl, n), headers))),
    );
    const url = await askDownload(held, { objectId: await stored(held) });
    mustHaveOneWinner(await Promise.all(Array.from({ length: 20 }, (_, n) => fetch(at(url, n)))));
    for (const n of [0, 1]) expect((await fetch(at(url, n))).status).toBe(410);
  });

  it('die with the token they came from, and with time', async () => {
    const held = await stage.tokenOf({ body: { ttl: 900 } });
    const objectId = await stored(held);
    const late = await askDownload(held, { objectId, ttl: 60 });
    await stage.advance(61);
    expect((await fetch(late)).status).toBe(410);
    const url = await askDownload(held, { objectId });
    await stage.revoke({ token_id: held.id });
    expect((await fetch(url)).status).toBe(410);
  });

  it('that never were read like tickets that are used up', async () => {
    const { contentOrigin } = stage.broker;
    for (const ticket of [
      `dp_dl_${'a'.repeat(38)}`,
      `dp_at_${'a'.repeat(38)}`,
      'x',
      '%00',
      '..%2f',
    ]) {
      const answer = await fetch(`${contentOrigin}/d/${ticket}`);
      expect(answer.status).toBe(410);
      await refusedByStore(answer, [410]);
    }
    for (const path of ['/', '/exchange', '/admin/v1/tokens', '/d/', '/local']) {
      const answer = await fetch(`${contentOrigin}${path}`);
      expect([404, 410, 403]).toContain(answer.status);
    }
    mustRefuse(await stage.client.call('/d/x'), { status: 404 });
  });
});
