import { z } from 'zod';
import type { ClientMetadata, NewApp } from '../../broker/registration/new-app.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { parseWith } from '../parse.ts';
import { text } from './text.ts';

const uris = z.array(text(2048)).max(20).default([]);

/** RFC 7591 §2. What is not known is ignored, as it says; what would have to be fetched is refused. */
export const clientMetadata = z
  .looseObject({
    client_name: text(200).meta({ description: 'What it is for: shown to whoever is to agree.' }),
    contacts: z.array(text(255)).min(1).max(10).meta({
      description: 'Who answers for it; the first is its owner.',
    }),
    token_endpoint_auth_method: z
      .enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'])
      .default('client_secret_basic'),
    application_type: z.enum(['web', 'native']).default('web'),
    redirect_uris: uris,
    post_logout_redirect_uris: uris,
    backchannel_logout_uri: text(2048).optional(),
    response_types: z.array(z.literal('code')).optional(),
    jwks: z.looseObject({ keys: z.array(z.looseObject({})).max(10) }).optional(),
  })
  .refine((metadata) => !('jwks_uri' in metadata), {
    path: ['jwks_uri'],
    error: 'is not read: nothing is fetched for an app that registers itself',
    params: { rule: 'unsupported', remedy: 'send the keys in jwks' },
  });

/** @throws {OAuthError} `invalid_client_metadata` with everything that is wrong (RFC 7591 §3.2.2). */
export const readClientMetadata = (body: object): ClientMetadata => {
  try {
    return parseWith(clientMetadata, body);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw new OAuthError('invalid_client_metadata', error.message, {
      violations: error.violations,
    });
  }
};

const seconds = (moment: string): number => Math.floor(Date.parse(moment) / 1000);

/** RFC 7591 §3.2.1. A secret ends with its app. */
export const toClientInformation = (
  { app, secret }: NewApp,
  metadata: Pick<ClientMetadata, 'token_endpoint_auth_method' | 'application_type' | 'contacts'>,
): object => ({
  client_id: app.id,
  client_id_issued_at: seconds(app.registered ?? ''),
  client_id_expires_at: seconds(app.expires),
  ...(secret !== undefined && {
    client_secret: secret,
    client_secret_expires_at: seconds(app.expires),
  }),
  client_name: app.purpose,
  contacts: metadata.contacts,
  token_endpoint_auth_method: metadata.token_endpoint_auth_method,
  application_type: metadata.application_type,
  redirect_uris: app.redirect_uris,
  post_logout_redirect_uris: app.post_logout_redirect_uris,
  response_types: app.redirect_uris?.length ? ['code'] : [],
  grant_types: grantTypesOf(app),
  ...(app.jwks && { jwks: app.jwks }),
  ...(app.backchannel_logout_uri !== undefined && {
    backchannel_logout_uri: app.backchannel_logout_uri,
  }),
});

const grantTypesOf = ({ type, redirect_uris = [] }: NewApp['app']): readonly string[] => [
  'urn:ietf:params:oauth:grant-type:token-exchange',
  ...(type === 'web' || type === 'service' ? ['client_credentials'] : []),
  ...(redirect_uris.length > 0 ? ['authorization_code'] : []),
  ...(redirect_uris.length > 0 && type !== 'browser' ? ['refresh_token'] : []),
];
