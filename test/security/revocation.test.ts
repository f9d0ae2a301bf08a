import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Answer, newKey } from '../support/client.ts';
import { testServerUrl } from '../support/postgres.ts';
import { FILES, ORDERS, PORTAL_SECRET, SECRET } from './deployment.ts';
import { mustRefuse, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, basic, type Held, ID_TOKEN, openStage, type Stage } from './stage.ts';

let stage: Stage;
let desk: Held;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  desk = await deskOf();
}, 60_000);
afterAll(() => stage?.stop());

const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };
const invalidToken = { status: 401, error: 'invalid_token', audited: true } as const;
const blocked = { status: 403, error: 'access_denied', rule: 'blocked', audited: true } as const;

const deskOf = (): Promise<Held> =>
  stage.tokenOf({
    claims: { sub: 'desk', aud: 'daypass', groups: ['security'] },
    body: {
      app_id: 'daypass-cli',
      resource: `${stage.issuer}/admin`,
      actions: ['admin'],
      ttl: 3_000,
    },
  });

/** Revokes through an instance, and answers when it was acknowledged. */
const revoke = async (
  target: object,
  more: object = {},
  through = stage.client,
): Promise<Answer> => {
  const { token, key } = desk;
  const body = { target, reason: 'an attack', ...more };
  const answer = await through.call('/admin/v1/revocations', { body, token, key });
  if (answer.status !== 201) throw new Error(`not revoked: ${answer.text}`);
  return answer;
};

const lift = (receipt: Answer): Promise<Answer> =>
  stage.client.call(`/admin/v1/revocations/${receipt.body.revocation_id}`, {
    method: 'DELETE',
    token: desk.token,
    key: desk.key,
  });

const userOf = async ({ id }: { id: string }): Promise<string> => {
  const [row] = await stage.query<{ user_id: string }>(
    'SELECT user_id FROM issued_token WHERE token_id = $1',
    [id],
  );
  return row?.user_id ?? '';
};

