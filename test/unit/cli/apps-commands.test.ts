import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Answer, brokerThat, issuedToken } from './broker.ts';
import { type } from './terminal.ts';

const env = { ISSUER: 'https://daypass.example', DAYPASS_ID_TOKEN: 'id-token-of-this-test' };
const folder = mkdtempSync(join(tmpdir(), 'daypass-cli-'));

const against = async (line: string, answers: Readonly<Record<string, Answer>>) => {
  const broker = brokerThat({ 'POST /exchange': { status: 200, body: issuedToken }, ...answers });
  const ended = await type(line, { fetch: broker.fetch, env });
  const asked = broker.received.filter(({ url }) => url.includes('/admin/v1/'));
  return { ...ended, asked, last: asked.at(-1) };
};

const APP = {
  id: 'menus',
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'menus on a screen',
  expires: '2027-06-30',
  type: 'service',
};
const ENTRY = Object.entries(APP).map(([name, value]) => `${name}: ${value}\n`);
const fileWith = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

describe('apps', () => {
  it('list asks for a tenant, an owner or what has expired, and shows a table, or JSON', async () => {
    const body = { items: [APP], next_cursor: null };
    const answers = { 'GET /admin/v1/apps': { status: 200, body } };
    const line = 'apps list --tenant acme --owner dana@acme.example --no-expired --limit 5';
    const table = await against(line, answers);
    expect(table.code).toBe(0);
    expect(table.out).toMatch(/menus +acme +service +dana@acme.example +2027-06-30/);
    expect(Object.fromEntries(new URL(table.last?.url ?? '').searchParams)).toEqual({
      tenant: 'acme',
      owner: 'dana@acme.example',
      expired: 'false',
      limit: '5',
    });
    const json = await against('apps list --expired --json', answers);
    expect(JSON.parse(json.out)).toEqual(body);
    expect(json.last?.url).toContain('expired=true');
  });

  it('show shows one, and a refusal is exit status 1', async () => {
    const shown = await against('apps show menus', {
      'GET /admin/v1/apps/menus': { status: 200, body: APP },
    });
    expect(shown.out).toMatch(/owner +dana@acme.example/);
    expect(await against('apps show nobody', {})).toMatchObject({ code: 1 });
  });

  it.each([
    ['YAML', 'app.yaml', ENTRY.join('')],
    ['JSON', 'app.json', JSON.stringify(APP)],
  ])('register sends an entry in %s, and replaces no other', async (_, name, text) => {
    const answers = { 'PUT /admin/v1/apps/menus': { status: 201, body: APP } };
    const line = `apps register -f ${fileWith(name, text)}`;
    const made = await against(line, answers);
    expect(made).toMatchObject({ code: 0, last: { method: 'PUT', body: APP } });
    expect(made.last?.headers['if-none-match']).toBe('*');
    const replaced = await against(`${line} --replace --json`, answers);
    expect(replaced.last?.headers).not.toHaveProperty('if-none-match');
    expect(JSON.parse(replaced.out)).toEqual(APP);
  });

  it('register says --replace where there is one already', async () => {
    const violations = [{ field: 'If-None-Match', rule: 'r', message: 'm', remedy: 'GET it' }];
    const body = { error: 'precondition_failed', error_description: 'no', violations };
    const { code, err } = await against(
      `apps register -f ${fileWith('app.yaml', ENTRY.join(''))}`,
      { 'PUT /admin/v1/apps/menus': { status: 412, body } },
    );
    expect(code).toBe(1);
    expect(err).toMatch(/an app menus already: --replace/);
    expect(err).not.toMatch(/If-None-Match/);
  });

  describe('register --replace', () => {
    const secrets = ['sha256:a', { hash: 'sha256:b', expires: '2027-01-31' }];
    const replace = (text: string, options = '', after: object = APP) =>
      against(`apps register -f ${fileWith('app.yaml', text)} --replace ${options}`, {
        'GET /admin/v1/apps/menus': {
          status: 200,
          body: { ...APP, secret_hash: secrets },
          headers: { ETag: '"seen"' },
        },
        'PUT /admin/v1/apps/menus': { status: 200, body: after },
      });

    it('keeps the secrets that a file does not name, as they were seen', async () => {
      const after = { ...APP, secret_hash: secrets };
      const { code, err, last } = await replace(ENTRY.join(''), '', after);
      expect(code).toBe(0);
      expect(last?.body).toEqual(after);
      expect(last?.headers['if-match']).toBe('"seen"');
      expect(err).toMatch(/keeps those it had \(--drop-secrets/);
    });

    it('ends them with --drop-secrets, and says how to make another', async () => {
      const { last, err } = await replace(ENTRY.join(''), '--drop-secrets');
      expect(last?.body).toEqual(APP);
      expect(err).toMatch(/ended the secret sha256:a\nended the secret sha256:b\n/);
      expect(err).toMatch(/nothing to sign in by: daypass apps rotate-secret menus/);
    });

    it('has what a file names, and says what that ends', async () => {
      const after = { ...APP, secret_hash: ['sha256:b'] };
      const { last, err } = await replace(JSON.stringify(after), '', after);
      expect(last?.body).toEqual(after);
      expect(err).toBe('ended the secret sha256:a\n');
    });
  });

  it.each([
    ['is no YAML', 'id: [', /cannot be used/],
    ['is a list', `- ${ENTRY.join('  ')}`, /without the "- "/],
    ['has no id', 'tenant: acme\n', /without the "- "/],
  ])('register asks nobody where the file %s', async (_, text, message) => {
    const { code, err, asked } = await against(
      `apps register -f ${fileWith('broken.yaml', text)}`,
      {},
    );
    expect(code).not.toBe(0);
    expect(err).toMatch(message);
    expect(asked).toEqual([]);
  });

  describe('rotate-secret', () => {
    const minted = {
      client_id: 'menus',
      client_secret: 'shown-this-once',
      secret_hash: 'sha256:new',
      expires: null,
    };
    const kept = { ...APP, secret_hash: ['sha256:a', { hash: 'sha256:b', expires: '2027-01-31' }] };
    const answers: Readonly<Record<string, Answer>> = {
      'GET /admin/v1/apps/menus': { status: 200, body: kept },
      'POST /admin/v1/apps/menus/secrets': { status: 201, body: minted },
      'DELETE /admin/v1/apps/menus/secrets/sha256%3Aa': { status: 204 },
    };

    it('shows the new secret, and which others are good still', async () => {
      const { code, out, last } = await against(
        'apps rotate-secret menus --expires 2027-03-01 --json',
        answers,
      );
      expect(code).toBe(0);
      expect(last?.body).toEqual({ expires: '2027-03-01' });
      const still_good = ['sha256:a', 'sha256:b'];
      expect(JSON.parse(out)).toEqual({ ...minted, ended: [], still_good });
    });

    it('ends the others with --end-others; one that is gone has ended', async () => {
      const { code, out, asked } = await against('apps rotate-secret menus --end-others', answers);
      expect(code).toBe(0);
      expect(out).toMatch(/expires +as long as the app\n/);
      expect(out).toMatch(/client_secret +shown-this-once/);
      expect(out).toMatch(/still_good +-/);
      expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(2);
    });

    it('shows the new secret also where another could not be ended: exit status 1', async () => {
      const { code, out } = await against('apps rotate-secret menus --end-others', {
        ...answers,
        'DELETE /admin/v1/apps/menus/secrets/sha256%3Aa': { status: 503, body: {} },
      });
      expect(code).toBe(1);
      expect(out).toMatch(/client_secret +shown-this-once/);
      expect(out).toMatch(/still_good +sha256:a\n/);
    });
  });

  it('remove takes one out', async () => {
    const { code, out } = await against('apps remove menus', {
      'DELETE /admin/v1/apps/menus': { status: 204 },
    });
    expect({ code, out }).toEqual({ code: 0, out: 'removed menus\n' });
  });
});

describe('uploads', () => {
  const upload = { object_id: 'ob_1', status: 'quarantined', app_id: 'menus', reason: 'virus' };

  it('list asks for a status, a bucket, an app or a person', async () => {
    const { code, out, last } = await against(
      'uploads list --status quarantined --bucket b --app menus --user u_1',
      {
        'GET /admin/v1/uploads': { status: 200, body: { items: [upload], next_cursor: null } },
      },
    );
    expect(code).toBe(0);
    expect(out).toMatch(/ob_1 +quarantined +menus/);
    expect(new URL(last?.url ?? '').search).toBe(
      '?status=quarantined&bucket=b&app_id=menus&user_id=u_1',
    );
  });

  const REPORT = {
    checks: [
      { check: 'size', outcome: 'passed' },
      { check: 'antivirus', outcome: 'failed', detail: 'Eicar-Test-Signature' },
    ],
    violations: [
      { field: 'file', rule: 'malware', message: 'holds malware', remedy: 'send another' },
    ],
    inspectedAt: '2027-01-01T00:00:00Z',
  };

  it('list names the states there are, and asks for no other', async () => {
    const { code, err, asked } = await against('uploads list --status gone', {});
    expect({ code, asked }).toEqual({ code: 2, asked: [] });
    expect(err).toMatch(/Allowed choices are pending, .*quarantined, expired/);
  });

  it('show shows one, and its report a line for each check', async () => {
    const answers = {
      'GET /admin/v1/uploads/ob_1': { status: 200, body: { ...upload, report: REPORT } },
    };
    const { out } = await against('uploads show ob_1', answers);
    expect(out).toMatch(/^inspected 2027-01-01T00:00:00Z$/m);
    expect(out).toMatch(/^ {2}antivirus {2}failed: Eicar-Test-Signature$/m);
    expect(out).toMatch(/^ {2}file: holds malware\n {4}send another$/m);
    const { out: json } = await against('uploads show ob_1 --json', answers);
    expect(JSON.parse(json)).toEqual({ ...upload, report: REPORT });
  });

  it('show says why one has expired', async () => {
    const shown = (reason: string | null) =>
      against('uploads show ob_1', {
        'GET /admin/v1/uploads/ob_1': {
          status: 200,
          body: { ...upload, status: 'expired', reason },
        },
      });
    expect((await shown(null)).out).toMatch(/reason +its bytes had not arrived/);
    expect((await shown('deleted')).out).toMatch(/reason +deleted/);
  });

  it.each(['quarantine', 'release'])('%s sends the reason, where there is one', async (name) => {
    const answers = {
      'GET /admin/v1/uploads/ob_1': { status: 200, body: upload },
      [`POST /admin/v1/uploads/ob_1/${name}`]: { status: 200, body: upload },
    };
    const told = await against(`uploads ${name} ob_1 --reason mistaken`, answers);
    expect(told).toMatchObject({ code: 0, last: { body: { reason: 'mistaken' } } });
    expect(told.out).toMatch(/status +quarantined/);
    expect((await against(`uploads ${name} ob_1`, answers)).last?.body).toEqual({});
  });

  it('release of malware asks for a reason, and says what was found', async () => {
    const body = { ...upload, reason: 'malware', report: REPORT };
    const answers = {
      'GET /admin/v1/uploads/ob_1': { status: 200, body },
      'POST /admin/v1/uploads/ob_1/release': { status: 200, body },
    };
    const { code, err, asked } = await against('uploads release ob_1', answers);
    expect(code).toBe(2);
    expect(err).toMatch(/Eicar-Test-Signature.*--reason/);
    expect(asked.some(({ method }) => method === 'POST')).toBe(false);
    expect(await against('uploads release ob_1 --reason mistaken', answers)).toMatchObject({
      code: 0,
    });
  });

  it('delete sends the reason, and does nothing without', async () => {
    const answers = { 'DELETE /admin/v1/uploads/ob_1': { status: 204 } };
    const { code, out, last } = await against('uploads delete ob_1 --reason spam', answers);
    expect({ code, out }).toEqual({ code: 0, out: 'deleted ob_1\n' });
    expect(new URL(last?.url ?? '').search).toBe('?reason=spam');
    const { code: refused, asked } = await against('uploads delete ob_1', answers);
    expect({ refused, asked }).toEqual({ refused: 2, asked: [] });
  });
});
