import type { Deployment } from '../config/deployment.ts';
import type { DeploymentIndex } from '../config/deployment-index.ts';

/** The configuration in force, as this instance last read it. */
export interface InForce {
  readonly version: number;
  readonly deployment: Deployment;
  readonly index: DeploymentIndex;
}

/**
 * May lag behind the database by a moment. Nothing is issued under a version that has ended: the issuing
 * statement compares it and says `stale_configuration`.
 */
export interface CurrentConfiguration {
  get(): InForce;
  refresh(): Promise<InForce>;
}
