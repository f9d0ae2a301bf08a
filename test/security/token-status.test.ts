import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, newKey } from '../support/client.ts';
import { FILES, ORDERS, PORTAL_SECRET, SECRET } from './deployment.ts';
import { refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, basic, ID_TOKEN, openStage, type Stage, unique } from './stage.ts';

/** Introspection and revocation by clients, through two instances: who is told, what is ended, what is not. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const api = { authorization: basic('orders-api', SECRET) };
const nightly = { authorization: basic('nightly-report', SECRET) };
const portal = { authorization: basic('portal', PORTAL_SECRET) };
const globex = { authorization: basic('globex-service', SECRET) };

type Form = Record<string, string>;
type Headers = Record<string, string>;

const introspect = (token: string, headers: Headers = api, through = stage.client) =>
  through.call('/introspect', { form: { token }, headers });

const revoke = (token: string, form: Form, headers: Headers = {}, through = stage.client) =>
  through.call('/revoke', { form: { token, ...form }, headers });

/** Of nightly-report for itself: a JWT for ORDERS, opaque for FILES. */
const tokenFor = async (resource: string): Promise<string> => {
  const scope = resource === ORDERS ? 'orders:read' : 'files:read files:write';
  const form = { grant_type: 'client_credentials', resource, scope };
  const { status, body, text } = await stage.client.call('/token', { form, headers: nightly });
  if (status !== 200) throw new Error(`no token to attack with: ${text}`);
  return String(body.access_token);
};

const locks = async (): Promise<number> => {
  const [row] = await stage.query<{ count: number }>('SELECT count(*)::int FROM lock');
  return row?.count ?? -1;
};

const inactive = (answer: Answer): void =>
  expect({ status: answer.status, text: answer.text }).toEqual({
    status: 200,
    text: '{"active":false}',
  });

describe('T03 what is no access token', () => {
  /** Each is genuine, and none is an access token of ours. */
  const others = async (): Promise<Record<string, string>> => {
    const key = newKey();
    const { token } = await stage.tokenOf({ key });
    const signed = await stage.client.call('/introspect', {
      form: { token: await tokenFor(ORDERS) },
      headers: { ...api, accept: 'application/token-introspection+jwt' },
    });
    return {
      'an ID token': stage.idToken(),
      'a DPoP proof': await stage.proofFor(key, { accessToken: token }),
      'an answer of introspection': signed.text,
      'a refresh token': checksummed(`dp_rt_${token.slice(6, 38)}`),
      'a ticket': checksummed(`dp_dl_${token.slice(6, 38)}`),
      'a token id': `tk_${unique()}`,
      'a PAR uri': 'urn:ietf:params:oauth:request_uri:x',
      'a code': 'x'.repeat(43),
    };
  };

  it('T03 is inactive, and its revocation ends nothing, on every instance', async () => {
    const before = await locks();
    for (const token of Object.values(await others())) {
      for (const through of stage.clients) {
        inactive(await introspect(token, api, through));
        const answer = await revoke(token, {}, nightly, through);
        expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '' });
      }
    }
    expect(await locks()).toBe(before);
  });

  it('T03 is no subject of an exchange by another name', async () => {
    const signed = (await others())['an answer of introspection'] ?? '';
    for (const subject_token_type of [ACCESS_TOKEN, ID_TOKEN]) {
      await refusesEverywhere(
        stage,
        { status: 400, error: 'invalid_request', audited: true },
        (through) =>
          stage.tokenExchange(
            { subject_token: signed, subject_token_type, resource: ORDERS },
            { app: 'nightly-report', secret: SECRET },
            through,
          ),
      );
    }
  });
});

