import type { ReadAccessToken } from '../identity/access-token.ts';
import type { HeldToken, Tokens } from '../ledger/ledger.ts';
import { opaqueKind, tokenDigest } from '../protocol/opaque-token.ts';

export interface FindTokenDependencies {
  readonly tokens: Pick<Tokens, 'use' | 'find'>;
  readonly readAccessToken: ReadAccessToken;
}

/**
 * The row of a token somebody presents by value, whatever its format; undefined for what is not one of ours.
 *
 * What it is shows in the token itself, so a `token_type_hint` has nothing to add (RFC 7662 §2.1,
 * RFC 7009 §2.1: a server may ignore it). Only a well-formed one is looked up, and by its hash: how
 * long that takes says nothing of how much of it was right (security.md R10).
 *
 * @throws {OAuthError} `temporarily_unavailable` where the ledger cannot be asked.
 */
export const createFindToken =
  ({ tokens, readAccessToken }: FindTokenDependencies) =>
  async (value: string): Promise<HeldToken | undefined> => {
    if (opaqueKind(value) === 'at') return tokens.use(tokenDigest(value), undefined);
    const own = readAccessToken(value);
    const held = own && (await tokens.find(own.tokenId));
    // Leans closed: signed by us, and yet not what was recorded.
    return held?.token.format === 'jwt' && held.token.signingKey === own?.kid ? held : undefined;
  };

export type FindToken = ReturnType<typeof createFindToken>;
