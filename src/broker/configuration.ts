import type { Deployment } from '../config/deployment.ts';
import type { DeploymentIndex } from '../config/deployment-index.ts';
import { OAuthError, unavailable } from '../protocol/oauth-error.ts';

/** The configuration in force, as this instance last read it. */
export interface InForce {
  readonly version: number;
  readonly deployment: Deployment;
  readonly index: DeploymentIndex;
}

/**
 * What a request is decided by, once its door has had it confirmed.
 *
 * May lag behind the database by a moment. Nothing is issued under a version that has ended: the issuing
 * statement compares it and says `stale_configuration`.
 */
export interface CurrentConfiguration {
  get(): InForce;
  /** Asks the database which version is in force, and reads it if it is another. */
  refresh(): Promise<InForce>;
}

/**
 * Decides under what is in force, and again where that turns out to have changed.
 *
 * A grant under a version that has ended is stopped by the statement that issues; a refusal has no such
 * statement, so it is asked for here: what was given back is not denied by a copy that lags.
 *
 * @param decide answers undefined where its record was refused as stale, or as overtaken by a revocation.
 * @throws {OAuthError} what `decide` throws under the version in force, or `temporarily_unavailable`.
 */
export const underConfiguration = async <Result>(
  configuration: CurrentConfiguration,
  decide: (inForce: InForce) => Promise<Result | undefined> | Result | undefined,
): Promise<Result> => {
  let inForce = configuration.get();
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      const result = await decide(inForce);
      if (result !== undefined) return result;
      inForce = await configuration.refresh();
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status >= 500) throw error;
      // Where the database cannot be asked either, the first refusal stands.
      const now = await configuration.refresh().catch(() => inForce);
      if (now.version === inForce.version) throw error;
      inForce = now;
    }
  }
  throw unavailable('what it is decided by keeps changing');
};

const TRIES = 3;

/**
 * Law 3: a copy is believed only while it is proven fresh. What records nothing under a version (a list, a
 * role, whether an issuer is trusted) depends on this alone.
 */
export interface ConfirmedConfiguration extends CurrentConfiguration {
  /**
   * Comes at once where the version was seen to be in force within the last three seconds; asks the
   * database otherwise.
   *
   * @throws {OAuthError} `temporarily_unavailable` where it cannot be asked
   */
  confirm(): Promise<InForce>;
  /** Asks in any case. */
  poll(): Promise<InForce>;
}
