import { FAPI2, FAPI2_ALGORITHMS, FAPI2_RSA_BITS } from '../../protocol/fapi2.ts';
import { isPublicType } from '../app-type.ts';
import { webUrl } from '../url.ts';
import type { Draft, Entry } from './draft.ts';
import type { Finding } from './finding.ts';
import type { App } from './schema.ts';

/** An app that says `profile: fapi2` and something else that the profile forbids: refused, never quietly overruled. */
export const checkProfile = (draft: Draft): Finding[] =>
  draft.apps.entries.flatMap((entry) =>
    entry.value.profile === FAPI2
      ? RULES.flatMap((rule) =>
          rule(entry, draft).map(({ at, ...said }) => ({
            path: [...entry.path, ...at],
            rule: 'profile',
            ...said,
          })),
        )
      : [],
  );

interface Contradiction extends Pick<Finding, 'message' | 'remedy'> {
  readonly at: Finding['path'];
}

type ProfileRule = (entry: Entry<App>, draft: Draft) => Contradiction[];

/** FAPI 2.0 §5.3.2.1-3 */
const isConfidential: ProfileRule = ({ value: { type } }) =>
  isPublicType(type)
    ? [
        {
          at: ['type'],
          message: `a ${type} app cannot authenticate, and FAPI 2.0 is for clients that do`,
          remedy: 'make it a web or service app, or remove profile',
        },
      ]
    : [];

/** §5.3.2.1-6: no shared secrets. */
const authenticatesByKey: ProfileRule = ({ value }) => {
  if (isPublicType(value.type) || value.jwks || value.tls_client_auth) return [];
  return [
    {
      at: [value.secret_hash ? 'secret_hash' : 'profile'],
      message: 'FAPI 2.0 takes private_key_jwt or a client certificate, and no secret',
      remedy: 'give it jwks or tls_client_auth, and remove secret_hash',
    },
  ];
};

/** §5.3.2.1-4. A certificate binds too, where there is one: then proofs are not asked for besides. */
const isSenderConstrained: ProfileRule = ({ value }) =>
  value.dpop === 'optional' && !value.tls_client_auth && !value.certificate_bound
    ? [
        {
          at: ['dpop'],
          message: 'FAPI 2.0 knows no unbound tokens',
          remedy: 'remove it, or set certificate_bound: true to bind tokens to a certificate',
        },
      ]
    : [];

/** §5.3.2.2-8; the exception for loopback is for native apps, which cannot have the profile. */
const redirectsOverTls: ProfileRule = ({ value }) =>
  value.redirect_uris.flatMap((uri, index) =>
    webUrl(uri)?.protocol === 'https:'
      ? []
      : [
          {
            at: ['redirect_uris', index],
            message: 'FAPI 2.0 sends answers over https alone',
            remedy: 'use an https URI, on a machine of your own too',
          },
        ],
  );

/** §5.4.1 */
const keysAreStrong: ProfileRule = ({ value }) =>
  (value.jwks?.keys ?? []).flatMap((jwk, index) =>
    isStrong(jwk as Jwk)
      ? []
      : [
          {
            at: ['jwks', 'keys', index],
            message: 'not a key for PS256, ES256 or EdDSA, as FAPI 2.0 wants them',
            remedy: `use P-256, Ed25519, or RSA of at least ${FAPI2_RSA_BITS} bits; alg, if any, one of ${FAPI2_ALGORITHMS.join(', ')}`,
          },
        ],
  );

interface Jwk {
  readonly kty: string;
  readonly crv?: unknown;
  readonly alg?: unknown;
  readonly n?: unknown;
}

const isStrong = ({ kty, crv, alg, n }: Jwk): boolean => {
  if (alg !== undefined && !FAPI2_ALGORITHMS.includes(String(alg))) return false;
  if (kty === 'RSA') return bitsOf(n) >= FAPI2_RSA_BITS;
  return (kty === 'EC' && crv === 'P-256') || (kty === 'OKP' && crv === 'Ed25519');
};

const bitsOf = (n: unknown): number => {
  const modulus = Buffer.from(typeof n === 'string' ? n : '', 'base64url');
  const first = modulus.findIndex((byte) => byte !== 0);
  if (first < 0) return 0;
  return (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
};

/** §5.4.1: nor do we sign what the app gets with anything else. */
const tokensAreSigned: ProfileRule = ({ value }, { resource_servers }) =>
  value.grants.flatMap(({ resource }, index) => {
    const server = resource_servers.byId.get(resource);
    if (server?.token_format !== 'jwt' || FAPI2_ALGORITHMS.includes(server.token_alg)) return [];
    return [
      {
        at: ['grants', index, 'resource'],
        message: `tokens for it are signed with ${server.token_alg}, which FAPI 2.0 does not have`,
        remedy: 'set token_alg of the resource server to ES256 or EdDSA',
      },
    ];
  });

const RULES: readonly ProfileRule[] = [
  isConfidential,
  authenticatesByKey,
  isSenderConstrained,
  redirectsOverTls,
  keysAreStrong,
  tokensAreSigned,
];
