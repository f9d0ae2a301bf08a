import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeploymentDocument } from '../../src/config/deployment/schema.ts';
import { newSigningKey, signJwt, startCorporateSso } from '../security/corporate-sso.ts';
import { type Answer, type Client, createClient, newKey } from '../support/client.ts';
import type { ProofKey } from '../support/dpop.ts';
import { type Rig, type RigOptions, startRig } from '../support/rig.ts';

/** Three broker processes on one PostgreSQL, a corporate SSO that signs in whoever is wanted, and a security desk. */

export const INSTANCES = 3;
export const APPS = ['app-0', 'app-1', 'app-2', 'app-3', 'app-4', 'app-5'] as const;
export const ORDERS = 'https://orders.acme.example';
const SIGNER = 'signer';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export type Target =
  | { readonly token_id: string }
  | { readonly app_id: string }
  | { readonly user_id: string };

export interface Held {
  readonly token: string;
  readonly id: string;
  readonly key: ProofKey;
}

export interface Cluster {
  readonly rig: Rig;
  readonly issuer: string;
  /** One for each instance. */
  readonly clients: readonly Client[];
  readonly document: DeploymentDocument;
  /** An ID token of anyone, for one of the apps. */
  signIn(subject: string, app: string): string;
  /** `POST /exchange` with an ID token. */
  exchange(place: number, idToken: string, key: ProofKey): Promise<Answer>;
  /** A token of anyone. */
  tokenOf(place: number, subject: string, app: string): Promise<Held>;
  /** @throws where it is not acknowledged. */
  revoke(place: number, target: Target, block?: boolean): Promise<Answer>;
  lift(place: number, revocationId: string): Promise<Answer>;
  /** As the platform team: replaces the configuration. */
  reconfigure(place: number, document: DeploymentDocument): Promise<Answer>;
  /** The form of a client that authenticates with an assertion (RFC 7523). */
  assertion(): Record<string, string>;
  /** A JWT that is verified offline. */
  jwt(place: number): Promise<OfflineToken>;
  stop(): Promise<void>;
}

/** A token that says where its bit is: the path of a status list, and the place in it. */
export interface OfflineToken {
  readonly id: string;
  readonly list: string;
  readonly index: number;
}

export const openCluster = async (options: Pick<RigOptions, 'between'> = {}): Promise<Cluster> => {
  const sso = await startCorporateSso();
  const signer = newSigningKey('signer-1');
  const document = documentOf(sso.issuer('acme'), {
    ...signer.publicKey.export({ format: 'jwk' }),
    kid: signer.kid,
    alg: signer.alg,
  });
  const rig = await startRig({ ...options, instances: INSTANCES, configure: () => document }).catch(
    async (error: unknown) => {
      await sso.stop();
      throw error;
    },
  );
  const clients = rig.brokers.map(({ url }) => createClient(url, rig.url));
  const at = (place: number): Client => clients[place % INSTANCES]!;
  const seconds = (): number => Math.floor(Date.now() / 1000);
  const signIn: Cluster['signIn'] = (sub, aud) => sso.idToken(seconds(), { sub, aud });

  const adminOf = async (group: string): Promise<Held> => {
    const key = newKey();
    const answer = await at(0).call('/exchange', {
      token: sso.idToken(seconds(), { sub: group, aud: 'daypass', groups: [group] }),
      body: {
        app_id: 'daypass-cli',
        resource: `${rig.url}/admin`,
        actions: ['admin'],
        ttl: 3_000,
      },
      key,
      bound: false,
    });
    return heldOf(answer, key);
  };
  const desk = await adminOf('security');
  const platform = await adminOf('platform');
  const exchange: Cluster['exchange'] = (place, token, key) =>
    at(place).call('/exchange', { body: EXCHANGE, token, key, bound: false });

  const assertion = (): Record<string, string> => ({
    grant_type: 'client_credentials',
    resource: ORDERS,
    scope: 'orders:read',
    client_id: SIGNER,
    client_assertion_type: ASSERTION,
    client_assertion: signJwt(signer, {
      iss: SIGNER,
      sub: SIGNER,
      aud: rig.url,
      jti: randomUUID(),
      iat: seconds(),
      exp: seconds() + 60,
    }),
  });

  return {
    rig,
    issuer: rig.url,
    clients,
    document,
    signIn,
    exchange,
    tokenOf: async (place, subject, app) => {
      const key = newKey();
      return heldOf(await exchange(place, signIn(subject, app), key), key);
    },
    revoke: async (place, target, block) => {
      const body = {
        target,
        reason: 'seen in a public notebook',
        ...(block !== undefined && { block }),
      };
      const { token, key } = desk;
      return mustBe(201, await at(place).call('/admin/v1/revocations', { body, token, key }));
    },
    lift: (place, revocationId) =>
      at(place).call(`/admin/v1/revocations/${revocationId}`, {
        method: 'DELETE',
        token: desk.token,
        key: desk.key,
      }),
    reconfigure: async (place, body) => {
      const { token, key } = platform;
      const asked = { method: 'PUT', body, token, key };
      return mustBe(200, await at(place).call('/admin/v1/config', asked));
    },
    assertion,
    jwt: async (place) =>
      offlineOf(mustBe(200, await at(place).call('/token', { form: assertion() }))),
    stop: async () => {
      await rig.stop();
      await sso.stop();
    },
  };
};

