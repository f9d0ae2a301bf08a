import type { DeploymentDocument } from '../../config/deployment.ts';
import { ConfigurationError, type Problem } from '../../config/problem.ts';
import type { Configurations } from '../../ledger/ledger.ts';
import { OAuthError, unavailable, type Violation } from '../../protocol/oauth-error.ts';
import type { Admin } from '../admin.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import type { Applicant, Applied, Configure, Edited } from './configure.ts';
import { type Place, tell } from './place.ts';
import { BEYOND_REACH, isOfEntry, withinReach } from './reach.ts';
import { createTurns } from './turns.ts';

export interface ChangeDependencies {
  readonly configure: Pick<Configure, 'edit' | 'problemsOf'>;
  readonly configuration: CurrentConfiguration;
  readonly configurations: Pick<Configurations, 'inTurn'>;
}

/** Who changes something. */
export interface Author<Standing> {
  /** May they, by the rules in force? Asked at each try. @throws {OAuthError} where they may not. */
  readonly judge: () => Standing;
  readonly applicantOf: (standing: Standing) => Applicant & { readonly judgedUnder: number };
}

export interface Done<Edit extends Edited> extends Applied {
  readonly edited: Edit;
}

/** Whoever replaces it as a whole waits for no turn: each try begins with what they left. */
const TRIES = 10;

/**
 * Changes one place of the configuration. Each change is a configuration of its own, validated and recorded as one
 * that is applied as a whole is; changes of different places at once all come to pass, one after the other.
 *
 * @throws {OAuthError} what the author's `judge` and `edit` throw; `invalid_request` with what is wrong with the place,
 *   `conflict` where others do not go with it.
 */
export const createChange = ({ configure, configuration, configurations }: ChangeDependencies) => {
  const inTurnHere = createTurns();
  // One of ours at a time waits for its turn among the instances, and takes one connection for it.
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> =>
    inTurnHere(() => configurations.inTurn(work));

  const tryOnce = async <Standing, Edit extends Edited>(
    place: Place,
    { judge, applicantOf }: Author<Standing>,
    edit: (document: DeploymentDocument, standing: Standing) => Edit,
  ): Promise<Done<Edit> | undefined> => {
    // Many at once keep the database busy. A look that got no answer in time changed nothing: it is taken again.
    await configuration.refresh().catch(() => configuration.refresh());
    const standing = judge();
    const applicant = applicantOf(standing);
    let edited: Edit | undefined;
    try {
      const make = (document: DeploymentDocument): Edit => {
        edited = edit(document, standing);
        return edited;
      };
      const applied = await configure.edit(make, applicant);
      return applied && edited && { ...applied, edited };
    } catch (error) {
      if (!(error instanceof ConfigurationError) || !edited) throw error;
      throw refusalOf(error.problems, edited, place, applicant.reach);
    }
  };

  /** Another tenant's things are not told of: neither that they are there, nor what they are called. */
  const refusalOf = (
    problems: readonly Problem[],
    { document, written }: Edited,
    place: Place,
    reach: string | undefined,
  ): OAuthError => {
    const { isElsewhere, violations } = tell(problems, document, place);
    if (reach === undefined) return refusal(violations, isElsewhere, place);
    const seen = withinReach(document, reach, place);
    const found = configure.problemsOf({ document: seen, written }).filter(isOfEntry);
    const told = tell(found.length > 0 ? found : [BEYOND_REACH], seen, place);
    return refusal(told.violations, isElsewhere, place);
  };

  return <Standing, Edit extends Edited>(
    place: Place,
    author: Author<Standing>,
    edit: (document: DeploymentDocument, standing: Standing) => Edit,
  ): Promise<Done<Edit>> =>
    inTurn(async () => {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const done = await tryOnce(place, author, edit);
        if (!done) continue;
        await configuration.refresh();
        return done;
      }
      throw unavailable('the configuration keeps changing');
    });
};

export type ChangeConfiguration = ReturnType<typeof createChange>;

/** An administrator, who may as long as their role lasts. */
export const administrator = (admin: Admin): Author<Admin> => ({
  judge: admin.judgeAgain,
  applicantOf: ({ userId, known, holder, judgedUnder, deployment, tenantId }) => ({
    by: userId,
    reach: deployment ? undefined : tenantId,
    source: 'admin API',
    known,
    holder,
    judgedUnder,
  }),
});

const refusal = (
  violations: readonly Violation[],
  isElsewhere: boolean,
  { name }: Place,
): OAuthError =>
  isElsewhere
    ? new OAuthError('conflict', `something else does not go with this ${name}`, { violations })
    : new OAuthError('invalid_request', `the ${name} is not usable`, { violations });
