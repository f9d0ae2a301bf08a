import type { Deployment } from '../config/deployment.ts';
import type { DeploymentIndex } from '../config/deployment-index.ts';

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
  refresh(): Promise<InForce>;
}

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
