import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import type { Route } from '../route.ts';

const SCHEMES = {
  id_token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An ID token of a corporate IdP, issued to the app: `Authorization: Bearer …`.',
  },
  access_token: {
    type: 'http',
    scheme: 'bearer',
    description: 'An unbound Daypass access token: `Authorization: Bearer dp_at_…`.',
  },
  bound_token: {
    type: 'http',
    scheme: 'DPoP',
    description:
      'A Daypass access token bound to a key (RFC 9449): `Authorization: DPoP dp_at_…`, with a proof.',
  },
  proof: {
    type: 'apiKey',
    in: 'header',
    name: 'DPoP',
    description:
      'A proof for this method and URL, with `ath` beside a bound token (RFC 9449 §4.2). A nonce is wanted: an answer carries it as `DPoP-Nonce`.',
  },
  client_secret: {
    type: 'http',
    scheme: 'basic',
    description:
      '`client_secret_basic`. `client_secret_post`, `private_key_jwt` and `tls_client_auth` do as well.',
  },
} as const;

type Requirement = Readonly<Partial<Record<keyof typeof SCHEMES, string[]>>>;

const BOUND: Requirement = { bound_token: [], proof: [] };

export const registerSecuritySchemes = (registry: OpenAPIRegistry): void => {
  for (const [name, scheme] of Object.entries(SCHEMES)) {
    registry.registerComponent('securitySchemes', name, { ...scheme });
  }
};

/** Any one of these opens the endpoint. */
export const securityOf = ({ authentication }: Route): Requirement[] => {
  switch (authentication) {
    case 'none':
      return [];
    case 'credential':
      return [{ id_token: [], proof: [] }, { id_token: [] }, BOUND, { access_token: [] }];
    case 'client':
      return [{ client_secret: [] }];
    case 'token':
      return [BOUND, { access_token: [] }];
    default:
      return [BOUND]; // the admin door takes bound tokens only
  }
};

/** Who is let in, in words: what OpenAPI has no place for. */
export const admission = ({ authentication }: Route): string | undefined => {
  if (typeof authentication !== 'object') return undefined;
  const { roles, reach } = authentication;
  const further = reach === 'deployment' ? ', with `scope: deployment`' : '';
  return `Takes a token for \`{issuer}/admin\` and the role ${roles.join(' or ')}${further}.`;
};
