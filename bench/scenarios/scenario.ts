import type { CorporateIdp } from '../corporate-idp.ts';
import type { LoadRequest } from '../load/messages.ts';

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly server: 'broker' | 'baseline';
  /** The id of the scenario that ratios are taken against. */
  readonly against: string | undefined;
  /** The id of one of ours that its rate is looked at beside. */
  readonly beside?: string;
  /** Relations (a table, and what of it) that must have gained one row for each answer. */
  readonly records: readonly string[];
  /** Requests under way at once, where that is not as many as the run has. */
  readonly connections?: number;
  /** What each answer must say, where its status alone proves nothing. */
  readonly answer?: string;
  /**
   * Where no request may be sent twice. `refused`: one sent again after a run must be refused, or its single
   * use was never checked.
   */
  readonly once?: 'new each time' | 'refused';
  /**
   * The requests of the next round, sent in turn; all that is signed in them is signed here.
   *
   * @param wanted how many a round may send; one that sends them again needs fewer.
   */
  requests(wanted: number): Promise<readonly LoadRequest[]>;
}

export interface ScenarioParts {
  readonly idp: CorporateIdp;
  readonly users: number;
  readonly brokerOrigin: string;
  readonly baselineOrigin: string;
}

export type Format = 'opaque' | 'jwt';
export const FORMATS: readonly Format[] = ['opaque', 'jwt'];
export const NAMES = { opaque: 'opaque', jwt: 'JWT' } as const;
