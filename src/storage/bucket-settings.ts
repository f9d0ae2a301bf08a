import { OAuthError } from '../protocol/oauth-error.ts';

/**
 * What a bucket is really set to, as far as its provider says it to us: for whoever wants to know whether that is
 * what was meant. No request depends on it.
 */
export interface BucketSettings {
  /** Whether anybody may read or list it without a signature. */
  readonly isPublic: Known<boolean>;
  readonly isVersioned: Known<boolean>;
  /** Whether objects are kept from being deleted for a while, by the provider. */
  readonly isLocked: Known<boolean>;
  readonly cors: Known<readonly CorsRule[]>;
  /** Days after which objects below a prefix go, each with its prefix; an empty prefix is all. */
  readonly expiry: Known<readonly ExpiryRule[]>;
  /** Whom it tells of new objects: ARNs of topics, `eventbridge`, names of topics. */
  readonly told: Known<readonly string[]>;
}

/** A value; or why there is none: not supported there, or not for us to read. */
export type Known<Value> = { readonly value: Value } | { readonly unknown: string };

export interface CorsRule {
  readonly origins: readonly string[];
  /** Upper case. */
  readonly methods: readonly string[];
}

export interface ExpiryRule {
  readonly prefix: string;
  readonly days: number;
}

/** A store that can be asked. */
export interface SelfDescribing {
  settings(): Promise<BucketSettings>;
}

/** What could not be read is unknown, and no reason to give up the rest. */
export const known = async <Value>(read: () => Promise<Value>): Promise<Known<Value>> => {
  try {
    return { value: await read() };
  } catch (error) {
    const reason = error instanceof OAuthError ? error.detail : undefined;
    return { unknown: reason ?? 'the provider does not say' };
  }
};

export const notSaid = (reason: string): { readonly unknown: string } => ({ unknown: reason });
