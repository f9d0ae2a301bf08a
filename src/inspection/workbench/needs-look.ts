import { isText } from '../sniff/media-type.ts';
import { kindOf } from '../table/kind.ts';
import type { Job } from './job.ts';

/** Nothing here reads these. What claims to be nothing was not recognised as anything either. */
const UNREAD = /^(?:audio|video|font)\/|^application\/octet-stream$/;

/**
 * Whether any of the examiners may have a say: else no process is bothered. Leans to looking: archives have many
 * names (office documents, books, packages of programs).
 */
export const needsLook = ({ contentType, structure, schema }: Omit<Job, 'path'>): boolean =>
  (schema !== undefined && kindOf(contentType) !== undefined) ||
  (structure && !isText(contentType) && !UNREAD.test(contentType));
