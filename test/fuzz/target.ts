import { DEMO_SECRET } from '../../src/compose/configuration.ts';
import {
  type Claims,
  newSigningKey,
  type SigningKey,
  signJwt,
  startCorporateSso,
} from '../security/corporate-sso.ts';
import { type Answer, createClient } from '../support/client.ts';
import { createProofKey } from '../support/dpop.ts';
import { freePort, type Rig, startRig, unlimited } from '../support/rig.ts';

/** A broker process, and everything good that malformed input is made of. */
export interface Target {
  readonly rig: Rig;
  readonly port: number;
  readonly contentPort: number;
  /** New ones when those from before are about to expire. */
  held(): Promise<Held>;
  /** A good request: whether the broker still does its work. */
  isWell(): Promise<boolean>;
  stop(): Promise<void>;
}

export interface Held {
  readonly issuer: string;
  /** An ID token with these claims and headers, really signed by the company's SSO. */
  idToken(claims: Claims | string, header: Record<string, unknown>): string;
  readonly idClaims: Claims;
  /** A proof with these claims and headers, really signed by its key. */
  proof(claims: Claims | string, header: Record<string, unknown>): string;
  readonly proofHeader: Record<string, unknown>;
  readonly nonce: string;
  readonly basic: string;
  /** Unbound, for the broker's own API. */
  readonly token: string;
  /** Bound to the key of `proof`, for /admin. */
  readonly adminToken: string;
  readonly objectId: string;
  readonly uploadTarget: string;
  readonly ticketTarget: string;
  readonly tokenId: string;
}

/** Milliseconds for which what we hold is used: tokens live 300 s. */
const FRESH_MS = 120_000;

export const startTarget = async (): Promise<Target> => {
  const sso = await startCorporateSso();
  const contentPort = await freePort();
  const rig = await startRig({
    env: {
      CONTENT_ORIGIN: `http://localhost:${contentPort}`,
      TRUSTED_PROXIES: '127.0.0.1',
      // Room for what is alive and little more: memory that grows is then not garbage left lying.
      NODE_OPTIONS: '--max-old-space-size=128',
    },
    configure: (demo) => {
      const company = unlimited(demo);
      const [issuer] = company.issuers ?? [];
      return { ...company, issuers: [{ ...issuer, issuer: sso.issuer() }] };
    },
  });
  const claims = (overrides: Claims): Claims => {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: sso.issuer(),
      sub: 'ana',
      iat: now,
      exp: now + 3600,
      auth_time: now,
      ...overrides,
    };
  };
  const idToken = (overrides: Claims): string => signJwt(sso.keys[0], claims(overrides));

  let known: { readonly held: Promise<Held>; readonly since: number } | undefined;
  return {
    rig,
    port: Number(new URL(rig.url).port),
    contentPort,
    held: () => {
      if (known === undefined || performance.now() - known.since > FRESH_MS) {
        known = { held: acquire(rig.url, sso.keys[0], claims), since: performance.now() };
      }
      return known.held;
    },
    isWell: async () => {
      const body = { app_id: 'lowcode', resource: 'bucket:project-123' };
      const token = idToken({ aud: 'lowcode' });
      const answer = await createClient(rig.url).call('/exchange', { body, token });
      return answer.status === 200;
    },
    stop: async () => {
      await rig.stop();
      await sso.stop();
    },
  };
};

const acquire = async (
  url: string,
  sso: SigningKey,
  claims: (overrides: Claims) => Claims,
): Promise<Held> => {
  const client = createClient(url);
  const signing = newSigningKey('proof');
  const key = createProofKey(signing);
  const exchanged = await granted(
    client.call('/exchange', {
      body: { app_id: 'lowcode', resource: 'bucket:project-123' },
      token: signJwt(sso, claims({ aud: 'lowcode' })),
    }),
  );
  const token = String(exchanged.access_token);
  const admin = await granted(
    client.call('/exchange', {
      body: { app_id: 'daypass-cli', resource: `${url}/admin`, actions: ['admin'] },
      token: signJwt(
        sso,
        claims({ sub: 'sam', aud: 'daypass', groups: ['security-team', 'platform-team'] }),
      ),
      key,
      bound: false,
    }),
  );
  const upload = await granted(
    client.call('/request-upload', {
      body: { filename: 'a.png', size: 10, contentType: 'image/png' },
      token,
    }),
  );
  const { crv, kty, x, y } = signing.publicKey.export({ format: 'jwk' });
  return {
    issuer: url,
    idToken: (payload, header) => signJwt(sso, payload, header),
    idClaims: claims({ aud: 'lowcode', groups: ['builders'], dept: 'marketing', region: 'eu' }),
    proof: (payload, header) => signJwt(signing, payload, header),
    proofHeader: { alg: 'ES256', typ: 'dpop+jwt', jwk: { crv, kty, x, y } },
    nonce: client.nonce() ?? '',
    basic: Buffer.from(`nightly-report:${DEMO_SECRET}`).toString('base64'),
    token,
    adminToken: String(admin.access_token),
    objectId: String(upload.objectId),
    uploadTarget: pathOf(String(upload.uploadUrl)),
    ticketTarget: '/d/dp_dl_00000000000000000000000000000000000000',
    tokenId: String(exchanged.token_id),
  };
};

const pathOf = (url: string): string => {
  const { pathname, search } = new URL(url);
  return pathname + search;
};

const granted = async (asked: Promise<Answer>): Promise<Answer['body']> => {
  const answer = await asked;
  if (answer.status >= 300) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return answer.body;
};
