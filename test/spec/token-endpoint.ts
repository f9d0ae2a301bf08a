import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoToken } from '../../src/demo/demo-token.ts';
import { startDemoIdp } from '../../src/demo/idp.ts';
import { type Answer, createClient, newKey } from '../support/client.ts';
import { startTestDaypass } from '../support/daypass.ts';
import type { ProofKey } from '../support/dpop.ts';

/** A broker with an app of each kind, and what it takes to be a client of its token endpoint. */

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const ORDERS = 'https://orders.acme.example';
export const FILES = 'https://files.acme.example';
export const BUCKET = 'bucket:project-123';
export const ORIGIN = 'http://localhost:5173';
/** Of every confidential app here but `signer` and `workload`. */
export const SECRET = 'a+secret/of:the=specification tests%';

/** For a client that does not form-encode what it sends as Basic. */
export const PLAIN_SECRET = 'a-secret-of-the-workload';

/** The key pair of the app `signer` (RFC 7523). */
export const signer = { kid: 'signer-1', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };

const registration = {
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'to see what the specifications say',
  expires: '2099-01-01',
};
const hashed = (secret: string) => [`sha256:${createHash('sha256').update(secret).digest('hex')}`];
const secret_hash = hashed(SECRET);

const storage = (id: string) => ({
  resource: `bucket:${id}`,
  actions: ['read', 'write', 'list'],
  prefix: '/{app_id}/{user_id}/',
  max_size: '1MB',
  content_types: ['image/*'],
});
const orders = { resource: ORDERS, actions: ['orders:read', 'orders:list'] };

const deployment = (issuer: string) => ({
  tenants: [{ id: 'acme', residency: 'eu' }],
  issuers: [
    {
      id: 'corp',
      issuer,
      tenant: 'acme',
      audiences: ['where2eat', 'lowcode', 'portal', 'reports', 'workload'],
      claims: { department: 'dept', residency: 'region' },
    },
  ],
  apps: [
    {
      ...registration,
      id: 'where2eat',
      type: 'browser',
      origins: [ORIGIN],
      subject_audiences: ['where2eat'],
      grants: [storage('project-123'), orders],
    },
    {
      ...registration,
      id: 'lowcode',
      type: 'browser',
      dpop: 'optional',
      origins: ['http://localhost:5174'],
      subject_audiences: ['lowcode'],
      grants: [storage('project-123')],
    },
    {
      ...registration,
      id: 'portal',
      type: 'web',
      subject_audiences: ['portal'],
      secret_hash,
      grants: [storage('project-123'), storage('vault'), orders],
    },
    {
      ...registration,
      id: 'reports',
      type: 'service',
      subject_audiences: ['reports'],
      secret_hash,
      grants: [orders, { resource: FILES, actions: ['files:read'] }],
      limits: { exchanges_per_minute: 1000 },
    },
    {
      ...registration,
      id: 'workload',
      type: 'service',
      subject_audiences: ['workload'],
      secret_hash: hashed(PLAIN_SECRET),
      grants: [storage('project-123'), orders],
    },
    {
      ...registration,
      id: 'signer',
      type: 'service',
      dpop: 'required',
      jwks: { keys: [{ ...signer.publicKey.export({ format: 'jwk' }), kid: signer.kid }] },
      grants: [orders],
    },
    {
      ...registration,
      id: 'orders-api', // the API itself, as a client that asks about its tokens
      type: 'service',
      secret_hash,
      grants: [],
    },
    {
      ...registration,
      id: 'retired',
      type: 'service',
      secret_hash,
      grants: [orders],
      enabled: false,
    },
  ],
  buckets: [
    { id: 'project-123', tenant: 'acme', provider: 'local', residency: 'eu' },
    {
      id: 'vault',
      tenant: 'acme',
      provider: 'local',
      residency: 'eu',
      classification: 'confidential',
    },
  ],
  resource_servers: [
    {
      id: ORDERS,
      tenant: 'acme',
      scopes: ['orders:read', 'orders:list', 'orders:write'],
      introspection_clients: ['orders-api', 'signer'],
    },
    {
      id: FILES,
      tenant: 'acme',
      scopes: ['files:read'],
      token_format: 'opaque',
      introspection_clients: ['orders-api'],
    },
  ],
});

