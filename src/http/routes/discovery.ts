import { z } from 'zod';
import type { Reply } from '../reply.ts';
import { type Route, route } from '../route.ts';

export interface DiscoveryRoutes {
  readonly authorizationServer: () => object;
  readonly protectedResource: () => object;
  /** Every public key that a live token may be signed with, and the next; with the seconds they may be kept. */
  readonly publicKeys: () => { readonly keys: readonly object[]; readonly maxAge: number };
}

/** Seconds for which a client may believe it has the newest metadata. */
const FRESH = { 'Cache-Control': 'public, max-age=300' };

const metadata = z.looseObject({
  issuer: z.string(),
  token_endpoint: z.string(),
  jwks_uri: z.string(),
});

/**
 * What clients and verifiers read before they ask for anything. Built from the configured issuer alone: no
 * header of a request reaches it, so no cache can be poisoned.
 */
export const discoveryRoutes = (broker: DiscoveryRoutes): Route[] => [
  published(
    '/.well-known/oauth-authorization-server',
    'Metadata of the authorization server (RFC 8414 §3)',
    metadata,
    () => broker.authorizationServer(),
  ),
  published(
    '/.well-known/openid-configuration',
    'The same, where clients of OpenID Connect look for it (RFC 8414 §5)',
    metadata,
    () => broker.authorizationServer(),
  ),
  published(
    '/.well-known/oauth-protected-resource',
    'Metadata of this API as a protected resource (RFC 9728 §3)',
    z.looseObject({ resource: z.string(), authorization_servers: z.array(z.string()) }),
    () => broker.protectedResource(),
  ),
  published(
    '/jwks',
    'The keys that JWT access tokens are verified with (RFC 7517 §5)',
    z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
    () => ({ keys: broker.publicKeys().keys }),
    () => ({
      // No key signs before every copy that lacks it has ended.
      'Cache-Control': `public, max-age=${broker.publicKeys().maxAge}`,
      'Content-Type': 'application/jwk-set+json', // RFC 7517 §8.5.2
    }),
  ),
];

const published = (
  path: string,
  summary: string,
  schema: z.ZodType,
  read: () => object,
  headers: () => NonNullable<Reply['headers']> = () => FRESH,
): Route =>
  route({
    method: 'GET',
    path,
    summary,
    authentication: 'none',
    answer: { status: 200, schema, description: summary },
    handle: async () => ({ status: 200, headers: headers(), body: read() }),
  });
