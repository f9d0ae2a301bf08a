import type { AuditTrail } from '../ledger/ledger.ts';
import type { AuditRecord, SeenProof } from '../ledger/records.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

export interface Audited {
  readonly audit: Pick<AuditTrail, 'append'>;
  readonly now: () => Date;
}

/** The record of a request, filled in as it learns things. */
export type AuditDraft = { -readonly [Member in keyof AuditRecord]?: AuditRecord[Member] };

/**
 * Runs `work` and, where it refuses, records the refusal with all that was known when it came.
 *
 * What is granted is recorded by `work` itself, in the statement that grants it.
 *
 * @throws {OAuthError} what `work` throws, or `temporarily_unavailable` where that could not be recorded.
 */
export const audited = async <Result>(
  { audit, now }: Audited,
  action: string,
  known: Partial<AuditRecord>,
  proofs: readonly SeenProof[],
  work: (event: AuditDraft) => Promise<Result>,
): Promise<Result> => {
  const event: AuditDraft = { ...known };
  try {
    return await work(event);
  } catch (error) {
    await recordRefusal({ audit, now }, error, { ...event, action }, proofs);
    throw error;
  }
};

/** Refusals that have their row: who hands one on does not write it down again. */
const onRecord = new WeakSet<OAuthError>();

/**
 * Records that a caller who is known was refused, unless the refusal is on record already.
 *
 * Faults of ours are not refusals: nobody was denied anything. Leans closed where the trail takes no event:
 * nobody who is known learns what they may not do without having been written down as asking.
 *
 * @throws {OAuthError} `temporarily_unavailable` where it cannot be recorded: the caller is told that alone.
 */
export const recordRefusal = async (
  { audit, now }: Audited,
  error: unknown,
  event: AuditDraft & { readonly action: string },
  proofs: readonly SeenProof[] = [],
): Promise<void> => {
  if (!(error instanceof OAuthError) || error.status >= 500 || onRecord.has(error)) return;
  const reason = `${error.code}: ${error.detail ?? error.message}`;
  // A refused request uses its proof up as well.
  await audit.append({ ...event, at: now(), outcome: 'denied', reason }, proofs);
  onRecord.add(error);
};
