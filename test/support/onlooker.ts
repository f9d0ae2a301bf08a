import { setTimeout as pause } from 'node:timers/promises';
import type { TestDaypass } from './daypass.ts';
import type { startStory } from './upload-story.ts';

/** Someone who wants to read an upload by every way there is, again and again, until told to stop. */
export interface Onlooker {
  /** What was read, by which way: nothing, if all is well. */
  stop(): Promise<{ readonly seen: readonly string[]; readonly tries: number }>;
}

/**
 * @param storedAt looks at the final key in the storage itself, as a URL signed earlier would.
 */
export const startOnlooker = (
  broker: TestDaypass,
  { client, token, key }: Awaited<ReturnType<typeof startStory>>,
  objectId: string,
  storedAt: (key: string) => Promise<unknown>,
): Onlooker => {
  const seen: string[] = [];
  let tries = 0;
  let isOver = false;
  const look = async (): Promise<void> => {
    const listed = await client.call('/objects', { token, key });
    if (listed.text.includes(objectId)) seen.push('listed');
    const asked = await client.call('/request-download', { body: { objectId }, token, key });
    if (asked.status < 400) seen.push('downloadable');
    const record = await broker.ledger.objects.find(objectId);
    if (record && (await storedAt(record.key)) !== undefined) seen.push('under its final key');
    tries += 1;
  };
  const running = (async () => {
    while (!isOver) {
      await look();
      await pause(5);
    }
    await look();
  })();
  return {
    stop: async () => {
      isOver = true;
      await running;
      return { seen, tries };
    },
  };
};
