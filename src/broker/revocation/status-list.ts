import { hash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { Signer } from '../../keys/signer.ts';
import type { RevocationFeed } from '../../ledger/revocation-feed.ts';
import { LIST_SIZE, type StatusList, type StatusLists } from '../../ledger/status-lists.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

export interface StatusListDependencies {
  readonly statusLists: StatusLists;
  readonly feed: Pick<RevocationFeed, 'subscribe'>;
  readonly keys: {
    readonly signer: () => Signer;
    /** Reads the keys anew: one that was revoked signs nothing any more. */
    readonly follow: () => Promise<void>;
  };
  readonly issuer: string;
  readonly now: () => Date;
}

/** A Status List Token (draft-ietf-oauth-status-list-21 §5.1), signed. */
export interface StatusListToken {
  readonly jwt: string;
  /** Names these very bytes. */
  readonly etag: string;
}

/** Seconds that a verifier may keep a list. */
export const STATUS_TTL = 30;
/** Seconds after which nobody may go by it: cache upon cache, a revocation is known by then. */
const STATUS_LIFE = 60;
/** Milliseconds that one signed list is given out while nothing in it changes: well before it grows old. */
const REUSED = 5_000;

/** The `status` claim of a token whose place is `index` (§6.1). */
export const statusClaim = (issuer: string, index: number): object => ({
  status_list: { idx: index % LIST_SIZE, uri: uriOf(issuer, Math.floor(index / LIST_SIZE)) },
});

const uriOf = (issuer: string, list: number): string => `${issuer}/status/${list}`;

/** Lists that are remembered: the one in use, and those whose last tokens are dying. */
const REMEMBERED = 16;

/**
 * The list as it stands once every revocation that was acknowledged before the call is in it.
 *
 * @throws {OAuthError} `not_found` where no living token has its place there; `temporarily_unavailable` where
 *   nobody can say what has been revoked.
 */
export const createStatusList = (dependencies: StatusListDependencies) => {
  const { statusLists, feed, keys, issuer, now } = dependencies;
  const known = new Map<number, Made>();

  let revokedKeys = 0;
  let followedKeys = 0;
  feed.subscribe((events) => {
    if (!events.some(({ target }) => target.startsWith('key:'))) return;
    revokedKeys += 1;
    known.clear(); // what a revoked key has signed is not given out again
  });

  /** A read list has told of every revocation: the keys have changed only where one was among them. */
  const followKeys = async (): Promise<void> => {
    const revoked = revokedKeys;
    if (followedKeys === revoked) return;
    await keys.follow();
    followedKeys = Math.max(followedKeys, revoked);
  };

  /** @param at what it says was so then, in epoch milliseconds: no later than it was read. */
  const make = async (list: number, { bits }: StatusList, at: number): Promise<StatusListToken> => {
    await followKeys();
    const iat = Math.floor(at / 1000);
    const jwt = await keys.signer().sign('statuslist+jwt', {
      iss: issuer,
      sub: uriOf(issuer, list), // §5.1: the `uri` that tokens refer to
      iat,
      exp: iat + STATUS_LIFE,
      ttl: STATUS_TTL,
      // §4.1, §4.2: a zlib stream, in base64url
      status_list: { bits: 1, lst: deflateSync(bits).toString('base64url') },
    });
    return { jwt, etag: `"${hash('sha256', jwt, 'base64url')}"` };
  };

  return async (name: string): Promise<StatusListToken> => {
    const list = listOf(name);
    const at = now().getTime();
    const read = await statusLists.read(list);
    if (read === undefined) throw noSuchList();
    const { version } = read;
    const made = known.get(list);
    if (made?.version === version && at - made.at < REUSED) return made.token;
    const token = make(list, read, at);
    known.delete(list);
    known.set(list, { token, version, at });
    token.catch(() => known.delete(list));
    for (const oldest of known.keys()) if (known.size > REMEMBERED) known.delete(oldest);
    return token;
  };
};

interface Made {
  readonly token: Promise<StatusListToken>;
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

const listOf = (name: string): number => {
  if (/^(?:0|[1-9][0-9]{0,9})$/.test(name)) return Number(name);
  throw noSuchList();
};

const noSuchList = (): OAuthError =>
  new OAuthError('not_found', 'no such status list', {
    violations: [
      {
        field: 'list',
        rule: 'unknown_list',
        message: 'no token that is alive refers to this list',
        remedy: 'use the `uri` that the token has under `status.status_list`',
      },
    ],
  });