describe('R10 guessing', () => {
  it('R10 finds nothing one character off, whichever it is, on either instance', async () => {
    const token = await tokenFor(FILES);
    expect((await introspect(token)).body.active).toBe(true);
    for (let at = 6; at < 38; at += 1) {
      const [through] = stage.clients.slice(at % 2);
      const other = token[at] === 'a' ? 'b' : 'a';
      const near = `${token.slice(0, at)}${other}${token.slice(at + 1, 38)}`;
      inactive(await introspect(checksummed(near), api, through)); //    well-formed: looked up, by its hash
      inactive(await introspect(near + token.slice(38), api, through)); // not: refused before any lookup
    }
    expect((await introspect(token)).body.active).toBe(true);
  });

  it('R10 keeps nothing a prefix could be compared with', async () => {
    const token = await tokenFor(FILES);
    const rows = await stage.query('SELECT * FROM issued_token WHERE resource = $1', [FILES]);
    expect(rows.length).toBeGreaterThan(0);
    const kept = JSON.stringify(rows) + JSON.stringify(await stage.query('TABLE audit_event'));
    for (let length = 16; length <= token.length; length += 8) {
      expect(kept).not.toContain(token.slice(6, length));
    }
  });

  it('R10 changes nothing of a JWT unnoticed: one character off is inactive', async () => {
    const token = await tokenFor(ORDERS);
    for (let tries = 0; tries < 60; tries += 1) {
      const at = randomInt(token.length);
      if (token[at] === '.') continue;
      const other = token[at] === 'A' ? 'B' : 'A';
      const near = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
      inactive(await introspect(near, api, stage.clients[tries % 2]));
    }
    expect((await introspect(token)).body.active).toBe(true);
  });
});