export type Form = Readonly<Record<string, string | readonly string[]>>;

export interface PostOptions {
  /** Where to, instead of `/token`. */
  readonly path?: string;
  /** The client, and how it says so. `none` for a public one. */
  readonly as?: string;
  readonly by?: 'basic' | 'post' | 'none';
  readonly secret?: string;
  readonly key?: ProofKey;
  /** The bound token whose key is proved (RFC 9449 §7). */
  readonly proving?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the form. */
  readonly raw?: string | Uint8Array;
}

export const openTokenEndpoint = async (env: Readonly<Record<string, string>> = {}) => {
  const party = {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
  } as const;
  const idp = await startDemoIdp({
    port: 0,
    clients: ['portal', 'reports', 'workload'].map((client_id) => ({
      ...party,
      client_id,
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
    })),
  });
  const dir = await mkdtemp(join(tmpdir(), 'daypass-spec-'));
  const file = join(dir, 'daypass.json');
  await writeFile(file, JSON.stringify(deployment(idp.issuer)));
  const broker = await startTestDaypass({ env: { DAYPASS_CONFIG: file, ...env } });
  const { issuer } = broker;
  let nonce: string | undefined;

  const once = async (form: Form, options: PostOptions): Promise<Answer> => {
    const { as, by = as === undefined ? 'none' : 'basic', secret = SECRET, key, proving } = options;
    // RFC 6749 §2.3.1: form-encoded first.
    const pair = [as ?? '', secret].map(encodeURIComponent).join(':');
    const basic = `Basic ${Buffer.from(pair).toString('base64')}`;
    const params = new URLSearchParams();
    const named = {
      ...(as !== undefined && by !== 'basic' && { client_id: as }),
      ...(by === 'post' && { client_secret: secret }),
      ...form,
    };
    for (const [name, value] of Object.entries(named)) {
      for (const each of [value].flat()) params.append(name, each);
    }
    const url = `${issuer}${options.path ?? '/token'}`;
    const response = await fetch(url, {
      method: 'POST',
      body: (options.raw as string | undefined) ?? params,
      headers: {
        ...(by === 'basic' && { authorization: basic }),
        ...(key && {
          dpop: key.prove({ method: 'POST', url, nonce, ...(proving && { accessToken: proving }) }),
        }),
        ...options.headers,
      },
    });
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : {},
      text,
    };
  };

  /** `POST /token`, once more where a nonce is wanted. */
  const post = async (form: Form, options: PostOptions = {}): Promise<Answer> => {
    const answer = await once(form, options);
    return answer.body.error === 'use_dpop_nonce' ? once(form, options) : answer;
  };

  const signIn = (audience: string, user = 'ana'): Promise<string> =>
    demoToken({ issuer: idp.issuer, user, password: 'demo', audience });

  /** What an exchange of an ID token of portal's says; whatever is given takes its place. */
  const exchangeForm = async (form: Form = {}): Promise<Form> => ({
    grant_type: EXCHANGE,
    subject_token: await signIn('portal'),
    subject_token_type: ID_TOKEN,
    ...form,
  });

  /** A user's ID token, exchanged by the confidential app `portal`. */
  const exchange = async (form: Form = {}, options: PostOptions = {}): Promise<Answer> =>
    post(await exchangeForm(form), { as: 'portal', ...options });

  /** A client for itself. */
  const credentials = (form: Form = {}, options: PostOptions = {}): Promise<Answer> =>
    post(
      { grant_type: 'client_credentials', resource: ORDERS, ...form },
      { as: 'reports', ...options },
    );

  return {
    broker,
    issuer,
    client: createClient(issuer),
    post,
    once,
    signIn,
    exchangeForm,
    exchange,
    credentials,
    newKey,
    stop: async () => {
      await broker.stop();
      await idp.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

export type TokenEndpoint = Awaited<ReturnType<typeof openTokenEndpoint>>;
