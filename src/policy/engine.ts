import type { Constraints } from '../protocol/authorization-details.ts';
import { OAuthError, unavailable, type Violation } from '../protocol/oauth-error.ts';
import type { Attributes } from '../protocol/principal.ts';

/** Policy: may this be done? It answers from the question alone; it knows no clock, database or network. */
export interface PolicyEngine {
  /** Names the policies that answer: `sha256:` + hex over the sorted files of the bundle. */
  readonly digest: string;
  /** Never throws: an engine that cannot answer refuses, with effect `error`. */
  decide(question: Question): Decision;
}

/** `exchange` asks at issue, `admin` at the admin API, the others when a token is used on an object. */
export const ACTIONS = [
  'exchange',
  'upload',
  'download',
  'list',
  'delete',
  'credentials',
  'admin',
] as const;
export type Action = (typeof ACTIONS)[number];

/** All that a decision may depend on. Equal questions have equal answers under one digest. */
export interface Question {
  readonly action: Action;
  /** Absent where a service acts alone. */
  readonly user?: User;
  readonly app: App;
  readonly resource: Resource;
  /** At issue, what is asked for; at use, what is being used of what the token carries. */
  readonly actions: readonly string[];
  /** At issue, what would be issued; at use, what the token carries. */
  readonly constraints: Constraints;
  /** The app's grant for this resource as it stands now, placeholders filled. */
  readonly grant?: Grant;
  /** Seconds the credential would live; 0 where none is issued. */
  readonly ttl: number;
  /**
   * Seconds the authority behind it has left, or the deployment's ceiling where that is less. It may be understated, as by
   * rounding down to minutes (not below a `ttl` that fits): what counts down by the second is a new question every second.
   */
  readonly ttlCeiling: number;
  /** Is the credential (at use: the token presented) bound to its sender? */
  readonly bound: boolean;
  readonly lawfulBasis?: string;
  readonly object?: ObjectInQuestion;
  /** Constraints that neither the storage nor the broker would hold the credential to. */
  readonly unenforceable?: readonly string[];
  /** Constraints of an upload that only the broker holds it to, when it looks at what has arrived. */
  readonly checkedAfterwards?: readonly string[];
  /** How many actors the `act` chain would hold (RFC 8693 §4.1). */
  readonly actors: number;
  /** How many it may hold (`limits.max_actors`); left out, 3. */
  readonly maxActors?: number;
  /** The one who acts now: the newest, the outermost. Absent where nobody acts for another. */
  readonly actor?: ActorInQuestion;
  /** The approval another person gave to exactly this, proven by the caller. */
  readonly approval?: string;
}

export interface User {
  readonly id: string;
  readonly tenant: string;
  readonly issuer: string;
  readonly attributes: Attributes;
}

export interface App {
  readonly id: string;
  readonly tenant: string;
  readonly type: 'browser' | 'native' | 'web' | 'service';
  readonly owner: string;
}

export interface ActorInQuestion {
  /** The `iss` and `sub` of the actor; for a service, Daypass's own issuer and the app's id. */
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string;
  readonly kind: 'person' | 'service';
}

export interface Resource {
  /** `bucket:<id>` or an absolute URI, as grants spell it. */
  readonly id: string;
  readonly kind: 'bucket' | 'api' | 'admin';
  readonly tenant: string;
  readonly residency?: string;
  readonly classification?: 'public' | 'internal' | 'confidential' | 'restricted';
  readonly retentionLocked?: boolean;
  /** Where the resource's tenant must keep its data. */
  readonly tenantResidency?: string;
}

export interface Grant extends Constraints {
  readonly actions: readonly string[];
  /** Seconds. */
  readonly max_ttl?: number;
}

export interface ObjectInQuestion {
  /** Canonical path from the root of the bucket, with or without its first `/`; a listed prefix ends in `/`. */
  readonly key: string;
  /** Bytes; before an upload of unknown size, the most that would be accepted. */
  readonly size?: number;
  readonly contentType?: string;
  /** Would an upload replace what is there? */
  readonly overwrites?: boolean;
}

/** `policies` are the ids of those that determined the answer, in the order of the bundle. */
export type Decision =
  | { readonly effect: 'permit'; readonly policies: readonly string[] }
  | {
      readonly effect: 'deny';
      /** Empty where nothing forbade it and nothing permitted it either. */
      readonly policies: readonly string[];
      /** At least one. */
      readonly violations: readonly Violation[];
    }
  | { readonly effect: 'error'; readonly detail: string };

/**
 * The policies that permit it.
 *
 * @throws {OAuthError} `access_denied` with the violations where policy says no;
 *   `temporarily_unavailable` where it could not say. The token endpoint names the first otherwise (RFC 8693 §2.2.2).
 */
export const mustPermit = (decision: Decision): readonly string[] => {
  switch (decision.effect) {
    case 'permit':
      return decision.policies;
    case 'deny':
      throw new OAuthError('access_denied', 'policy does not permit this', {
        violations: decision.violations,
        detail: `denied by ${decision.policies.join(', ') || 'default'}`,
      });
    case 'error':
      throw unavailable(`policy: ${decision.detail}`);
  }
};
