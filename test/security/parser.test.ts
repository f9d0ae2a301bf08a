import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type Answer, newKey } from '../support/client.ts';
import { callersOf, nameOf, ROUTES, type Route } from './callers.ts';
import { ORDERS, SECRET } from './deployment.ts';
import { MALFORMED } from './malformed-bodies.ts';
import { answersIn, asAnswer, bodyOf, lines, sendRaw, statusOf } from './raw-request.ts';
import { mustRefuse, refuses } from './refusal.ts';
import { basic, EXCHANGE, ID_TOKEN, openStage, type Stage } from './stage.ts';

let stage: Stage;
let callers: Awaited<ReturnType<typeof callersOf>>;
beforeAll(async () => {
  stage = await openStage();
  callers = await callersOf(stage);
}, 60_000);
afterAll(() => stage?.stop());

const withBody = ROUTES.filter(({ body, encoding }) => body !== undefined && encoding !== 'event');
/** Shapes are the clouds' own, and read once their sender is proven. */
const ofClouds = ROUTES.filter(({ encoding }) => encoding === 'event');
const withQuery = ROUTES.filter(({ query }) => query !== undefined);
const withParameter = ROUTES.filter(({ path }) => path.includes('{'));
const named = (routes: readonly Route[]) => routes.map((route) => [nameOf(route), route] as const);
const REFUSED = [400, 404, 413];

describe('malformed bodies, at every endpoint', () => {
  it.each(named(withBody))('N09 %s refuses what is not one sound JSON object', async (_, route) => {
    for (const [name, body] of Object.entries(MALFORMED)) {
      if (name === 'nothing' && route.isBodyOptional) continue;
      const { options, known } = await callers.of(route);
      const { method, path } = route;
      const answer = await refuses(stage, { status: REFUSED, audited: known }, () =>
        stage.client.call(path, { ...options, method, body }),
      );
      expect({ name, error: answer.body.error }).toEqual({ name, error: 'invalid_request' });
    }
  });

  it.each(named(withBody))('N09 %s answers 413 or 400 to 64 KB and more', async (_, route) => {
    for (const size of [64 * 1024, 1100 * 1024]) {
      const { options, known } = await callers.of(route);
      const body = JSON.stringify({ app_id: 'x'.repeat(size) });
      await refuses(stage, { status: [400, 413], audited: known }, () =>
        stage.client.call(route.path, { ...options, method: route.method, body }),
      );
    }
  });

  it.each(named(ofClouds))(
    'N09 %s takes nothing at all of whoever is not proven',
    async (_, { path, method }) => {
      const large = JSON.stringify({ Records: 'x'.repeat(1100 * 1024) });
      for (const body of [...Object.values(MALFORMED), large]) {
        await refuses(stage, { status: [400, 401, 413], audited: false }, () =>
          stage.client.call(path, { method, body }),
        );
      }
    },
  );

  it.each(named(withBody))('N09 %s refuses the wrong type in every member', async (_, route) => {
    const schema = z.toJSONSchema(route.body!, { unrepresentable: 'any', io: 'input' });
    const members = Object.entries(schema.properties ?? {}) as [string, { type?: string }][];
    for (const [member, { type = '' }] of members) {
      for (const value of WRONG[type] ?? []) {
        const { options, known } = await callers.of(route);
        const answer = await refuses(
          stage,
          { status: 400, error: 'invalid_request', audited: known },
          () =>
            stage.client.call(route.path, {
              ...options,
              method: route.method,
              body: { [member]: value },
            }),
        );
        const violations = answer.body.violations as { field: string }[];
        const fields = violations.map(({ field }) => field.split('.')[0]);
        // Text that nothing can hold is refused wherever it stands in JSON.
        const isOfBody = UNSOUND.includes(value) && route.encoding !== 'form';
        expect({ member, value, fields }).toMatchObject({
          fields: isOfBody ? ['body'] : expect.arrayContaining([member]),
        });
      }
    }
  });

  it('N09 refuses a configuration whose members are of another type', async () => {
    const route = ROUTES.find(
      ({ path, method }) => path === '/admin/v1/config' && method === 'PUT',
    );
    const bodies = [
      { apps: 'x' },
      { apps: [{ id: { not: '' } }] },
      { tenants: [null] },
      { tenants: [[]], admins: {} },
      { limits: { ttl: { default: { $gt: 0 } } } },
      { issuers: [{ id: '__proto__' }] },
    ];
    for (const body of bodies) {
      const { options } = await callers.of(route!);
      await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
        stage.client.call('/admin/v1/config', { ...options, method: 'PUT', body }),
      );
    }
  });
});

