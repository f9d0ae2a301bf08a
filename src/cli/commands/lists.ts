import type { Command } from 'commander';
import { type ClientOptions, positive, withClientOptions } from '../client-options.ts';
import { columns, type Output } from '../output.ts';

export interface PageOptions extends ClientOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: string | null;
}

export const withPageOptions = (command: Command): Command =>
  withClientOptions(
    command
      .option('--limit <count>', 'how many; at most 200', positive)
      .option('--cursor <cursor>', 'where the page before ended'),
  );

export const pageQuery = ({ limit, cursor }: PageOptions) => ({
  limit: limit === undefined ? undefined : String(limit),
  cursor,
});

/**
 * A page as a table of these members, some of them written in a way of their own, and how to get the next.
 *
 * @param kind of what is listed: a head alone would look like an answer that was cut off.
 */
export const showPage = (
  output: Output,
  kind: string,
  page: Page,
  names: readonly string[],
  written: Readonly<Record<string, (value: unknown, item: Page['items'][number]) => unknown>> = {},
): void => {
  if (page.items.length === 0) {
    output.answer(page, [`no ${kind}`]);
    return;
  }
  const rows = page.items.map((item) =>
    names.map((name) => written[name]?.(item[name], item) ?? item[name]),
  );
  output.answer(page, columns(names, rows));
  if (page.next_cursor !== null) output.note(`more: --cursor ${page.next_cursor}`);
};
