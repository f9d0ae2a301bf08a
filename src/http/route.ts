import type { z } from 'zod';
import type { Admin } from '../broker/admin.ts';
import type { Conditions } from '../broker/configure/entity-tag.ts';
import type { PresentedCredential, RequestContext } from '../broker/context.ts';
import type { Role } from '../broker/exchange/admin-client.ts';
import type { Verifier } from '../broker/revocation/verifier.ts';
import type { TokenRecord } from '../ledger/records.ts';
import type { Reply } from './reply.ts';

/**
 * One endpoint, as a value: the router serves it, the OpenAPI document describes it, and the test of the
 * admin door walks over it. `authentication` says who may come in before `handle` sees anything.
 */
export type Route<Body = unknown, Query = unknown> =
  | (Endpoint<Body, Query> & {
      readonly authentication: 'none';
      readonly handle: (input: Input<Body, Query>) => Promise<Reply>;
    })
  | (Endpoint<Body, Query> & {
      /**
       * Whatever `Authorization` holds, not yet proven: the use case proves it, and what the caller says is
       * read after that, so `body` only describes it.
       */
      readonly authentication: 'credential';
      readonly handle: (
        input: Omit<Input<Body, Query>, 'body'> & {
          readonly credential: PresentedCredential;
          /** The body as it came: some JSON object, or the refusal of what is none. */
          readonly read: () => Promise<object>;
        },
      ) => Promise<Reply>;
    })
  | (Endpoint<Body, Query> & {
      /** A client that verifies tokens for a resource server. Its credentials may be in a form, which is read by then. */
      readonly authentication: 'client';
      readonly handle: (
        input: Input<Body, Query> & { readonly client: Verifier },
      ) => Promise<Reply>;
    })
  | (Endpoint<Body, Query> & {
      readonly authentication: 'token';
      readonly handle: (
        input: Input<Body, Query> & { readonly token: TokenRecord },
      ) => Promise<Reply>;
    })
  | (Endpoint<Body, Query> & {
      readonly authentication: AdminAuthentication;
      readonly handle: (input: Input<Body, Query> & { readonly admin: Admin }) => Promise<Reply>;
    });

export interface AdminAuthentication {
  readonly roles: readonly Role[];
  /** `deployment` for what belongs to no single tenant. */
  readonly reach: 'tenant' | 'deployment';
}

export interface Endpoint<Body, Query> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  /** With `{name}` for parameters, as OpenAPI writes them. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly body?: z.ZodType<Body>;
  /** How the body is written; absent: a JSON object. An event may be a list of them, and larger. */
  readonly encoding?: 'form' | 'event';
  /** Whether nothing at all says as much as `{}`: where every member may be left out, and a POST says what is wanted. */
  readonly isBodyOptional?: true;
  readonly query?: z.ZodType<Query>;
  /** Whether it heeds `If-Match` and `If-None-Match` (RFC 9110 §13). */
  readonly isConditional?: boolean;
  /** Whether `limits.requests` says how fast it may be asked, by an address and by a user. */
  readonly isPaced?: true;
  /** The successful answer. */
  readonly answer: {
    readonly status: number;
    readonly schema?: z.ZodType;
    readonly description: string;
    /** Those it may have besides what every answer has. */
    readonly headers?: readonly AnswerHeader[];
  };
}

/** A header of some answers only; `openapi.ts` describes each. */
export type AnswerHeader = 'Location' | 'Daypass-Notices';

export interface Input<Body, Query> {
  readonly body: Body;
  readonly query: Query;
  readonly params: Readonly<Record<string, string>>;
  readonly context: RequestContext;
  /** Asked for an answer in this kind of media; lower case. */
  readonly accept: string;
  /** Any other header, by its name in lower case; empty where there is none. */
  readonly header: (name: string) => string;
  /** What the caller says of the state they have seen. @throws {OAuthError} `invalid_request` */
  readonly conditions: () => Conditions;
}

/** Keeps the types of body and query between schema and handler, and forgets them in the table. */
export const route = <Body = undefined, Query = undefined>(definition: Route<Body, Query>): Route =>
  definition as unknown as Route;