const UNSOUND: readonly unknown[] = ['a\u0000b', '\ud800', 'x\udfff'];
const OPERATORS = [{ not: '' }, { $ne: null }, { contains: '' }];
const WRONG: Record<string, readonly unknown[]> = {
  string: [0, true, null, [], ['x'], {}, '', ...OPERATORS, ...UNSOUND],
  integer: ['1', true, null, [], [1], {}, -1, 0, 1.5, 1e300, ...OPERATORS],
  boolean: ['true', 0, 1, null, [], {}, ...OPERATORS],
  array: ['x', 0, true, null, {}, [], [0], [[]], [null], ...OPERATORS],
  object: ['x', 0, true, null, [], [{}], { not: '' }, { $ne: null }],
};

describe('an exchange, before and after its caller is known', () => {
  it.each(Object.entries(MALFORMED))(
    'N09 says nothing of %s to whoever has no good token',
    async (_, body) => {
      const token = stage.idToken({ aud: 'somebody-else' });
      await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
        stage.client.call('/exchange', { token, key: newKey(), bound: false, body }),
      );
    },
  );

  it('U2 records who names an app that is not there, or not theirs', async () => {
    const key = newKey();
    const expected = { status: 400, error: 'invalid_request', rule: 'unknown_app', audited: true };
    await refuses(stage, expected, () => stage.exchange({ body: { app_id: 'nowhere' }, key }));
    const held = await stage.tokenOf();
    await refuses(stage, { ...expected, rule: 'same_app' }, () =>
      stage.client.call('/exchange', {
        token: held.token,
        key: held.key,
        body: { app_id: 'lowcode' },
      }),
    );
  });

  it('U2 names the token that was to be narrowed, and of a grant the one that came of it', async () => {
    const held = await stage.tokenOf();
    const narrow = (body: object) =>
      stage.client.call('/exchange', { token: held.token, key: held.key, body });
    const idOf = async ({ body }: Answer) => {
      const sql = 'SELECT token_id FROM audit_event WHERE request_id = $1 OR token_id = $2';
      const rows = await stage.query<{ token_id: string }>(sql, [body.request_id, body.token_id]);
      return rows.map(({ token_id }) => token_id);
    };
    expect(await idOf(await narrow({ actions: ['hover'] }))).toEqual([held.id]);
    expect(await idOf(await narrow({ ttl: 'soon' }))).toEqual([held.id]);
    const granted = await narrow({ actions: ['read'] });
    expect(await idOf(granted)).toEqual([granted.body.token_id]);
  });

  it('U2 uses up the proof of a request that means nothing', async () => {
    const key = newKey();
    const token = stage.idToken();
    await stage.freshNonce();
    const proof = key.prove({
      method: 'POST',
      url: `${stage.broker.issuer}/exchange`,
      nonce: stage.client.nonce(),
    });
    const call = (body: object) =>
      stage.client.call('/exchange', { token, headers: { dpop: proof }, body });
    expect((await call({ ttl: 'soon' })).status).toBe(400);
    expect((await call({ resource: 'bucket:project-123' })).body).toMatchObject({
      error: 'invalid_dpop_proof',
    });
  });
});

