import type { ClientMetadata } from 'oidc-provider';

/** A broker that signs people in through this IdP. */
export interface RelyingParty {
  readonly clientId: string;
  /** Absent: a public client, which PKCE alone protects. */
  readonly clientSecret?: string;
  readonly redirectUri: string;
  /** Where it is told that a session has ended (OpenID Connect Back-Channel Logout 1.0). */
  readonly logoutUri: string;
  /** Where the browser may be sent after signing out here. */
  readonly signedOutUris: readonly string[];
}

/** Loopback, any port (RFC 8252 §7.3): read off by whoever has no server to receive it. */
const LOOPBACK = ['http://127.0.0.1/callback', 'http://localhost:5173/callback'];

/**
 * A public client on this machine. `native` because then any port of a loopback redirect URI will
 * do (RFC 8252 §7.3): a script need not know which is free.
 */
const publicClient = (id: string): ClientMetadata => ({
  client_id: id,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code'],
  response_types: ['code'],
  redirect_uris: LOOPBACK,
  post_logout_redirect_uris: ['http://localhost:5173/', 'http://localhost:8080/'],
  require_auth_time: true,
});

/** The same, and it hears of logouts. Its own redirect URIs stay, for `demo-token`. */
const relyingParty = (party: RelyingParty): ClientMetadata => {
  const client = publicClient(party.clientId);
  return {
    ...client,
    // A native client may not come back to https on localhost, where a broker with TLS of its own is tried out.
    ...(party.redirectUri.startsWith('https:') && { application_type: 'web' }),
    redirect_uris: [...LOOPBACK, party.redirectUri],
    post_logout_redirect_uris: [
      ...(client.post_logout_redirect_uris ?? []),
      ...party.signedOutUris,
    ],
    backchannel_logout_uri: party.logoutUri,
    backchannel_logout_session_required: true,
    ...(party.clientSecret !== undefined && {
      client_secret: party.clientSecret,
      token_endpoint_auth_method: 'client_secret_basic',
    }),
  };
};

export interface ClientOptions {
  readonly audiences: readonly string[];
  readonly relyingParties: readonly RelyingParty[];
  readonly clients: readonly ClientMetadata[];
}

/** The demo's own clients, those asked for beside them, and whatever takes the place of either. */
export const allClients = ({
  audiences,
  relyingParties,
  clients,
}: ClientOptions): ClientMetadata[] => {
  const ids = ['daypass', 'where2eat', 'lowcode', 'nightly-report', ...audiences];
  const own = [...ids.map(publicClient), ...relyingParties.map(relyingParty), ...clients];
  // The last of a name is the one.
  return [...new Map(own.map((client) => [client.client_id, client])).values()];
};