describe('T14 what was taken back', () => {
  it('T14 is refused at every door of every instance at once: the token and all that came of it', async () => {
    const parent = await stage.tokenOf();
    const { key } = parent;
    const child = await stage.client.call('/exchange', { body: {}, token: parent.token, key });
    const grandchild = await stage.client.call('/exchange', {
      body: { actions: ['read', 'write', 'list'] },
      token: child.body.access_token as string,
      key,
    });
    const receipt = await revoke({ token_id: parent.id });
    expect(receipt.body).toMatchObject({ killed: { tokens: 1, derived: 2 } });
    for (const { body } of [parent.answer, child, grandchild]) {
      const token = body.access_token as string;
      const calls: [string, object | undefined][] = [
        ['/exchange', {}],
        ['/request-upload', upload],
        ['/request-download', { objectId: 'ob_1' }],
        ['/objects', undefined],
      ];
      for (const [path, sent] of calls) {
        await refusesEverywhere(stage, { ...invalidToken, secrets: [token] }, (through) =>
          through.call(path, { ...(sent && { body: sent }), token, key }),
        );
      }
    }
  });

  it('T14 is refused as a subject at /token', async () => {
    const portal = { app: 'portal', secret: PORTAL_SECRET };
    const answer = await stage.tokenExchange(
      {
        subject_token: stage.idToken({ aud: 'portal', sub: 'pia' }),
        subject_token_type: ID_TOKEN,
        resource: 'bucket:project-123',
      },
      portal,
    );
    await revoke({ token_id: answer.body.token_id });
    const subject_token = answer.body.access_token as string;
    await refusesEverywhere(
      stage,
      { status: 400, error: 'invalid_request', audited: true, secrets: [subject_token] },
      (through) =>
        stage.tokenExchange({ subject_token, subject_token_type: ACCESS_TOKEN }, portal, through),
    );
  });

  it('T14 leaves the parent alive where the child was revoked', async () => {
    const { token, key } = await stage.tokenOf();
    const child = await stage.client.call('/exchange', { body: {}, token, key });
    await revoke({ token_id: child.body.token_id });
    expect((await stage.client.call('/objects', { token, key })).status).toBe(200);
  });

  it('T14 blocks a user: old tokens, new sign-ins, and the sign-in of before', async () => {
    const key = newKey();
    const idToken = stage.idToken({ sub: 'blocked' });
    const held = await stage.tokenOf({ key, token: idToken });
    const receipt = await revoke({ user_id: await userOf(held) });
    await refusesEverywhere(stage, invalidToken, (through) =>
      through.call('/objects', { token: held.token, key }),
    );
    const doors = [idToken, stage.idToken({ sub: 'blocked' })];
    for (const token of doors) {
      await refusesEverywhere(stage, blocked, (through) => stage.exchange({ key, token }, through));
    }
    await refusesEverywhere(stage, { status: 400, audited: true }, (through) =>
      stage.tokenExchange(
        {
          subject_token: stage.idToken({ sub: 'blocked', aud: 'nightly-report' }),
          subject_token_type: ID_TOKEN,
          resource: FILES,
        },
        { app: 'nightly-report', secret: SECRET },
        through,
      ),
    );

    // Lifting revives nothing: neither the token nor the sign-in it came from.
    expect((await lift(receipt)).status).toBe(204);
    await refusesEverywhere(stage, invalidToken, (through) =>
      through.call('/objects', { token: held.token, key }),
    );
    await refusesEverywhere(stage, invalidToken, (through) =>
      stage.exchange({ key, token: idToken }, through),
    );
    await stage.advance(2);
    expect((await stage.exchange({ key, claims: { sub: 'blocked' } })).status).toBe(200);
  });

  it('T14 blocks an app: its tokens, its users, its client credentials, at /exchange and /token', async () => {
    const held = await stage.unboundToken();
    const [lowcode, nightly] = [
      await revoke({ app_id: 'lowcode' }),
      await revoke({ app_id: 'nightly-report' }),
    ];
    await refusesEverywhere(stage, invalidToken, (through) =>
      through.call('/objects', { token: held.token }),
    );
    await refusesEverywhere(stage, blocked, (through) =>
      stage.exchange({ claims: { aud: 'lowcode' } }, through),
    );
    await refusesEverywhere(stage, { status: 400, rule: 'blocked', audited: true }, (through) =>
      stage.tokenExchange(
        { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
        { app: 'nightly-report', secret: SECRET },
        through,
      ),
    );
    await lift(lowcode);
    await lift(nightly);
    expect((await stage.exchange({ claims: { aud: 'lowcode' } })).status).toBe(200);
  });

  it('T14 ends sign-ins of before also where nothing is blocked', async () => {
    const key = newKey();
    const token = stage.idToken({ sub: 'once-more' });
    const held = await stage.tokenOf({ key, token });
    await revoke({ user_id: await userOf(held) }, { block: false });
    await refusesEverywhere(stage, invalidToken, (through) =>
      stage.exchange({ key, token }, through),
    );
    await stage.advance(2);
    expect((await stage.exchange({ key, claims: { sub: 'once-more' } })).status).toBe(200);
  });
});

describe('T19 exchange and revocation race', () => {
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  // Issuing takes its time between looking at the locks and committing: whoever races falls in between.
  beforeAll(() =>
    stage.query(
      `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$;
       CREATE TRIGGER dawdle AFTER INSERT ON issued_token FOR EACH STATEMENT EXECUTE FUNCTION dawdle()`,
    ),
  );
  afterAll(() => stage.query('DROP TRIGGER dawdle ON issued_token; DROP FUNCTION dawdle()'));

  const issuedUnder = async (target: string): Promise<number> => {
    const rows = await stage.query('SELECT FROM issued_token WHERE $1 = ANY (lineage)', [target]);
    return rows.length;
  };

  /** Tokens of this lineage that the database would still honour. */
  const alive = (target: string) =>
    stage.query(
      `SELECT t.token_id FROM issued_token AS t WHERE $1 = ANY (t.lineage) AND NOT EXISTS (
         SELECT FROM lock AS l WHERE l.target = ANY (t.lineage)
           AND (l.target LIKE 'token:%' OR l.effective_at >= t.issued_at))`,
      [target],
    );

  const mustBeDead = async (answers: readonly Answer[], key: Held['key']): Promise<void> => {
    for (const { body } of answers.filter(({ status }) => status === 200)) {
      const token = body.access_token as string;
      const answer = await stage.clients[1]!.call('/objects', { token, key });
      mustRefuse(answer, { status: 401, error: 'invalid_token' });
    }
  };

  it('T19 what waits for its record while its app is revoked, and not blocked, is decided again and alive', async () => {
    await stage.query('BEGIN');
    await stage.query(`SELECT pg_advisory_xact_lock(hashtextextended('configuration', 0))`);
    const waiting = stage.tokenExchange(
      { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
      { app: 'nightly-report', secret: SECRET },
      stage.clients[1],
    );
    await sleep(100);
    await revoke({ app_id: 'nightly-report' }, { block: false });
    await stage.query('COMMIT');
    const { status, body } = await waiting;
    expect(status).toBe(200);
    const answer = await stage.client.call('/introspect', {
      form: { token: String(body.access_token) },
      headers: { authorization: basic('orders-api', SECRET) },
    });
    expect(answer.body.active).toBe(true);
  });

  it('T19 leaves no child of a token that was revoked meanwhile: none later, none alive, none uncounted, in 300 interleavings', async () => {
    let granted = 0;
    for (let round = 0; round < 50; round += 1) {
      const { token, key, id } = await stage.tokenOf({ claims: { sub: `racer-${round}` } });
      const racing = Array.from({ length: 6 }, async (_, n) => {
        await sleep((n * round) % 37);
        return stage.clients[n % 2]!.call('/exchange', { body: {}, token, key });
      });
      await sleep(round % 41);
      const receipt = await revoke({ token_id: id }, {}, stage.clients[round % 2]);
      const atAck = await issuedUnder(`token:${id}`);
      const answers = await Promise.all(racing);
      expect({ round, issued: await issuedUnder(`token:${id}`) }).toEqual({ round, issued: atAck });
      expect(receipt.body).toMatchObject({ killed: { tokens: 1, derived: atAck - 1 } });
      expect(await alive(`token:${id}`)).toEqual([]);

      const late = await stage.clients[(round + 1) % 2]!.call('/exchange', {
        body: {},
        token,
        key,
      });
      mustRefuse(late, { status: 401, error: 'invalid_token' });
      const won = answers.filter(({ status }) => status === 200);
      granted += won.length;
      expect(won.length).toBeLessThanOrEqual(atAck - 1);
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        mustRefuse(answer, { status: [400, 401, 503] });
      }
      if (round % 10 === 0) await mustBeDead(answers, key);
    }
    expect(granted).toBeGreaterThan(0); // or nothing raced
  }, 120_000);

  it('T19 issues nothing to a user once the block is acknowledged, in 200 interleavings', async () => {
    for (let round = 0; round < 40; round += 1) {
      const claims = { sub: `blocked-${round}` };
      const key = newKey();
      const first = await stage.tokenOf({ claims, key });
      const user = await userOf(first);
      const racing = Array.from({ length: 5 }, async (_, n) => {
        await sleep((n * round) % 31);
        return stage.exchange({ claims, key }, stage.clients[n % 2]);
      });
      await sleep(round % 37);
      const receipt = await revoke({ user_id: user }, {}, stage.clients[round % 2]);
      const atAck = await issuedUnder(`user:${user}`);
      await Promise.all(racing);
      expect({ round, issued: await issuedUnder(`user:${user}`) }).toEqual({
        round,
        issued: atAck,
      });
      expect(receipt.body).toMatchObject({ killed: { tokens: atAck } });
      expect(await alive(`user:${user}`)).toEqual([]);
      const later = await stage.query(
        'SELECT token_id FROM issued_token WHERE user_id = $1 AND issued_at > $2',
        [user, receipt.body.effective_at],
      );
      expect(later).toEqual([]);
      const late = await stage.exchange({ claims, key }, stage.clients[(round + 1) % 2]);
      mustRefuse(late, { status: 403, error: 'access_denied', rule: 'blocked' });
    }
  }, 120_000);
});

describe('T20 faults', () => {
  const unavailable = { status: 503, error: 'temporarily_unavailable', audited: false } as const;

  /** Every way to a credential, and to a receipt. */
  const ways = (held: Held): [string, (through: Stage['client']) => Promise<Answer>][] => [
    ['/exchange', (through) => stage.exchange({ key: newKey() }, through)],
    [
      'narrowing',
      (through) => through.call('/exchange', { body: {}, token: held.token, key: held.key }),
    ],
    [
      '/token',
      (through) =>
        stage.tokenExchange(
          {
            subject_token: stage.idToken({ aud: 'nightly-report' }),
            subject_token_type: ID_TOKEN,
            resource: ORDERS,
            scope: 'orders:read',
          },
          { app: 'nightly-report', secret: SECRET },
          through,
        ),
    ],
    [
      'client_credentials',
      (through) =>
        stage.tokenExchange(
          { grant_type: 'client_credentials', resource: FILES },
          { app: 'nightly-report', secret: SECRET },
          through,
        ),
    ],
    [
      '/request-upload',
      (through) =>
        through.call('/request-upload', { body: upload, token: held.token, key: held.key }),
    ],
    ['/objects', (through) => through.call('/objects', { token: held.token, key: held.key })],
    [
      'the dry run',
      (through) => stage.exchange({ key: newKey(), body: { dry_run: true } }, through),
    ],
    [
      'a revocation',
      (through) =>
        through.call('/admin/v1/revocations', {
          body: { target: { token_id: held.id }, reason: 'x' },
          token: desk.token,
          key: desk.key,
        }),
    ],
  ];

  const withFault = async (
    fault: string,
    mend: string,
    work: () => Promise<void>,
  ): Promise<void> => {
    await stage.query(fault);
    try {
      await work();
    } finally {
      await stage.query(mend);
    }
  };

  const FAULTS: [string, string, string][] = [
    [
      'no right to write the record',
      'REVOKE INSERT ON audit_event FROM daypass_app',
      'GRANT INSERT ON audit_event TO daypass_app',
    ],
    [
      'a trigger that raises',
      `CREATE FUNCTION refuse_1() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
       CREATE TRIGGER refuse_1 BEFORE INSERT ON audit_event EXECUTE FUNCTION refuse_1()`,
      'DROP TRIGGER refuse_1 ON audit_event; DROP FUNCTION refuse_1()',
    ],
    [
      'a table that is gone',
      'ALTER TABLE audit_event RENAME TO audit_event_gone',
      'ALTER TABLE audit_event_gone RENAME TO audit_event',
    ],
  ];

  it.each(FAULTS)(
    'T20 F6 answers 503 and issues nothing with %s, and is well again after',
    async (_, fault, mend) => {
      const held = await stage.tokenOf();
      const counted = () =>
        stage.query(`SELECT (SELECT count(*) FROM issued_token) AS tokens, (SELECT count(*) FROM lock) AS locks,
        (SELECT count(*) FROM stored_object) AS objects`);
      const before = await counted();
      await withFault(fault, mend, async () => {
        for (const [name, way] of ways(held)) {
          for (const through of stage.clients) {
            const answer = await way(through);
            expect({ name, status: answer.status }).toEqual({ name, status: 503 });
            mustRefuse(answer, unavailable);
            expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
          }
        }
      });
      expect(await counted()).toEqual(before);
      for (const [name, way] of ways(held)) {
        const { status } = await way(stage.client);
        expect({ name, ok: status < 300 }).toEqual({ name, ok: true });
      }
    },
  );

  it('T20 answers 503 where the tokens themselves cannot be written', async () => {
    await withFault(
      'REVOKE INSERT ON issued_token FROM daypass_app',
      'GRANT INSERT ON issued_token TO daypass_app',
      async () => {
        await refusesEverywhere(stage, unavailable, (through) =>
          stage.exchange({ key: newKey() }, through),
        );
      },
    );
    expect((await stage.exchange({ key: newKey() })).status).toBe(200);
  });

  it('T20 answers 503 where it cannot be seen whether a proof was used', async () => {
    const held = await stage.tokenOf();
    await withFault(
      'REVOKE INSERT ON replay FROM daypass_app',
      'GRANT INSERT ON replay TO daypass_app',
      async () => {
        await refusesEverywhere(stage, unavailable, (through) =>
          stage.exchange({ key: newKey() }, through),
        );
        await refusesEverywhere(stage, unavailable, (through) =>
          through.call('/request-upload', { body: upload, token: held.token, key: held.key }),
        );
      },
    );
  });

  it('T20 answers 503 where it cannot be seen what was revoked', async () => {
    const held = await stage.tokenOf();
    await withFault(
      'REVOKE SELECT ON lock FROM daypass_app',
      'GRANT SELECT ON lock TO daypass_app',
      async () => {
        await refusesEverywhere(stage, unavailable, (through) =>
          stage.exchange({ key: newKey() }, through),
        );
        await refusesEverywhere(stage, unavailable, (through) =>
          through.call('/objects', { token: held.token, key: held.key }),
        );
      },
    );
  });

  it('F5 outlives every connection being cut, under load', async () => {
    const running = Array.from({ length: 30 }, (_, n) =>
      stage.exchange({ key: newKey() }, stage.clients[n % 2]),
    );
    await stage.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'daypass'`,
    );
    for (const answer of await Promise.all(running)) {
      if (answer.status !== 200)
        mustRefuse(answer, { status: 503, error: 'temporarily_unavailable' });
    }
    for (const through of stage.clients) {
      let answer = await stage.exchange({ key: newKey() }, through);
      for (let tries = 0; tries < 20 && answer.status === 503; tries += 1) {
        answer = await stage.exchange({ key: newKey() }, through);
      }
      expect(answer.status).toBe(200);
      expect((await through.call('/health/ready')).status).toBe(200);
    }
  });

  it('F5 says no to a caller it can refuse without the database, and 503 to the rest', async () => {
    const held = await stage.tokenOf();
    const reopen = await closeDatabase();
    try {
      mustRefuse(await stage.client.call('/health/ready'), { status: 503 });
      expect((await stage.client.call('/health/live')).status).toBe(200);
      mustRefuse(await stage.exchange({ token: 'nonsense', key: newKey() }), invalidToken);
      mustRefuse(await stage.exchange({ key: newKey() }), unavailable);
      const { token, key } = held;
      mustRefuse(await stage.client.call('/objects', { token, key }), unavailable);
    } finally {
      await reopen();
    }
    let ready = await stage.client.call('/health/ready');
    for (let tries = 0; tries < 20 && ready.status !== 200; tries += 1) {
      ready = await stage.client.call('/health/ready');
    }
    expect((await stage.exchange({ key: newKey() })).status).toBe(200);
  });
});

/** Ends every connection to this suite's database, and lets none in until it is opened again. */
const closeDatabase = async (): Promise<() => Promise<void>> => {
  const name = new URL(stage.broker.databaseUrl).pathname.slice(1);
  const server = new pg.Client({ connectionString: testServerUrl() });
  await server.connect();
  await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await server.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = $2',
    [name, 'daypass'],
  );
  return async () => {
    await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await server.end();
  };
};