describe('introspection is for entitled callers', () => {
  const recorded = (token: string) =>
    stage.query<{ outcome: string; action: string; reason: string; tenant_id: string }>(
      `SELECT outcome, action, reason, tenant_id, app_id, detail FROM audit_event
       WHERE action = 'token.introspect' AND token_id = $1`,
      [token],
    );

  it.each([
    ['another app of the tenant', () => portal],
    ['an app of another tenant', () => globex],
  ])('tells %s nothing, and writes down that it asked', async (_, headers) => {
    for (const resource of [ORDERS, FILES]) {
      const token = await tokenFor(resource);
      const id = String((await introspect(token)).body.jti);
      for (const through of stage.clients) inactive(await introspect(token, headers(), through));
      const rows = await recorded(id);
      expect(rows).toHaveLength(2);
      for (const row of rows) {
        expect(row).toMatchObject({
          outcome: 'denied',
          tenant_id: 'acme',
          app_id: 'nightly-report',
        });
      }
      expect(JSON.stringify(rows)).not.toContain(token);
    }
  });

  it('tells a client that lost its place in the configuration nothing any more', async () => {
    const token = await tokenFor(ORDERS);
    expect((await introspect(token)).body.active).toBe(true);
    await stage.reconfigure((draft) => {
      for (const server of draft.resource_servers)
        Object.assign(server, { introspection_clients: [] });
    });
    try {
      await stage.advance(4); // copies of the configuration are confirmed every three seconds
      for (const through of stage.clients) inactive(await introspect(token, api, through));
      // Whose token it is may ask all the same.
      expect((await introspect(token, nightly)).body.active).toBe(true);
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });

  it('tells an app that has moved to another tenant nothing of what it held in the first', async () => {
    // For storage: what an app may do to an API any more is another question, with the same answer.
    const subject = {
      subject_token: stage.idToken({ aud: 'portal' }),
      subject_token_type: ID_TOKEN,
    };
    const asked = { ...subject, resource: 'bucket:project-123' };
    const { body } = await stage.tokenExchange(asked, { app: 'portal', secret: PORTAL_SECRET });
    const token = String(body.access_token);
    expect((await introspect(token, portal)).body.active).toBe(true);
    await stage.reconfigure((draft) => {
      const app = draft.apps.find(({ id }) => id === 'portal')!;
      const grants = app
        .grants!.slice(0, 1)
        .map((grant) => ({ ...grant, resource: 'bucket:globex-files' }));
      Object.assign(app, { tenant: 'globex', subject_audiences: [], grants });
    });
    try {
      await stage.advance(4); // copies of the configuration are confirmed every three seconds
      for (const through of stage.clients) {
        const answer = await introspect(token, portal, through);
        inactive(answer);
        const event = 'SELECT reason FROM audit_event WHERE request_id = $1 AND outcome = $2';
        const id = answer.headers.get('x-request-id');
        expect(await stage.query(event, [id, 'denied'])).toEqual([
          { reason: expect.stringContaining('another tenant') },
        ]);
      }
    } finally {
      await stage.reconfigure(() => undefined);
    }
    expect((await introspect(token, portal)).body.active).toBe(true);
  });

  it('does not call good what its app holds no longer', async () => {
    const token = await tokenFor(FILES);
    const scopes = async () =>
      String((await introspect(token)).body.scope ?? '')
        .split(' ')
        .sort();
    expect(await scopes()).toEqual(['files:read', 'files:write']);
    const grantOf = (draft: Stage['document']) =>
      draft.apps
        .find(({ id }) => id === 'nightly-report')
        ?.grants?.find(({ resource }) => resource === FILES);
    await stage.reconfigure((draft) => {
      Object.assign(grantOf(draft) ?? {}, { actions: ['files:read'] });
    });
    try {
      await stage.advance(4);
      expect(await scopes()).toEqual(['files:read']);
      await stage.reconfigure((draft) => {
        const app = draft.apps.find(({ id }) => id === 'nightly-report');
        if (app) Object.assign(app, { enabled: false });
      });
      await stage.advance(4);
      for (const through of stage.clients) inactive(await introspect(token, api, through));
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });

  it('refuses callers that are not proven, all alike, and writes nothing down', async () => {
    const token = await tokenFor(ORDERS);
    const attempts: [Form, Headers][] = [
      [{}, {}],
      [{ client_id: 'orders-api' }, {}],
      [{ client_id: 'where2eat' }, {}],
      [{}, { authorization: basic('orders-api', 'wrong') }],
      [{}, { authorization: basic('orders-api', PORTAL_SECRET) }],
      [{}, { authorization: basic('nobody', SECRET) }],
      [{}, { authorization: basic('nobody\0', SECRET) }],
      [{}, { authorization: `Bearer ${token}` }],
      [{ client_id: '__proto__' }, {}],
    ];
    const texts = new Set<string>();
    for (const [form, headers] of attempts) {
      await refusesEverywhere(
        stage,
        { status: 401, error: 'invalid_client', audited: false, secrets: [token] },
        async (through) => {
          const answer = await through.call('/introspect', { form: { token, ...form }, headers });
          texts.add(JSON.stringify({ ...answer.body, request_id: '' }));
          return answer;
        },
      );
    }
    expect([...texts]).toHaveLength(1);
  });

  it('F4 refuses a NUL wherever it is, and never breaks', async () => {
    await refusesEverywhere(
      stage,
      { status: 400, error: 'invalid_request', audited: true },
      (through) => introspect('dp_at_\0', api, through),
    );
    await refusesEverywhere(
      stage,
      { status: 400, error: 'invalid_request', audited: true },
      (through) => revoke('\0', { token_type_hint: '\0' }, nightly, through),
    );
    await refusesEverywhere(
      stage,
      { status: 401, error: 'invalid_client', audited: false },
      (through) => revoke('x', { client_id: '\0' }, {}, through),
    );
  });
});

describe('revocation by clients', () => {
  it('holds at every door of every instance the moment it is acknowledged', async () => {
    for (const [first, second] of [stage.clients, stage.clients.toReversed()]) {
      for (const resource of [ORDERS, FILES]) {
        const token = await tokenFor(resource);
        expect((await introspect(token, api, second)).body.active).toBe(true);
        expect((await revoke(token, {}, nightly, first)).status).toBe(200);
        inactive(await introspect(token, api, second));
      }
      const { token, key } = await stage.tokenOf();
      expect((await revoke(token, { client_id: 'where2eat' }, {}, first)).status).toBe(200);
      for (const [path, body] of [
        ['/exchange', {}],
        ['/objects', undefined],
      ] as const) {
        await refuses(stage, { status: 401, error: 'invalid_token', audited: true }, async () =>
          (second ?? stage.client).call(path, { ...(body && { body }), token, key }),
        );
      }
    }
  });

  it('is one event, which names the app, the person and the token', async () => {
    const { token, id, key } = await stage.tokenOf();
    await revoke(token, { client_id: 'where2eat' });
    await revoke(token, { client_id: 'where2eat' }); // twice is once
    const rows = await stage.query(
      `SELECT * FROM audit_event WHERE action = 'token.revoke' AND token_id = $1`,
      [id],
    );
    expect(rows).toEqual([
      expect.objectContaining({
        outcome: 'granted',
        app_id: 'where2eat',
        user_id: expect.stringMatching(/^u_/),
        device_id: `d_${key.jkt}`,
      }),
    ]);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  it('refuses another client’s token on every instance, on record, and it lives on', async () => {
    const token = await tokenFor(ORDERS);
    const { token: ofPage, key } = await stage.tokenOf();
    const attempts: [string, Form, Headers][] = [
      [token, {}, portal],
      [token, {}, api],
      [token, {}, globex],
      [token, { client_id: 'where2eat' }, {}],
      [ofPage, { client_id: 'lowcode' }, {}],
      [ofPage, {}, portal],
    ];
    const before = await locks();
    for (const [each, form, headers] of attempts) {
      await refusesEverywhere(
        stage,
        { status: 400, error: 'invalid_grant', rule: 'own_token', audited: true, secrets: [each] },
        (through) => revoke(each, form, headers, through),
      );
    }
    expect(await locks()).toBe(before);
    expect((await introspect(token)).body.active).toBe(true);
    expect((await stage.client.call('/objects', { token: ofPage, key })).status).toBe(200);
  });

  it('R08 says 503 where the revocation cannot be written, never 200, and the token lives on', async () => {
    const token = await tokenFor(FILES);
    await stage.query(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'disk on fire'; END $$`);
    for (const table of ['lock', 'audit_event']) {
      await stage.query(
        `CREATE TRIGGER broken BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION broken()`,
      );
      try {
        await refusesEverywhere(
          stage,
          { status: 503, error: 'temporarily_unavailable', audited: false, secrets: [token] },
          (through) => revoke(token, {}, nightly, through),
        );
      } finally {
        await stage.query(`DROP TRIGGER broken ON ${table}`);
      }
      expect((await introspect(token)).body.active).toBe(true);
    }
    await stage.query('DROP FUNCTION broken()');
    expect((await revoke(token, {}, nightly)).status).toBe(200);
    inactive(await introspect(token));
  });

  it('R09 of an exchange and a revocation at once, nothing of it is alive after the answer', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { token, key } = await stage.tokenOf();
      const [one, other] = stage.clients.map((through) => through);
      const exchanges = [one, other].map((through) =>
        (through ?? stage.client).call('/exchange', { body: {}, token, key }),
      );
      const revocation = revoke(token, { client_id: 'where2eat' }, {}, one);
      const [answer, ...children] = await Promise.all([revocation, ...exchanges]);
      expect(answer.status).toBe(200);
      for (const child of children.filter(({ status }) => status === 200)) {
        const held = { token: String(child.body.access_token), key };
        expect((await stage.client.call('/objects', held)).status).toBe(401);
      }
    }
  });
});

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A well-formed token of any 38 characters (contract, "Tokens"). */
function checksummed(head: string): string {
  let rest = crc32(head);
  let text = '';
  for (let digit = 0; digit < 6; digit += 1) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return head + text;
}
