/**
 * Stock oidc-provider, answering `client_credentials`, with and without a DPoP proof, and introspection: a
 * program of its own.
 *
 * For each request it authenticates one client by a secret it holds in memory, resolves the resource and
 * the scope, makes a token and, where the token is opaque, writes it to Postgres in one autocommitted
 * statement. A JWT it signs (ES256) and writes nowhere. It verifies no ID token, asks no policy, and keeps
 * neither lineage nor an audit event. A proof it checks with its own nonces, and remembers by its adapter's
 * find and upsert.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { type JWK, Provider } from 'oidc-provider';
import pg from 'pg';
import { createArtifactTable, pgAdapter } from './adapter.ts';
import { CLIENT, JWT_API, SCOPE } from './client.ts';

const port = Number(process.env.PORT);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
await createArtifactTable(pool);

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: pgAdapter(pool),
  jwks: { keys: [jwk as JWK] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  clients: [
    {
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
      scope: SCOPE,
    },
  ],
  scopes: [SCOPE],
  ttl: { ClientCredentials: 300 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: SCOPE,
        audience: resource,
        accessTokenTTL: 300,
        ...(resource === JWT_API
          ? { accessTokenFormat: 'jwt' as const, jwt: { sign: { alg: 'ES256' as const } } }
          : { accessTokenFormat: 'opaque' as const }),
      }),
    },
  },
});

const server = provider.listen(port, '127.0.0.1');
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => void pool.end().then(() => process.exit(0)));
});
