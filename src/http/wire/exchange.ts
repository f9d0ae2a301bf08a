import { z } from 'zod';
import type { Credential } from '../../broker/exchange/answer.ts';
import { type Asked, LAWFUL_BASIS } from '../../broker/exchange/asked.ts';
import type { DryRun } from '../../broker/exchange/dry-run.ts';
import { text } from './text.ts';

/** `POST /exchange`. */
export const exchangeBody = z.strictObject({
  app_id: text(128).optional().meta({ description: 'The app; left out, the token names it.' }),
  resource: text(2048)
    .optional()
    .meta({ description: '`bucket:<id>` or the id of a resource server.' }),
  actions: z
    .array(text(256))
    .min(1)
    .max(32)
    .optional()
    .meta({ description: 'Left out: all that is held.' }),
  ttl: z.int().positive().optional().meta({ description: 'Seconds.' }),
  constraints: z
    .strictObject({
      prefix: text(4096).optional(),
      max_size: z.int().positive().optional().meta({ description: 'Bytes, inclusive.' }),
      content_types: z.array(text(256)).min(1).max(100).optional(),
    })
    .optional(),
  lawful_basis: z
    .string()
    .regex(LAWFUL_BASIS, { error: 'must be a short lower-case word' })
    .optional()
    .meta({
      description: 'Required for confidential and restricted data, such as contract or consent.',
    }),
  dpop_binding_proof: text(8192).optional().meta({
    description:
      'A second proof, under the key to bind to, where the presented token is bound to another.',
  }),
  dry_run: z.boolean().optional().meta({ description: 'Decide, and issue nothing.' }),
});

export type ExchangeBody = z.output<typeof exchangeBody>;

export const toAsked = (body: ExchangeBody): Asked => ({
  resource: body.resource,
  actions: body.actions,
  constraints: body.constraints ?? {},
  details: undefined,
  ttl: body.ttl,
  lawfulBasis: body.lawful_basis,
});

const detail = z.object({
  type: z.literal('daypass_storage'),
  locations: z.array(z.string()),
  actions: z.array(z.string()),
  prefix: z.string().optional(),
  max_size: z.number().optional(),
  content_types: z.array(z.string()).optional(),
});

/** What whoever uses the token must prove: a key by DPoP, or a certificate by TLS (RFC 8705). */
export const binding = z.union([
  z.object({ method: z.literal('dpop'), jkt: z.string() }),
  z.object({ method: z.literal('mtls'), 'x5t#S256': z.string() }),
]);

export const exchangeAnswer = z.object({
  access_token: z.string(),
  token_type: z.enum(['DPoP', 'Bearer']),
  expires_in: z.int().meta({ description: 'Seconds.' }),
  token_id: z.string(),
  issued_at: z.int().meta({ description: 'Epoch seconds.' }),
  scopes: z.array(z.string()),
  binding: binding.nullable(),
  authorization_details: z.array(detail),
});

export const toExchangeAnswer = (credential: Credential): z.output<typeof exchangeAnswer> => ({
  access_token: credential.accessToken,
  token_type: credential.tokenType,
  expires_in: credential.expiresIn,
  token_id: credential.tokenId,
  issued_at: credential.issuedAt,
  scopes: [...credential.scopes],
  binding: credential.binding ?? null,
  authorization_details: credential.details.map(copyOf),
});

export const toDryRunAnswer = ({ decision, policies, violations, wouldIssue }: DryRun) => ({
  decision,
  policies,
  violations,
  would_issue: wouldIssue
    ? {
        resource: wouldIssue.target.id,
        expires_in: wouldIssue.ttl,
        // Whom a narrowed token already has acting in it, newest first.
        ...(wouldIssue.actors.length > 0 && { actors: wouldIssue.actors }),
        scopes: wouldIssue.scopes,
        authorization_details: wouldIssue.parts.map((part) => copyOf(part.detail)),
      }
    : null,
});

const copyOf = (held: Credential['details'][number]): z.output<typeof detail> => ({
  ...held,
  locations: [...held.locations],
  actions: [...held.actions],
  content_types: held.content_types && [...held.content_types],
});