describe('queries and paths, at every endpoint', () => {
  const QUERIES = [
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=1.5',
    'limit=many',
    'limit=1&limit=2',
    'limit[]=1',
    'cursor=x',
    'cursor=%00',
    `cursor=${Buffer.from("tk_' OR 1=1 --").toString('base64url')}`,
    `cursor=${Buffer.from('../../../etc/passwd').toString('base64url')}`,
    `cursor=${'A'.repeat(300)}`,
    'cursor[not]=',
    'cursor=&cursor=',
    'unheard_of=1',
    '__proto__=1',
    '__proto__[limit]=1',
    'constructor=1',
    'dry_run=%00',
    'dry_run=TRUE',
    `unheard_of=${'x'.repeat(8_000)}`,
  ];

  it.each(named(withQuery))(
    'N09 %s refuses what it does not know and what is forged',
    async (_, route) => {
      const { method, path } = route;
      const body = route.body && {};
      for (const query of QUERIES) {
        const { options } = await callers.of(route);
        const answer = await refuses(
          stage,
          { status: 400, error: 'invalid_request', audited: true },
          () =>
            stage.client.call(`${path}?${query}`, { ...options, method, ...(body && { body }) }),
        );
        expect({ query, status: answer.status }).toEqual({ query, status: 400 });
      }
    },
  );

  it('N09 refuses SQL, patterns and operators where an id is searched for', async () => {
    const security = (await callers.of(find('GET /admin/v1/audit'))).options;
    for (const path of ['/admin/v1/audit', '/admin/v1/tokens']) {
      for (const value of ["' OR '1'='1", 'a%00', '%25', 'a,b', '{"not":""}', '*']) {
        await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
          stage.client.call(`${path}?app_id=${value}`, security),
        );
      }
    }
  });

  const SEGMENTS = [
    '%00',
    'x%00y',
    '..%2f..%2fetc',
    '%252e%252e',
    '__proto__',
    'constructor',
    '%ff',
    '%E0%A4%A',
    "'%20OR%20'1'='1",
    '%F0%9F%92%A9',
    'x'.repeat(8_000),
  ];

  it.each(named(withParameter))('N09 %s takes nothing strange for an id', async (_, route) => {
    for (const segment of SEGMENTS) {
      const { options } = await callers.of(route);
      const path = route.path.replace(/\{\w+\}/, segment).replaceAll(/\{\w+\}/g, 'x');
      const body = route.body && { unheard_of: true }; // of a tenant nothing but an id is needed
      const answer = await stage.client.call(path, {
        ...options,
        method: route.method,
        ...(body && { body }),
      });
      mustRefuse(answer, { status: [400, 401, 404] });
    }
  });

  it('N09 answers an unknown path and another method alike, in the one shape', async () => {
    for (const path of [
      '/nowhere',
      '/admin',
      '/admin/v2/tokens',
      '/%00',
      '/exchange/',
      '//exchange',
      '/.env',
    ]) {
      mustRefuse(await stage.client.call(path, { body: {} }), { status: [400, 404] });
    }
    for (const route of ROUTES.filter(({ authentication }) => authentication !== 'none')) {
      const path = route.path.replace(/\{\w+\}/, 'x');
      mustRefuse(await stage.client.call(path, { method: 'PATCH' }), { status: [404, 405] });
    }
  });
});

const find = (name: string): Route => ROUTES.find((route) => nameOf(route) === name)!;

