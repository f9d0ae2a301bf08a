import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Logger } from 'pino';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { type Answer, type CallOptions, createClient, newKey } from '../support/client.ts';
import { startTestDaypass } from '../support/daypass.ts';
import type { ProofKey } from '../support/dpop.ts';
import { type Claims, startCorporateSso } from './corporate-sso.ts';
import { deploymentOf } from './deployment.ts';

/** A broker, its corporate SSO and a look into its database: what every attack needs. */

type Broker = Awaited<ReturnType<typeof startTestDaypass>>;

export interface StageOptions {
  /** Starts a second instance on the same database. */
  readonly instances?: 1 | 2;
  readonly logger?: Logger;
  readonly env?: Readonly<Record<string, string>>;
  /** In place of the local `project-123`. */
  readonly bucket?: NonNullable<DeploymentDocument['buckets']>[number];
}

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export const openStage = async ({ instances = 1, logger, env, bucket }: StageOptions = {}) => {
  const sso = await startCorporateSso();
  const dir = await mkdtemp(join(tmpdir(), 'daypass-stage-'));
  const file = join(dir, 'daypass.json');
  const document = deploymentOf(sso.issuer);
  if (bucket) document.buckets[0] = bucket as (typeof document.buckets)[0];
  await writeFile(file, JSON.stringify(document));

  const broker = await startTestDaypass({
    env: { DAYPASS_CONFIG: file, ...env },
    ...(logger && { logger }),
  });
  const brokers: Broker[] = [broker];
  if (instances === 2)
    brokers.push(await startTestDaypass({ beside: broker, ...(env && { env }) }));
  const owner = new pg.Client({ connectionString: broker.databaseUrl });
  await owner.connect();

  const clients = brokers.map(({ url }) => createClient(url, broker.issuer));
  const client = clients[0]!;
  const now = (): number => Math.floor(broker.ledger.clock.now().getTime() / 1000);
  const issuer = broker.issuer;

  const idToken = (claims: Claims = {}, header: Record<string, unknown> = {}): string =>
    sso.idToken(now(), claims, header);

  /** What the database holds, asked as its owner. */
  const query = async <Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> =>
    (await owner.query(sql, values)).rows as Row[];

  /** `POST /exchange` by where2eat, except for what is overridden. */
  const exchange = (
    options: Partial<CallOptions> & { body?: object; claims?: Claims } = {},
    through = client,
  ): Promise<Answer> => {
    const { claims, body, ...rest } = options;
    return through.call('/exchange', {
      token: idToken(claims),
      bound: false,
      ...rest,
      body: { resource: 'bucket:project-123', ...body },
    });
  };

  /** A token, for whatever the attack needs one for. */
  const tokenOf = async (options: Parameters<typeof exchange>[0] = {}): Promise<Held> => {
    const key = options.key ?? newKey();
    const answer = await exchange({ key, ...options });
    if (answer.status !== 200) throw new Error(`no token to attack with: ${answer.text}`);
    const { access_token: token, token_id: id } = answer.body as Record<string, string>;
    return { token: token!, id: id!, key, answer };
  };

  /** A token of lowcode, which no key is bound to. */
  const unboundToken = async (body: object = {}): Promise<Omit<Held, 'key'>> => {
    const answer = await exchange({ claims: { aud: 'lowcode' }, body });
    if (answer.status !== 200) throw new Error(`no token to attack with: ${answer.text}`);
    const { access_token: token, token_id: id } = answer.body as Record<string, string>;
    return { token: token!, id: id!, answer };
  };

  /** An admin token for someone of these groups. */
  const adminOf = async (groups: readonly string[], claims: Claims = {}): Promise<Held> =>
    tokenOf({
      claims: { sub: `admin-${groups.join('-')}`, aud: 'daypass', groups, ...claims },
      body: { app_id: 'daypass-cli', resource: `${issuer}/admin`, actions: ['admin'] },
    });

  const revoke = async (target: object, more: object = {}): Promise<Answer> => {
    const { token, key } = await adminOf(['security']);
    const answer = await client.call('/admin/v1/revocations', {
      body: { target, reason: 'an attack', ...more },
      token,
      key,
    });
    if (answer.status !== 201) throw new Error(`not revoked: ${answer.text}`);
    return answer;
  };

  /** Applies the configuration as `change` leaves it, through the admin API. */
  const reconfigure = async (change: (draft: typeof document) => void): Promise<Answer> => {
    const { token, key } = await adminOf(['platform']);
    const draft = structuredClone(document);
    change(draft);
    const answer = await client.call('/admin/v1/config', {
      method: 'PUT',
      body: draft,
      token,
      key,
    });
    if (answer.status !== 200) throw new Error(`not applied: ${answer.text}`);
    return answer;
  };

  /** The token-exchange grant at `/token`, for a client that authenticates by `secret` if it has one. */
  const tokenExchange = (
    form: Record<string, string | readonly string[]>,
    { app, secret, ...rest }: Partial<CallOptions> & { app?: string; secret?: string } = {},
    through = client,
  ): Promise<Answer> =>
    through.call('/token', {
      ...rest,
      form: {
        grant_type: EXCHANGE,
        ...(app !== undefined && secret === undefined && { client_id: app }),
        ...form,
      },
      headers: {
        ...(app !== undefined && secret !== undefined && { authorization: basic(app, secret) }),
        ...rest.headers,
      },
    });

  /** A proof as the client would make it, except for what is overridden. Its nonce is the current one. */
  const proofFor = async (
    key: ProofKey,
    claims: Partial<Parameters<ProofKey['prove']>[0]> = {},
  ): Promise<string> =>
    key.prove({ method: 'POST', url: `${issuer}/exchange`, nonce: await freshNonce(), ...claims });

  /** A nonce of now. */
  const freshNonce = async (): Promise<string> => {
    const answer = await client.call('/exchange', { body: {}, headers: { dpop: 'none' } });
    return answer.headers.get('dpop-nonce') ?? '';
  };

  /** Moves the clock of every instance, and gives every client a nonce of then. */
  const advance = async (seconds: number): Promise<void> => {
    broker.advance(seconds);
    for (const each of clients)
      await each.call('/exchange', { body: {}, headers: { dpop: 'none' } });
  };

  return {
    advance,
    sso,
    broker,
    brokers,
    client,
    clients,
    document,
    issuer,
    now,
    idToken,
    query,
    exchange,
    tokenOf,
    unboundToken,
    adminOf,
    revoke,
    reconfigure,
    tokenExchange,
    proofFor,
    freshNonce,
    stop: async () => {
      await owner.end();
      for (const each of brokers.toReversed()) await each.stop();
      await sso.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

export type Stage = Awaited<ReturnType<typeof openStage>>;

export interface Held {
  readonly token: string;
  readonly id: string;
  readonly key: ProofKey;
  readonly answer: Answer;
}

export const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

export const unique = (): string => randomUUID();

export const eventually = async (is: () => Promise<boolean> | boolean): Promise<void> => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never came about');
};
