import { z } from 'zod';
import type { DeploymentDocument } from '../../config/deployment.ts';
import { missingVariables } from '../../config/missing-variables.ts';
import { type Notice, notYet } from '../../config/not-yet.ts';
import { standingKeys } from '../../config/standing-keys.ts';

export const noticeList = z
  .array(z.object({ field: z.string(), message: z.string() }))
  .meta({ description: 'What was accepted and is worth a word: as `daypass apply` warns of it.' });

/** Whether the broker's environment has a variable. */
export type IsSet = (variable: string) => boolean;

/** @param document that was accepted. */
export const noticesOf = (document: object, isSet: IsSet): Notice[] => {
  const accepted = document as DeploymentDocument;
  return [...notYet(accepted), ...standingKeys(accepted), ...missingVariables(accepted, isSet)];
};

const FIRST = 'buckets[0].';

/** Beside an answer that is the bucket itself: the same list by its own members, as JSON, percent-encoded. */
export const noticeHeader = (
  bucket: object,
  isSet: IsSet,
): { readonly 'Daypass-Notices'?: string } => {
  const notices = noticesOf({ buckets: [bucket] }, isSet).map(({ field, message }) => ({
    field: field.startsWith(FIRST) ? field.slice(FIRST.length) : field,
    message,
  }));
  return notices.length === 0
    ? {}
    : { 'Daypass-Notices': encodeURIComponent(JSON.stringify(notices)) };
};
