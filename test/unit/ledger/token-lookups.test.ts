import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { HeldToken, Tokens } from '../../../src/ledger/ledger.ts';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { createIssuances } from '../../../src/ledger/postgres/issuances.ts';
import { openStatements, type Statements } from '../../../src/ledger/postgres/statements.ts';
import { createTokens } from '../../../src/ledger/postgres/tokens.ts';
import type { SeenProof, TokenRecord } from '../../../src/ledger/records.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let database: Database;
let statements: Statements;
let tokens: Tokens;
let owner: pg.Client;
beforeAll(async () => {
  server = await freshDatabase();
  owner = new pg.Client({ connectionString: server.url });
  owner.on('error', () => undefined);
  await owner.connect();
  // As somebody may have set it up: nothing we read depends on it.
  const { rows } = await owner.query<{ name: string }>('SELECT current_database() AS name');
  await owner.query(`ALTER DATABASE "${rows[0]?.name}" SET bytea_output = 'escape'`);
  await owner.query(
    `INSERT INTO configuration VALUES (1, 'digest', '{}', '[]', 'test', 'u', now())`,
  );
  const options = { url: server.url, onConnectionError: () => undefined };
  database = openDatabase(options);
  statements = openStatements(options);
  tokens = createTokens(database, statements);
}, 60_000);
afterAll(async () => {
  await owner.end();
  await statements.close();
  await database.$disconnect();
  await server.drop();
});

const NOW = new Date(1_790_000_000_123);
const LATER = new Date(NOW.getTime() + 300_000);
const hashOf = (value: string): Buffer => createHash('sha256').update(value).digest();

const opaque = (name: string): TokenRecord => ({
  tokenId: `tk_${name}`,
  tokenHash: hashOf(name),
  format: 'opaque',
  tenantId: 'acme',
  appId: 'where2eat',
  issuerId: 'corp',
  issuer: 'https://sso.example',
  subject: 'ana',
  userId: 'u_ana',
  deviceId: 'd_key',
  actors: [{ issuer: 'https://daypass.example', subject: 'nightly' }],
  mayAct: undefined,
  attributes: { roles: ['builder', 'ünïcode "quoted" \\ '] },
  resource: 'bucket:menus',
  scopes: ['storage:bucket:menus:read'],
  authorizationDetails: [
    { type: 'daypass_storage', locations: ['bucket:menus'], actions: ['read'], max_size: 1e9 },
  ],
  binding: { method: 'dpop', jkt: 'key' },
  parentId: undefined,
  rootId: `tk_${name}`,
  root: { tokenHash: 'root', sessionId: 'sid', expiresAt: LATER },
  grantId: 'g_1',
  statusIndex: undefined,
  lineage: ['tenant:acme', 'user:u_ana', `token:tk_${name}`],
  policyDigest: 'digest',
  policies: ['permit'],
  classification: 'internal',
  lawfulBasis: undefined,
  residency: 'eu',
  signingKey: undefined,
  ip: '192.0.2.1',
  traceId: undefined,
  requestId: 'req',
  issuedAt: NOW,
  expiresAt: LATER,
});

const issue = async (token: TokenRecord): Promise<TokenRecord> => {
  const audit = {
    at: NOW,
    action: 'token.issue',
    outcome: 'granted',
    tokenId: token.tokenId,
  } as const;
  const issuances = createIssuances(statements);
  const refusal = await issuances.record({
    configuration: 1,
    keys: token.lineage,
    authorities: [],
    proofs: [],
    token,
    audit,
  });
  expect(refusal).toBeUndefined();
  return token;
};

const proof = (id: string): SeenProof => ({ kind: 'proof', id, keepUntil: LATER });
const isFresh = (held: HeldToken | undefined): boolean => held?.replayed === false;

describe('tokens that are looked up together', () => {
  it('are told each to whom asked for it, as they were recorded', async () => {
    const first = await issue(opaque('first'));
    const jwt = await issue({
      ...opaque('second'),
      tokenHash: undefined,
      format: 'jwt',
      statusIndex: 4_294_967_296,
      binding: { method: 'mtls', 'x5t#S256': 'certificate' },
      actors: [],
      root: undefined,
    });
    const alive = { revoked: false, replayed: false };
    expect(
      await Promise.all([
        tokens.find('tk_second'),
        tokens.use(hashOf('nobody knows it'), undefined),
        tokens.use(hashOf('first'), undefined),
        tokens.find('tk_nowhere'),
        tokens.use(hashOf('first'), undefined),
      ]),
    ).toEqual([
      { ...alive, token: jwt },
      undefined,
      { ...alive, token: first },
      undefined,
      { ...alive, token: first },
    ]);
  });

  it('use a proof up once, whoever else brings it at the same moment', async () => {
    await issue(opaque('wanted'));
    await issue(opaque('also wanted'));
    const tries = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        tokens.use(hashOf(index % 2 ? 'wanted' : 'also wanted'), proof(`proof ${index % 5}`)),
      ),
    );
    expect(tries.filter((held) => held === undefined)).toHaveLength(0);
    expect(tries.filter(isFresh)).toHaveLength(5);
    expect(isFresh(await tokens.use(hashOf('wanted'), proof('proof 3')))).toBe(false);
  });

  it('leave a proof unused that came beside a token nobody knows', async () => {
    await issue(opaque('known'));
    const brought = proof('of a stranger');
    const [stranger] = await Promise.all([
      tokens.use(hashOf('unknown'), brought),
      tokens.use(hashOf('known'), proof('of its holder')),
    ]);
    expect(stranger).toBeUndefined();
    expect(isFresh(await tokens.use(hashOf('known'), brought))).toBe(true);
  });

  it('are dead from the moment of the lock on, though others ask all the time', async () => {
    await issue(opaque('doomed'));
    let asking = true;
    const others = Array.from({ length: 8 }, async () => {
      while (asking) await tokens.find('tk_first');
    });
    expect((await tokens.find('tk_doomed'))?.revoked).toBe(false);
    await owner.query(
      `INSERT INTO lock VALUES ('rv_1', 'token:tk_doomed', 'acme', true, 'r', '{}', '[]', $1, 'u')`,
      [NOW],
    );
    const [byId, byValue, withProof] = await Promise.all([
      tokens.find('tk_doomed'),
      tokens.use(hashOf('doomed'), undefined),
      tokens.use(hashOf('doomed'), proof('of the doomed')),
    ]);
    asking = false;
    await Promise.all(others);
    expect([byId, byValue, withProof].map((held) => held?.revoked)).toEqual([true, true, true]);
  });
});
