import {
  createReceiveEvents,
  type ReceiveEventsDependencies,
} from '../broker/events/receive-events.ts';
import { createHearSns, type ReceiveSnsDependencies } from '../broker/events/receive-sns.ts';
import type { Fetch } from '../egress/fetch.ts';
import { createEventTokenVerifier } from '../identity/event-token.ts';
import { createSnsVerifier } from '../identity/sns-message.ts';

type EventParts = Omit<ReceiveEventsDependencies, 'eventTokens' | 'hearSns'> &
  Pick<ReceiveSnsDependencies, 'artifacts'>;

/** What clouds tell of their buckets, and how it is proven. */
export const createEventUseCases = (parts: EventParts, fetch: Fetch) =>
  createReceiveEvents({
    ...parts,
    eventTokens: createEventTokenVerifier({ fetch }),
    hearSns: createHearSns({ ...parts, snsMessages: createSnsVerifier({ fetch }), fetch }),
  });
