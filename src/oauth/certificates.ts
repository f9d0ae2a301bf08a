import type { IncomingMessage } from 'node:http';
import type { AdapterPayload, Configuration } from 'oidc-provider';
import type { RequestContext } from '../broker/context.ts';
import type { App } from '../config/deployment.ts';
import { isFor } from '../identity/client-certificate.ts';
import { SUBJECT_NAMES, type SubjectName } from '../protocol/client-certificate.ts';

type MutualTls = NonNullable<NonNullable<Configuration['features']>['mTLS']>;

/**
 * Clients that authenticate by certificate (RFC 8705 §2.1). The library asks what http/ has found on the connection;
 * what tokens are bound to is not its business (broker/exchange/binding).
 */
export const certificateAuthentication = (
  contextOf: (request: IncomingMessage) => RequestContext,
): MutualTls => ({
  enabled: true,
  tlsClientAuth: true,
  // It looks at nothing but whether there is one.
  getCertificate: ({ req }) => contextOf(req).certificate?.thumbprint,
  certificateAuthorized: ({ req }) => contextOf(req).certificate?.authorized === true,
  certificateSubjectMatches: ({ req }, property, expected) => {
    const { certificate } = contextOf(req);
    return (
      certificate !== undefined && isSubjectName(property) && isFor(certificate, property, expected)
    );
  },
});

const isSubjectName = (property: string): property is SubjectName =>
  (SUBJECT_NAMES as readonly string[]).includes(property);

/** What the library calls the one name that a client's certificate has (RFC 8705 §2.1.2). */
export const certificateOf = (names: NonNullable<App['tls_client_auth']>): AdapterPayload => ({
  token_endpoint_auth_method: 'tls_client_auth',
  ...Object.fromEntries(
    Object.entries(names).map(([name, value]) => [`tls_client_auth_${name}`, value]),
  ),
});
