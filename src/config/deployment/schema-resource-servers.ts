import { z } from 'zod';
import { SIGNING_ALGORITHMS } from '../../protocol/signing-algorithm.ts';
import { readResource } from '../../scope/scope.ts';
import { distinct, id, says } from './values.ts';

/** Read with the grammar of the `resource` parameter: another id could never be asked for. */
const resourceUri = z.string().superRefine((value, ctx) => {
  const reading = readResource(value);
  if ('value' in reading && reading.value.kind === 'uri') return;
  ctx.addIssue({
    code: 'custom',
    message: 'must be an absolute http or https URI in normal form, without fragment (RFC 8707 §2)',
    params: {
      rule: 'resource_uri',
      remedy: 'use the base URL of the API, such as https://orders.example',
    },
  });
});

/** RFC 6749 §3.3 */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const scopeToken = z
  .string()
  .refine(
    (value) => SCOPE_TOKEN.test(value) && !value.startsWith('storage:'),
    says(
      'scope',
      'must be a scope without spaces or quotes, and not start with storage:',
      'name it as the API documents it, such as orders:read',
    ),
  );

export const resourceServer = z.strictObject({
  id: resourceUri.meta({ description: 'The absolute URI that becomes `aud`.' }),
  tenant: id,
  scopes: distinct(scopeToken).meta({ description: 'What may be done there.' }),
  token_format: z
    .enum(['jwt', 'opaque'])
    .default('jwt')
    .meta({ description: 'jwt: verified offline. opaque: by introspection.' }),
  token_alg: z.enum(SIGNING_ALGORITHMS).default('ES256').meta({
    description:
      'What JWTs for it are signed with: EdDSA and RS256 are for those that cannot verify ES256.',
  }),
  introspection_clients: distinct(id).default([]).meta({
    description:
      'Confidential apps that may ask about its tokens (RFC 7662), besides the app each was issued to.',
  }),
});
