import { z } from 'zod';
import type { Page } from '../../ledger/ledger.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

/** Lists: `limit` items after an opaque `cursor`. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(256).optional().meta({ description: 'As the page before gave it.' }),
};

/** The id a cursor stands for. Opaque to callers, so that its form may change; made of an id, so that a forged one finds nothing it should not. */
const ID = /^[A-Za-z]{2}_[0-9A-Za-z]{20,40}$/;

/** @param id what the ids of the listed look like. */
export const toPage = (
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  id = ID,
): Page => ({
  limit,
  after: cursor === undefined ? undefined : decode(cursor, id),
});

/** One item more than asked is read to know whether there is a next page. */
export const onePast = (page: Page): Page => ({ ...page, limit: page.limit + 1 });

export const toList = <Item>(
  items: readonly Item[],
  { limit }: Page,
  idOf: (item: Item) => string,
  show: (item: Item) => unknown,
): { items: readonly unknown[]; next_cursor: string | null } => {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = items.length > limit && last !== undefined;
  return {
    items: shown.map(show),
    next_cursor: hasMore ? Buffer.from(idOf(last)).toString('base64url') : null,
  };
};

const decode = (cursor: string, pattern: RegExp): string => {
  const id = Buffer.from(cursor, 'base64url').toString('latin1');
  if (pattern.test(id) && Buffer.from(id).toString('base64url') === cursor) return id;
  throw new OAuthError('invalid_request', 'the cursor is not one of ours', {
    violations: [
      {
        field: 'cursor',
        rule: 'cursor',
        message: 'a cursor comes from `next_cursor` of the page before',
        remedy: 'leave it out to begin again',
      },
    ],
  });
};

export const listOf = (item: z.ZodType) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });
