import { TOKEN_EXCHANGE } from '../protocol/token-type.ts';
import { STORAGE_DETAIL_TYPE } from '../scope/authorization-details.ts';

/** How an app may authenticate at the token endpoint. */
export const CLIENT_AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth', // RFC 8705 §2.1
  'none', // public apps, which prove a key instead
] as const;

/** What a client assertion may be signed with: asymmetric, so that we hold nothing it could be forged with. */
export const CLIENT_AUTH_ALGORITHMS = ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'] as const;

export const CLIENT_CREDENTIALS = 'client_credentials';

export interface MetadataOptions {
  /** The configured one: nothing here comes from a request, so nobody can poison it (RFC 8414 §6.2). */
  readonly issuer: string;
  readonly dpopAlgorithms: readonly string[];
  /** Whether certificates of clients reach us at all. */
  readonly clientCertificates: boolean;
  /** Whether apps may register themselves anywhere. */
  readonly registration?: boolean;
}

const methodsWith = (clientCertificates: boolean): readonly string[] =>
  CLIENT_AUTH_METHODS.filter((method) => clientCertificates || method !== 'tls_client_auth');

/** What this authorization server does (RFC 8414 §2, OpenID Connect Discovery §3), and nothing it does not. */
export const authorizationServerMetadata = ({
  issuer,
  dpopAlgorithms,
  clientCertificates,
  registration = false,
}: MetadataOptions) => ({
  issuer,
  ...(registration && { registration_endpoint: `${issuer}/register` }), // RFC 7591 §3
  authorization_endpoint: `${issuer}/authorize`,
  pushed_authorization_request_endpoint: `${issuer}/par`, //     RFC 9126 §5
  require_pushed_authorization_requests: false,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`, //                    OpenID Connect Core §5.3
  end_session_endpoint: `${issuer}/session/end`, //              OpenID Connect RP-Initiated Logout §2.1
  backchannel_logout_supported: true, //                         OpenID Connect Back-Channel Logout 1.0 §2.1
  backchannel_logout_session_supported: true,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment'],
  grant_types_supported: [
    'authorization_code',
    'refresh_token',
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
  ],
  code_challenge_methods_supported: ['S256'], //                 RFC 8414 §2, RFC 9700 §2.1.1
  authorization_response_iss_parameter_supported: true, //       RFC 9207 §3
  prompt_values_supported: ['none', 'login', 'consent'],
  scopes_supported: ['openid', 'offline_access'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  claims_supported: [
    'sub',
    'iss',
    'aud',
    'exp',
    'iat',
    'auth_time',
    'nonce',
    'acr',
    'sid',
    'tenant',
  ],
  claims_parameter_supported: false,
  request_parameter_supported: true, //                          RFC 9101
  request_uri_parameter_supported: false,
  request_object_signing_alg_values_supported: CLIENT_AUTH_ALGORITHMS,
  token_endpoint_auth_methods_supported: methodsWith(clientCertificates),
  token_endpoint_auth_signing_alg_values_supported: CLIENT_AUTH_ALGORITHMS,
  introspection_endpoint: `${issuer}/introspect`, //             RFC 7662
  introspection_endpoint_auth_methods_supported: methodsWith(clientCertificates).filter(
    (method) => method !== 'none', // a public client proves nothing, and there a key proves nothing either
  ),
  introspection_endpoint_auth_signing_alg_values_supported: CLIENT_AUTH_ALGORITHMS,
  introspection_signing_alg_values_supported: ['ES256'], //      RFC 9701 §7
  revocation_endpoint: `${issuer}/revoke`, //                    RFC 7009
  revocation_endpoint_auth_methods_supported: methodsWith(clientCertificates),
  revocation_endpoint_auth_signing_alg_values_supported: CLIENT_AUTH_ALGORITHMS,
  tls_client_certificate_bound_access_tokens: clientCertificates, // RFC 8705 §3.3
  dpop_signing_alg_values_supported: dpopAlgorithms, //          RFC 9449 §5.1
  authorization_details_types_supported: [STORAGE_DETAIL_TYPE], // RFC 9396 §10
  protected_resources: [issuer], //                              RFC 9728 §4
  service_documentation: `${issuer}/docs`,
});

/** Daypass's own API as a protected resource (RFC 9728 §2). Its apps are registered by configuration. */
export const protectedResourceMetadata = ({
  issuer,
  dpopAlgorithms,
  clientCertificates,
}: MetadataOptions) => ({
  resource: issuer,
  resource_name: 'Daypass',
  authorization_servers: [issuer],
  bearer_methods_supported: ['header'], // RFC 6750 §2.1; never a query or a form
  tls_client_certificate_bound_access_tokens: clientCertificates, // RFC 9728 §2
  dpop_signing_alg_values_supported: dpopAlgorithms,
  // An app may have `dpop: optional`; a token that is bound needs its proof all the same.
  dpop_bound_access_tokens_required: false,
  authorization_details_types_supported: [STORAGE_DETAIL_TYPE],
  resource_documentation: `${issuer}/docs`,
});