describe('/token', () => {
  const call = (form: Record<string, string | string[]>) =>
    stage.tokenExchange(
      {
        subject_token: stage.idToken({ aud: 'nightly-report' }),
        subject_token_type: ID_TOKEN,
        resource: ORDERS,
        ...form,
      },
      { app: 'nightly-report', secret: SECRET },
    );
  const PARAMETERS = [
    'subject_token',
    'subject_token_type',
    'requested_token_type',
    'resource',
    'audience',
    'scope',
    'authorization_details',
    'lawful_basis',
    'actor_token',
    'actor_token_type',
    'dpop_binding_proof',
  ];

  it.each(PARAMETERS)('F4 refuses NUL, half a surrogate and 50 KB in %s', async (parameter) => {
    for (const value of ['\0', 'a\0b', `${ORDERS}\0`, '\u{ffff}\r\n', 'x'.repeat(50_000)]) {
      await refuses(stage, { status: 400, audited: true, secrets: ['x'.repeat(5_000)] }, () =>
        call({ [parameter]: value }),
      );
    }
  });

  it.each(['client_id', 'client_secret', 'client_assertion', 'grant_type'])(
    'F4 refuses NUL in %s, before anyone is known',
    async (parameter) => {
      for (const value of ['\0', 'where2eat\0', '__proto__', 'x'.repeat(50_000)]) {
        const answer = await refuses(stage, { status: [400, 401], audited: false }, () =>
          stage.client.call('/token', {
            form: { grant_type: EXCHANGE, client_id: 'where2eat', [parameter]: value },
          }),
        );
        expect(answer.text).not.toContain('\0');
      }
    },
  );

  it.each<[string, string, string]>([
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}'],
    ['multipart', 'multipart/form-data; boundary=x', '--x--'],
    [
      'malformed encoding',
      'application/x-www-form-urlencoded',
      'grant_type=%E0%A4%A&client_id=%zz',
    ],
    ['__proto__', 'application/x-www-form-urlencoded', '__proto__=1&constructor=2'],
    ['brackets', 'application/x-www-form-urlencoded', 'grant_type[]=client_credentials&a[b][c]=1'],
    ['nothing', 'application/x-www-form-urlencoded', ''],
    ['64 KB', 'application/x-www-form-urlencoded', `grant_type=${'x'.repeat(64 * 1024)}`],
    ['many parameters', 'application/x-www-form-urlencoded', 'a=1&'.repeat(5_000)],
  ])('N09 refuses %s', async (_, type, body) => {
    for (const headers of [
      { 'content-type': type },
      { 'content-type': type, authorization: basic('nightly-report', SECRET) },
    ]) {
      mustRefuse(await stage.client.call('/token', { method: 'POST', body, headers }), {
        status: [400, 401, 413],
      });
    }
  });

  it('N09 reads no parameter from the query', async () => {
    const query = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders:read' });
    const answer = await stage.client.call(`/token?${query}`, {
      form: {},
      headers: { authorization: basic('nightly-report', SECRET) },
    });
    mustRefuse(answer, { status: 400 });
  });
});

