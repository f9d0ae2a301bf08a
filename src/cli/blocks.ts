import type { Send } from './sign-in.ts';

/** A block in force: what was revoked, and is issued nothing until that is lifted. */
export interface Block {
  readonly revocation_id: string;
  readonly reason: string;
}

interface Revocations {
  readonly items: readonly (Block & {
    readonly target: { readonly app_id?: string };
    readonly block: boolean;
    readonly lifted_at: string | null;
  })[];
  readonly next_cursor: string | null;
}

/** Pages of 200. Older blocks than these are not looked for. */
const MOST_PAGES = 5;

/** The apps that are blocked, by id; undefined where whoever asks may not know: that takes security or auditor. */
export const blockedApps = async (send: Send): Promise<ReadonlyMap<string, Block> | undefined> => {
  const found = new Map<string, Block>();
  let cursor: string | undefined;
  try {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const query = { limit: '200', cursor };
      const path = '/admin/v1/revocations';
      const { items, next_cursor } = await send<Revocations>({ method: 'GET', path, query });
      for (const { target, block, lifted_at, ...rest } of items)
        if (block && lifted_at === null && target.app_id !== undefined)
          found.set(target.app_id, rest);
      if (next_cursor === null) return found;
      cursor = next_cursor;
    }
    return found;
  } catch {
    // What was asked for has been answered, and this is a word beside it.
    return undefined;
  }
};

export const blockedNote = (appId: string, { revocation_id, reason }: Block): string =>
  `${appId} is blocked (${reason}): it gets nothing until daypass revocations lift ${revocation_id}`;
