import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Answer, brokerThat, issuedToken } from './broker.ts';
import { type Ended, type } from './terminal.ts';

const ISSUER = 'https://daypass.example';
const SECRET = 'id-token-of-this-test';
const folder = mkdtempSync(join(tmpdir(), 'daypass-cli-'));

const exchanged: Answer = { status: 200, body: issuedToken };

const against = async (
  line: string,
  answers: Readonly<Record<string, Answer>>,
  fetchBeside?: typeof fetch,
) => {
  const broker = brokerThat({ 'POST /exchange': exchanged, ...answers });
  const both = ((url: string, init?: RequestInit) =>
    fetchBeside && !url.startsWith(ISSUER)
      ? fetchBeside(url, init)
      : broker.fetch(url, init)) as typeof fetch;
  const ended = await type(line, {
    fetch: both,
    env: { ISSUER, DAYPASS_ID_TOKEN: SECRET },
  });
  expect(ended.out + ended.err).not.toContain(SECRET);
  return { ...ended, received: broker.received };
};

/** What has been asked after the sign-in, without the attempts that lacked a nonce. */
const asked = (received: Awaited<ReturnType<typeof against>>['received']) =>
  received.filter(({ proof }) => proof === undefined || proof.nonce !== undefined).slice(1);

const json = ({ out }: Ended) => JSON.parse(out);

describe('exchange', () => {
  it('asks for what was typed, with a proof for the issuer, and prints the credential', async () => {
    const line =
      'exchange --app where2eat --resource bucket:b --action read --action write --ttl 120 --prefix /a/ --max-size 9';
    const { code, out, received } = await against(line, {});
    expect(code).toBe(0);
    expect(out).toContain('dp_at_of_this_test');
    const [first, second] = received;
    expect(first?.proof?.nonce).toBeUndefined();
    expect(second).toMatchObject({
      authorization: `Bearer ${SECRET}`,
      proof: { htm: 'POST', htu: `${ISSUER}/exchange`, iat: 1798761600 },
      body: {
        app_id: 'where2eat',
        resource: 'bucket:b',
        actions: ['read', 'write'],
        ttl: 120,
        constraints: { prefix: '/a/', max_size: 9 },
      },
    });
    expect(received).toHaveLength(2);
  });

  it('prints the whole answer with --json', async () => {
    const ended = await against('exchange --resource bucket:b --json', {});
    expect(json(ended)).toEqual(issuedToken);
  });

  it('makes no proof with --no-dpop', async () => {
    const { received } = await against('exchange --resource bucket:b --no-dpop', {});
    expect(received.map(({ proof }) => proof)).toEqual([undefined]);
  });

  it('binds to the same kept key each time, which only its owner can read', async () => {
    const key = join(folder, 'kept.pem');
    const line = `exchange --resource bucket:b --key ${key}`;
    const keys = [await against(line, {}), await against(line, {})].map(
      ({ received }) => received[0]?.jkt,
    );
    expect(keys[0]).toBeDefined();
    expect(keys[1]).toBe(keys[0]);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect((await against('exchange --resource bucket:b', {})).received[0]?.jkt).not.toBe(keys[0]);
  });

  it('ends with 1 where a dry run is denied, and says what would help', async () => {
    const violation = { field: 'actions', rule: 'r', message: 'too much', remedy: 'ask for less' };
    const denied = { decision: 'deny', policies: [], violations: [violation], would_issue: null };
    const { code, out } = await against('exchange --resource bucket:b --dry-run', {
      'POST /exchange': { status: 200, body: denied },
    });
    expect(out).toMatch(/deny: by default\n {2}too much\n {4}ask for less/);
    expect(code).toBe(1);
  });
});

describe('a refusal', () => {
  const violations = [{ field: 'scope', rule: 'r', message: 'not held', remedy: 'ask for less' }];
  const body = { error: 'invalid_scope', error_description: 'no', violations, request_id: 'r-1' };
  const answers = { 'POST /exchange': { status: 400, body } };

  it('is told with its remedy and the request, and ends with 1', async () => {
    const { code, out, err } = await against('exchange --resource bucket:b', answers);
    expect(err).toBe('invalid_scope: no\n  scope: not held\n    ask for less\n  request r-1\n');
    expect(out).toBe('');
    expect(code).toBe(1);
  });

  it('names the field once, where its message begins with it', async () => {
    const [violation] = violations;
    const told = [{ ...violation, message: 'scope: not held' }];
    const { err } = await against('exchange --resource bucket:b', {
      'POST /exchange': { status: 400, body: { ...body, violations: told } },
    });
    expect(err).toContain('\n  scope: not held\n');
  });

  it('is the same in JSON', async () => {
    const ended = await against('exchange --resource bucket:b --json', answers);
    expect(json(ended)).toEqual(body);
    expect(ended.code).toBe(1);
  });

  it('of a nonce that comes back unchanged is not answered for ever', async () => {
    const stubborn = { 'POST /exchange': { status: 400, body: { error: 'use_dpop_nonce' } } };
    const { code, received } = await against('exchange --resource bucket:b', stubborn);
    expect(received).toHaveLength(2);
    expect(code).toBe(1);
  });

  it('that is not ours is told by its status', async () => {
    const proxy = { 'POST /exchange': { status: 502, body: '<html>bad gateway</html>' } };
    const { err } = await against('exchange --resource bucket:b', proxy);
    expect(err).toContain('the server answered 502');
  });

  it('to connect names the server and what helps', async () => {
    const ended = await type('config get', {
      env: { DAYPASS_ID_TOKEN: SECRET },
      fetch: (async () => {
        throw new TypeError('fetch failed');
      }) as typeof fetch,
    });
    expect(ended.err).toContain('no broker answers at http://localhost:8080');
    expect(ended.err).toContain('daypass serve');
    expect(ended.code).toBe(1);
  });
});

describe('administration', () => {
  it('enters the admin door and presents the token with its own proof', async () => {
    const { received } = await against('tokens list --app a', {
      'GET /admin/v1/tokens': { status: 200, body: { items: [], next_cursor: null } },
    });
    const signIn = received.find(({ proof }) => proof?.nonce !== undefined);
    expect(signIn?.body).toEqual({
      app_id: 'daypass-cli',
      resource: `${ISSUER}/admin`,
      actions: ['admin'],
    });
    expect(asked(received)).toEqual([
      expect.objectContaining({
        url: `${ISSUER}/admin/v1/tokens?app_id=a`,
        authorization: 'DPoP dp_at_of_this_test',
        proof: expect.objectContaining({
          htu: `${ISSUER}/admin/v1/tokens`,
          ath: expect.stringMatching(/^[\w-]{43}$/),
        }),
      }),
    ]);
    expect(asked(received)[0]?.jkt).toBe(signIn?.jkt);
  });

  it('never prints the token it works with', async () => {
    const { out, err } = await against('config get', {
      'GET /admin/v1/config': { status: 200, body: { tenants: [] } },
    });
    expect(JSON.parse(out)).toEqual({ tenants: [] });
    expect(out + err).not.toContain('dp_at_');
  });

  it('shows a page as a table, and how to go on', async () => {
    const item = { token_id: 'tk_2', status: 'active', app_id: 'a\u001b[2Jb', user_id: null };
    const { out, err } = await against('tokens list --limit 1', {
      'GET /admin/v1/tokens': { status: 200, body: { items: [item], next_cursor: 'abc' } },
    });
    expect(out).toMatch(/^token_id {2}status {2}app_id/);
    expect(out).toMatch(/tk_2 {6}active {2}a\ufffd\[2Jb +- /);
    expect(err).toBe('more: --cursor abc\n');
  });

  it.each([
    ['audit search', '/admin/v1/audit', 'no events\n'],
    ['tokens list', '/admin/v1/tokens', 'no tokens\n'],
    ['revocations list', '/admin/v1/revocations', 'no revocations\n'],
  ])('%s says so where there is nothing, and to a script in JSON', async (line, path, said) => {
    const nothing = { items: [], next_cursor: null };
    const answers = { [`GET ${path}`]: { status: 200, body: nothing } };
    expect(await against(line, answers)).toMatchObject({ code: 0, out: said });
    expect(JSON.parse((await against(`${line} --json`, answers)).out)).toEqual(nothing);
  });

  it('searches the audit trail by what was typed, times in UTC', async () => {
    const line =
      'audit search --user u_1 --outcome denied --since 2027-01-31T12:00:00+02:00 --json';
    const { received } = await against(line, {
      'GET /admin/v1/audit': { status: 200, body: { items: [], next_cursor: null } },
    });
    const { searchParams } = new URL(asked(received)[0]?.url ?? '');
    expect(Object.fromEntries(searchParams)).toEqual({
      user_id: 'u_1',
      outcome: 'denied',
      since: '2027-01-31T10:00:00.000Z',
    });
  });

  it('shows why something was revoked', async () => {
    const event = { at: 't', action: 'revocation.create', outcome: 'granted', reason: null };
    const items = [{ ...event, detail: { target: 'app:a', reason: 'a leaked key' } }];
    const { out } = await against('audit search', {
      'GET /admin/v1/audit': { status: 200, body: { items, next_cursor: null } },
    });
    expect(out).toMatch(/revocation\.create .* a leaked key$/m);
  });

  const receipt = {
    revocation_id: 'rv_1',
    target: { token_id: 'tk_1' },
    block: false,
    effective_at: '2027-01-01T00:00:00Z',
    killed: { tokens: 1, derived: 2 },
    contained_objects: 4,
    residual: [
      { kind: 'presigned_put', provider: 's3', count: 1, usable_until: 'soon', mitigation: 'wait' },
    ],
  };

  it.each([
    ['--token tk_1', { target: { token_id: 'tk_1' }, reason: 'leak' }],
    ['--app a', { target: { app_id: 'a' }, reason: 'leak' }],
    ['--user u_1 --no-block', { target: { user_id: 'u_1' }, reason: 'leak', block: false }],
    ['--token tk_1 --block', { target: { token_id: 'tk_1' }, reason: 'leak', block: true }],
    [
      '--app a --contain-objects',
      { target: { app_id: 'a' }, reason: 'leak', contain_objects: true },
    ],
  ])('revokes %s, and leaves the rest to the broker', async (options, body) => {
    const { code, out, received } = await against(`revoke ${options} --reason leak`, {
      'POST /admin/v1/revocations': { status: 201, body: receipt },
    });
    expect(asked(received)[0]?.body).toEqual(body);
    expect(out).toMatch(/derived +2\ncontained_objects +4\n/);
    expect(out).toMatch(/still usable, out of our reach:[\s\S]*presigned_put {2}s3/);
    expect(code).toBe(0);
  });

  it('lifts a block by its id, whatever is in it', async () => {
    const { code, received } = await against('revocations lift rv/../1', {
      'DELETE /admin/v1/revocations/rv%2F..%2F1': { status: 204 },
    });
    expect(asked(received)[0]?.method).toBe('DELETE');
    expect(code).toBe(0);
  });
});

describe('upload', () => {
  const file = join(folder, 'menu.csv');
  writeFileSync(file, 'a,b\n1,2\n');
  const granted = {
    uploadUrl: 'https://storage.example/key?signature=secret',
    method: 'PUT',
    headers: { 'content-type': 'text/csv' },
    objectId: 'ob_1',
  };
  const answersWith = (status: string): Readonly<Record<string, Answer>> => ({
    'POST /request-upload': { status: 201, body: granted },
    'POST /uploads/ob_1/complete': { status: 202, body: { objectId: 'ob_1', status: 'uploaded' } },
    'GET /uploads/ob_1': { status: 200, body: { objectId: 'ob_1', status } },
  });
  const storage = (status = 200) => {
    const put: { url: string; body: string; type: string | null }[] = [];
    const fetch = async (url: string, { headers, body }: RequestInit = {}) => {
      const type = new Headers(headers).get('content-type');
      put.push({ url, body: await (body as Blob).text(), type });
      return new Response(null, { status });
    };
    return { put, fetch: fetch as typeof globalThis.fetch };
  };

  it('describes the file, puts it where it was told, and waits until it is available', async () => {
    const { put, fetch } = storage();
    const line = `upload ${file} --app a --resource bucket:b --path in`;
    const { code, out, err, received } = await against(line, answersWith('available'), fetch);
    expect(asked(received)[0]?.body).toEqual({
      filename: 'menu.csv',
      size: 8,
      contentType: 'text/csv',
      sha256: '492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470',
      resource: 'bucket:b',
      path: 'in',
    });
    expect(put).toEqual([{ url: granted.uploadUrl, body: 'a,b\n1,2\n', type: 'text/csv' }]);
    expect(out).toMatch(/status +available/);
    expect(out + err).not.toContain('secret');
    expect(code).toBe(0);
  });

  it('ends with 1 where what arrived is rejected', async () => {
    const line = `upload ${file} --resource bucket:b --json`;
    const ended = await against(line, answersWith('rejected'), storage().fetch);
    expect(json(ended)).toMatchObject({ objectId: 'ob_1', status: 'rejected' });
    expect(ended.code).toBe(1);
  });

  it('does not wait where it should not', async () => {
    const line = `upload ${file} --resource bucket:b --no-wait`;
    const { out, received } = await against(line, answersWith('available'), storage().fetch);
    expect(received.some(({ method }) => method === 'GET')).toBe(false);
    expect(out).toMatch(/status +uploaded/);
  });

  it('names the storage that refuses, and not the URL', async () => {
    const line = `upload ${file} --resource bucket:b`;
    const { code, err } = await against(line, answersWith('available'), storage(403).fetch);
    expect(err).toContain('storage.example answered 403');
    expect(err).not.toContain('secret');
    expect(code).toBe(1);
  });
});

describe('download', () => {
  const answers: Readonly<Record<string, Answer>> = {
    'POST /request-download': {
      status: 201,
      body: { downloadUrl: 'https://content.example/d/secret', guarantee: 'single_use' },
    },
  };
  const content = (status: number) =>
    (async () => new Response('the bytes', { status })) as typeof globalThis.fetch;

  it('writes what the ticket opens to standard output, and nothing else', async () => {
    const line = 'download ob_1 --resource bucket:b';
    const { code, out, received } = await against(line, answers, content(200));
    expect(asked(received)[0]?.body).toEqual({ objectId: 'ob_1' });
    expect(out).toBe('the bytes');
    expect(code).toBe(0);
  });

  it('writes a file whole or not at all', async () => {
    const file = join(folder, 'back');
    const line = `download ob_1 --resource bucket:b -o ${file} --json`;
    const ended = await against(line, answers, content(200));
    expect(readFileSync(file, 'utf8')).toBe('the bytes');
    expect(json(ended)).toEqual({ objectId: 'ob_1', file, size: 9, guarantee: 'single_use' });
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('says that a ticket is used, and not what it was', async () => {
    const { code, err } = await against('download ob_1 --resource bucket:b', answers, content(410));
    expect(err).toContain('content.example answered 410');
    expect(err).not.toContain('secret');
    expect(code).toBe(1);
  });
});
