import type { AppType } from '../../config/app-type.ts';
import type { DeploymentDocument } from '../../config/deployment.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { randomFrom } from '../../protocol/random.ts';
import { shortName } from '../../protocol/short-name.ts';
import { hashOfSecret } from '../client-secret.ts';
import type { Registrant } from './registrant.ts';

/** What a client says of itself (RFC 7591 §2): as much as we make anything of. */
export interface ClientMetadata {
  readonly client_name: string;
  /** The first is who answers for it. */
  readonly contacts: readonly string[];
  readonly token_endpoint_auth_method: AuthenticationMethod;
  readonly application_type: 'web' | 'native';
  readonly redirect_uris: readonly string[];
  readonly post_logout_redirect_uris: readonly string[];
  readonly backchannel_logout_uri?: string | undefined;
  readonly jwks?: { readonly keys: readonly object[] } | undefined;
}

export type AuthenticationMethod =
  | 'none'
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'private_key_jwt';

export type AppDocument = NonNullable<DeploymentDocument['apps']>[number];

export interface NewApp {
  readonly app: AppDocument;
  readonly secret: string | undefined;
}

const SECRET_BYTES = 32;
/** What a name takes, and a little more. */
const NAME_BYTES = 20;

/** As an entry of the configuration, without grants: those are the tenant's to give. */
export const newAppOf = (
  metadata: ClientMetadata,
  { tenantId, bounds }: Registrant,
  now: Date,
): NewApp => {
  const type = typeOf(metadata);
  if (!bounds.types.includes(type)) throw notOfThatType(type, bounds.types);
  const secret = metadata.token_endpoint_auth_method.startsWith('client_secret')
    ? randomFrom(SECRET_BYTES).toString('base64url')
    : undefined;
  const [owner = ''] = metadata.contacts;
  const { redirect_uris, post_logout_redirect_uris, backchannel_logout_uri } = metadata;
  const app = {
    id: `c-${shortName(randomFrom(NAME_BYTES))}`,
    tenant: tenantId,
    owner,
    purpose: metadata.client_name,
    registered: now.toISOString(),
    expires: new Date(now.getTime() + bounds.max_age * 1000).toISOString(),
    type,
    redirect_uris: [...redirect_uris],
    post_logout_redirect_uris: [...post_logout_redirect_uris],
    ...(type === 'browser' && { origins: originsOf(redirect_uris) }),
    ...(backchannel_logout_uri !== undefined && { backchannel_logout_uri }),
    ...credentialOf(metadata),
    ...(secret !== undefined && { secret_hash: [hashOfSecret(secret)] }),
  };
  return { app: app as AppDocument, secret };
};

/** RFC 6749 §2.1, by what it can keep and whether people sign in to it. */
const typeOf = (metadata: ClientMetadata): AppType => {
  if (metadata.token_endpoint_auth_method === 'none')
    return metadata.application_type === 'native' ? 'native' : 'browser';
  return metadata.redirect_uris.length > 0 ? 'web' : 'service';
};

/** Its pages come from where people come back to. */
const originsOf = (uris: readonly string[]): string[] => [
  ...new Set(uris.flatMap((uri) => URL.parse(uri)?.origin ?? [])),
];

const credentialOf = ({
  token_endpoint_auth_method: method,
  jwks,
}: ClientMetadata): Pick<AppDocument, 'jwks'> => {
  if (method !== 'private_key_jwt') return {};
  if (jwks && jwks.keys.length > 0) return { jwks: jwks as NonNullable<AppDocument['jwks']> };
  throw new OAuthError('invalid_client_metadata', 'private_key_jwt takes the public keys', {
    violations: [
      {
        field: 'jwks',
        rule: 'required',
        message: 'there is no key to verify its assertions with',
        remedy: 'send its public keys in jwks; jwks_uri is not read',
      },
    ],
  });
};

const notOfThatType = (type: AppType, types: readonly AppType[]): OAuthError =>
  new OAuthError('invalid_client_metadata', `a ${type} app cannot register itself here`, {
    violations: [
      {
        field: 'token_endpoint_auth_method',
        rule: 'type',
        message: `what it says makes it a ${type} app, and here are registered: ${types.join(', ')}`,
        remedy: 'ask the platform team to register it',
      },
    ],
  });
