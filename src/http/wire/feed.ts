import type { Told } from '../../broker/revocation/follow.ts';
import type { RevocationEvent } from '../../ledger/revocation-feed.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

/** Milliseconds after which a reader comes back when the stream has ended. */
const RETRY = 1_000;

/** Server-sent events (WHATWG HTML §9.2.6). A field's value has no line break: JSON has none. */
export const toServerSentEvent = (told: Told): string => {
  switch (told.kind) {
    case 'position':
      // An id without data moves a reader's Last-Event-ID and dispatches nothing.
      return `retry: ${RETRY}\nid: ${told.position}\n\n`;
    case 'alive':
      return ': alive\n\n';
    case 'event':
      return `id: ${told.event.position}\nevent: revocation\ndata: ${JSON.stringify(toFeedItem(told.event))}\n\n`;
  }
};

const toFeedItem = (event: RevocationEvent): object => {
  const separator = event.target.indexOf(':');
  return {
    revocation_id: event.revocationId,
    target: { [`${event.target.slice(0, separator)}_id`]: event.target.slice(separator + 1) },
    effective_at: event.effectiveAt.toISOString(),
    block: event.block,
    lifted: event.lifted,
  };
};

/** @throws {OAuthError} `invalid_request` for what was never an id of ours. */
export const readLastEventId = (value: string): number | undefined => {
  if (value === '') return undefined;
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(value)) return Number(value);
  throw new OAuthError('invalid_request', 'the Last-Event-ID is not one of ours', {
    violations: [
      {
        field: 'Last-Event-ID',
        rule: 'position',
        message: 'an id of this stream is a number',
        remedy: 'leave it out to begin now',
      },
    ],
  });
};