describe('N04 requests as bytes', () => {
  const METADATA = '/.well-known/oauth-authorization-server';
  const host = () => `Host: ${new URL(stage.issuer).host}`;
  const get = (target: string, ...headers: string[]) =>
    sendRaw(stage.issuer, lines(`GET ${target} HTTP/1.1`, ...headers, 'Connection: close'));

  it.each<[string, string[]]>([
    ['another Host', ['Host: evil.example']],
    ['a Host with user and port', ['Host: evil.com:x@good']],
    [
      'forwarded headers',
      [
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Proto: https',
        'X-Forwarded-For: 1.2.3.4',
        'X-Forwarded-Prefix: /evil',
      ],
    ],
    ['Forwarded', ['Forwarded: host=evil.example;proto=https']],
    [
      'rewriting headers',
      [
        'X-Original-URL: /admin/v1/config',
        'X-Rewrite-URL: /admin/v1/config',
        'X-Host: evil.example',
      ],
    ],
    ['two hosts', ['Host: evil.example', 'Host: evil2.example']],
  ])('N04 the issuer stays what it is with %s', async (_, headers) => {
    const hasHost = headers.some((line) => line.startsWith('Host'));
    const answer = await get(METADATA, ...(hasHost ? [] : [host()]), ...headers);
    if (statusOf(answer) === 400) return;
    expect(statusOf(answer)).toBe(200);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({
      issuer: stage.issuer,
      token_endpoint: `${stage.issuer}/token`,
    });
    expect(answer).not.toContain('evil');
  });

  it('N04 the issuer stays what it is with a target in absolute form', async () => {
    const answer = await get(`http://evil.example${METADATA}`, 'Host: evil.example');
    expect(answer).not.toContain('evil.example');
    expect([200, 400, 404]).toContain(statusOf(answer));
  });

  it('N04 compares a proof with the issuer, never with Host', async () => {
    const key = newKey();
    const evil = await stage.proofFor(key, { url: 'http://evil.example/exchange' });
    const good = await stage.proofFor(key);
    const body = JSON.stringify({ resource: 'bucket:project-123' });
    const post = (target: string, dpop: string) =>
      sendRaw(
        stage.issuer,
        `${lines(
          `POST ${target} HTTP/1.1`,
          'Host: evil.example',
          'X-Forwarded-Host: evil.example',
          `Authorization: Bearer ${stage.idToken()}`,
          `DPoP: ${dpop}`,
          `Content-Length: ${body.length}`,
          'Connection: close',
        )}${body}`,
      );
    expect(statusOf(await post('/exchange', evil))).toBe(400);
    expect(statusOf(await post('http://evil.example/exchange', evil))).toBe(400);
    expect(statusOf(await post('/exchange', good))).toBe(200);
  });

  const smuggled = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';
  it.each<[string, () => string]>([
    ['no Host', () => lines(`GET ${METADATA} HTTP/1.1`)],
    [
      'both lengths',
      () =>
        `${lines('POST /exchange HTTP/1.1', host(), 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
    ],
    [
      'two lengths',
      () =>
        `${lines('POST /exchange HTTP/1.1', host(), 'Content-Length: 0', `Content-Length: ${smuggled.length}`)}${smuggled}`,
    ],
    [
      'a list of lengths',
      () =>
        `${lines('POST /exchange HTTP/1.1', host(), `Content-Length: 0, ${smuggled.length}`)}${smuggled}`,
    ],
    [
      'a signed length',
      () => `${lines('POST /exchange HTTP/1.1', host(), 'Content-Length: +5')}hello`,
    ],
    [
      'an unknown transfer coding',
      () =>
        `${lines('POST /exchange HTTP/1.1', host(), 'Transfer-Encoding: chunked, identity')}0\r\n\r\n`,
    ],
    [
      'a hidden transfer coding',
      () => `${lines('POST /exchange HTTP/1.1', host(), 'Transfer-Encoding : chunked')}0\r\n\r\n`,
    ],
    ['a folded header', () => lines(`GET ${METADATA} HTTP/1.1`, host(), 'X-A: b', ' c: d')],
    ['a NUL in a header', () => lines(`GET ${METADATA} HTTP/1.1`, host(), 'X-A: b\0c')],
    ['a bare line feed', () => `GET ${METADATA} HTTP/1.1\n${host()}\nX-A: b\n\n`],
    [
      'a bad chunk',
      () => `${lines('POST /exchange HTTP/1.1', host(), 'Transfer-Encoding: chunked')}zz\r\n`,
    ],
    [
      'headers above 24 KB',
      () => lines(`GET ${METADATA} HTTP/1.1`, host(), `X-A: ${'x'.repeat(30_000)}`),
    ],
  ])('N04 answers 4xx once to %s, on both origins, as everything is refused', async (_, bytes) => {
    for (const origin of [stage.issuer, stage.broker.contentOrigin]) {
      const answer = await sendRaw(origin, bytes());
      expect(answersIn(answer)).toBe(1);
      expect(answer).not.toMatch(/\bat .*:\d+:\d+|node_modules/);
      mustRefuse(asAnswer(answer), { status: [400, 404, 408, 431] });
    }
  });

  it('N04 refuses a header given twice where one is meant', async () => {
    const body = JSON.stringify({ resource: 'bucket:project-123' });
    const [token, dpop] = [stage.idToken(), await stage.proofFor(newKey())];
    const post = (...headers: string[]) =>
      sendRaw(
        stage.issuer,
        `${lines('POST /exchange HTTP/1.1', host(), ...headers, `Content-Length: ${body.length}`, 'Connection: close')}${body}`,
      );
    const authorization = `Authorization: Bearer ${token}`;
    expect(statusOf(await post(authorization, authorization, `DPoP: ${dpop}`))).toBe(401);
    expect(statusOf(await post(authorization, `DPoP: ${dpop}`, `DPoP: ${dpop}`))).toBe(400);
    expect(statusOf(await post(authorization, `DPoP: ${dpop}`, 'DPoP: '))).toBe(400);
    expect(statusOf(await post(authorization, `DPoP: ${dpop}`))).toBe(200);
  });

  it('N04 takes no method from a header, and neither TRACE nor CONNECT', async () => {
    const overriding = await get('/exchange', host(), 'X-HTTP-Method-Override: POST');
    expect(statusOf(overriding)).toBe(405);
    for (const method of ['TRACE', 'CONNECT']) {
      const answer = await sendRaw(
        stage.issuer,
        lines(
          `${method} ${method === 'CONNECT' ? 'a:1' : '/exchange'} HTTP/1.1`,
          host(),
          'X-Secret: s3cret',
        ),
      );
      expect(answer).not.toContain('s3cret');
      mustRefuse(asAnswer(answer), { status: method === 'CONNECT' ? 400 : 405 });
    }
  });

  it('N04 refuses a body that is not UTF-8, and one that ends early', async () => {
    const head = ['POST /exchange HTTP/1.1', host(), `Authorization: Bearer ${stage.idToken()}`];
    const bytes = Buffer.concat([
      Buffer.from('{"app_id":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    const garbled = Buffer.concat([
      Buffer.from(lines(...head, `Content-Length: ${bytes.length}`, 'Connection: close')),
      bytes,
    ]);
    expect(statusOf(await sendRaw(stage.issuer, garbled))).toBe(400);
    await sendRaw(stage.issuer, `${lines(...head, 'Content-Length: 500')}{"a"`, 50);
    expect((await stage.client.call('/health/live')).status).toBe(200);
  });
});

describe('N07 time', () => {
  /** CPU of this process, the broker's: what others do on the machine is not counted. */
  const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const EVIL = [
    'a'.repeat(50_000),
    '/'.repeat(50_000),
    '../'.repeat(16_000),
    '%2e%2e%2f'.repeat(5_000),
    '{user_id}'.repeat(5_000),
    'a:'.repeat(25_000),
    ' '.repeat(50_000),
    '"'.repeat(50_000),
    'http://a/'.padEnd(50_000, '@'),
    'storage:bucket:'.padEnd(50_000, ':'),
    'e\u0301'.repeat(12_000),
  ];

  it('N07 spends no more on 50 KB of anything than on reading it', async () => {
    for (const evil of EVIL) {
      for (const parameter of ['scope', 'resource', 'subject_token', 'authorization_details']) {
        const cpu = await cpuOf(() =>
          stage.tokenExchange(
            {
              subject_token: 'x',
              subject_token_type: ID_TOKEN,
              resource: ORDERS,
              [parameter]: evil,
            },
            { app: 'nightly-report', secret: SECRET },
          ),
        );
        expect({ parameter, evil: evil.slice(0, 9), slow: cpu > 300 }).toMatchObject({
          slow: false,
        });
      }
    }
  });

  it('N07 spends no more on long text in JSON and headers', async () => {
    for (const evil of EVIL.map((text) => text.slice(0, 4_000))) {
      const bodies = [
        { resource: evil.slice(0, 2_000) },
        { constraints: { prefix: evil } },
        { constraints: { content_types: Array.from({ length: 10 }, () => evil.slice(0, 250)) } },
        { actions: Array.from({ length: 32 }, () => evil.slice(0, 250)) },
      ];
      for (const body of bodies) {
        const cpu = await cpuOf(() =>
          stage.exchange({
            key: newKey(),
            body,
            headers: { 'x-forwarded-for': ','.repeat(8_000), traceparent: '0-'.repeat(1_000) },
          }),
        );
        expect({ evil: evil.slice(0, 9), slow: cpu > 300 }).toMatchObject({ slow: false });
      }
    }
  });
});
