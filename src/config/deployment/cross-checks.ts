import { checkAppIds } from './check-app-ids.ts';
import { checkApps } from './check-apps.ts';
import { checkAudiences } from './check-audiences.ts';
import { checkBuckets } from './check-buckets.ts';
import { checkGrants } from './check-grants.ts';
import { checkIssuers } from './check-issuers.ts';
import { checkKeys } from './check-keys.ts';
import { checkLimits } from './check-limits.ts';
import { checkProfile } from './check-profile.ts';
import { checkReferences } from './check-references.ts';
import type { Draft } from './draft.ts';
import type { Finding } from './finding.ts';

export interface Circumstances {
  /** Stricter: https only. */
  readonly production: boolean;
  /** Against which apps expire, and ids are held against each other; absent for what was accepted before. */
  readonly now?: Date;
  /** The apps that are written anew; absent: all. The others were accepted before. */
  readonly written?: readonly string[];
}

/** What no single entry can tell. Each check bears unreadable entries, so all of them always run. */
const CHECKS: readonly ((draft: Draft, circumstances: Circumstances) => Finding[])[] = [
  checkLimits,
  checkKeys,
  checkReferences,
  checkIssuers,
  checkApps,
  checkAppIds,
  checkProfile,
  checkAudiences,
  checkGrants,
  checkBuckets,
];

export const crossCheck = (draft: Draft, circumstances: Circumstances): Finding[] =>
  CHECKS.flatMap((check) => check(draft, circumstances));