/** The longest that an app may hold a token: nothing here ends by itself. */
export const EXCHANGE = {
  resource: 'bucket:project-123',
  actions: ['read', 'write', 'list'],
  ttl: 900,
};

export const UPLOAD = { filename: 'menu.txt', size: 4, contentType: 'text/plain' };

const heldOf = (answer: Answer, key: ProofKey): Held => {
  const { access_token: token, token_id: id } = mustBe(200, answer).body as Record<string, string>;
  return { token: token!, id: id!, key };
};

const offlineOf = ({ body }: Answer): OfflineToken => {
  const [, claims = ''] = String(body.access_token).split('.');
  const { jti, status } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    jti: string;
    status: { status_list: { idx: number; uri: string } };
  };
  const { idx: index, uri } = status.status_list;
  return { id: jti, list: new URL(uri).pathname, index };
};

export const mustBe = (status: number, answer: Answer): Answer => {
  if (answer.status === status) return answer;
  throw new Error(`answered ${answer.status} where ${status} was due: ${answer.text}`);
};

/** An object that a token of an app may download. */
export const placeObject = async (client: Client, { token, key }: Held): Promise<string> => {
  const upload = mustBe(201, await client.call('/request-upload', { body: UPLOAD, token, key }));
  const { uploadUrl, headers, objectId } = upload.body as {
    uploadUrl: string;
    headers: Record<string, string>;
    objectId: string;
  };
  await fetch(uploadUrl, { method: 'PUT', headers, body: 'soup' });
  const path = `/uploads/${objectId}`;
  mustBe(202, await client.call(`${path}/complete`, { method: 'POST', token, key }));
  for (let tries = 0; tries < 200; tries += 1) {
    const { body } = mustBe(200, await client.call(path, { token, key }));
    if (body.status === 'available') return objectId;
    await pause(20);
  }
  throw new Error(`the upload ${objectId} was never validated`);
};

/** A ticket for an object: what comes after the origin of its URL. */
export const ticketFor = async (
  client: Client,
  { token, key }: Held,
  objectId: string,
): Promise<string> => {
  const answer = await client.call('/request-download', { body: { objectId }, token, key });
  return new URL(String(mustBe(201, answer).body.downloadUrl)).pathname;
};

const documentOf = (issuer: string, jwk: object): DeploymentDocument => {
  const app = {
    tenant: 'acme',
    owner: 'dana@acme.example',
    purpose: 'proof of consistency',
    expires: '2099-01-01',
  };
  const browser = APPS.map((id) => ({
    ...app,
    id,
    type: 'browser' as const,
    redirect_uris: ['http://localhost:5173/callback'],
    origins: ['http://localhost:5173'],
    subject_audiences: [id],
    grants: [
      {
        resource: 'bucket:project-123',
        actions: ['read', 'write', 'list', 'delete'],
        prefix: '/{app_id}/{user_id}/',
        max_size: '1MB',
        content_types: ['text/plain'],
        max_ttl: '15m',
      },
    ],
  }));
  const service = {
    ...app,
    id: SIGNER,
    type: 'service' as const,
    subject_audiences: [],
    jwks: { keys: [jwk] },
    grants: [{ resource: ORDERS, actions: ['orders:read'] }],
  };
  return {
    tenants: [{ id: 'acme', residency: 'eu' }],
    issuers: [
      {
        id: 'corp',
        issuer,
        tenant: 'acme',
        audiences: [...APPS],
        sign_in: { client_id: 'daypass' },
      },
    ],
    admins: ['security', 'platform'].map((role) => ({
      issuer: 'corp',
      claim: 'groups',
      value: role,
      role: role as 'security' | 'platform',
      scope: 'deployment' as const,
    })),
    apps: [...browser, service],
    buckets: [{ id: 'project-123', tenant: 'acme', provider: 'local', residency: 'eu' }],
    resource_servers: [
      { id: ORDERS, tenant: 'acme', scopes: ['orders:read'], introspection_clients: [SIGNER] },
    ],
  } as DeploymentDocument;
};
