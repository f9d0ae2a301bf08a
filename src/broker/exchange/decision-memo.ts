import { LRUCache } from 'lru-cache';
import type { InForce } from '../configuration.ts';
import { bindingOf } from './binding.ts';
import type { Exchange } from './exchange.ts';
import type { Settled } from './settle.ts';

/** What settling and policy come to for one kind of request. */
export interface Remembered {
  readonly settled: Settled;
  readonly policies: readonly string[];
}

/** Requests of this many people and kinds are remembered at once. */
const ENTRIES = 10_000;

/**
 * Remembers what was permitted to whom, for as long as the configuration stands.
 *
 * Settling and policy are functions of the configuration, the app, the sign-in's attributes, what is asked
 * and the seconds left: all of it is in the key, so equal keys have equal answers. An app comes back for
 * the same token every few minutes; its answer need not be worked out again. Only permits are kept, and
 * nothing is believed from here that the issuing statement does not check again: locks, bindings, replays
 * and the version of the configuration.
 */
export const createDecisionMemo = () => {
  const versions = new WeakMap<InForce, LRUCache<string, Remembered>>();

  return (
    exchange: Exchange,
    inForce: InForce,
    left: number,
    work: () => Remembered,
  ): Remembered => {
    // A token or an agreement as authority holds something else each time; delegation is rare, and nobody's key knows of it.
    if (exchange.authority.within || exchange.authority.actors.length > 0) return work();
    const known = versions.get(inForce) ?? new LRUCache({ max: ENTRIES });
    versions.set(inForce, known);
    const key = keyOf(exchange, left);
    const found = known.get(key);
    if (found) return found;
    const fresh = work();
    known.set(key, fresh);
    return fresh;
  };
};

const keyOf = (exchange: Exchange, left: number): string => {
  const { app, authority, asked } = exchange;
  const { tenantId, user } = authority;
  const who = user && [user.userId, user.issuerId, user.attributes];
  return JSON.stringify([
    app.id,
    tenantId,
    who ?? null,
    bindingOf(exchange) !== undefined,
    authority.signedInHere !== undefined,
    left,
    asked,
  ]);
};
