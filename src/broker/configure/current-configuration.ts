import { storedDeployment } from '../../config/deployment.ts';
import { indexDeployment } from '../../config/deployment-index.ts';
import type { Configurations } from '../../ledger/ledger.ts';
import type { ConfirmedConfiguration, InForce } from '../configuration.ts';

export interface CurrentConfigurationDependencies {
  readonly configurations: Pick<Configurations, 'version' | 'current'>;
  readonly production: boolean;
  /** Milliseconds since some moment; never goes back. */
  readonly elapsed: () => number;
}

/**
 * Milliseconds that a version is believed after it was last seen to be the one in force: it is asked for
 * each second, so this bears a slow answer or two.
 */
const BELIEVED = 3_000;

/** The configuration in force, as last read, and how long ago that was. */
export const createCurrentConfiguration = ({
  configurations,
  production,
  elapsed,
}: CurrentConfigurationDependencies): ConfirmedConfiguration => {
  let inForce: InForce | undefined;
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<InForce> | undefined;

  const read = async (): Promise<InForce> => {
    // What is read was so when we asked, at the latest: a slow answer is old when it comes.
    const asked = elapsed();
    const applied = await configurations.current();
    if (!applied)
      throw new Error('no configuration has been applied: run daypass apply -f daypass.yaml');
    // Versions only grow: an answer that was overtaken by a later one changes nothing.
    if (!inForce || applied.version > inForce.version) {
      const deployment = storedDeployment(applied.document, { production, source: 'the database' });
      inForce = { version: applied.version, deployment, index: indexDeployment(deployment) };
    }
    if (applied.version === inForce.version) confirmedAt = Math.max(confirmedAt, asked);
    return inForce;
  };

  const refresh = async (): Promise<InForce> => {
    const asked = elapsed();
    const version = await configurations.version();
    if (!inForce || version > inForce.version) return read();
    if (version === inForce.version) confirmedAt = Math.max(confirmedAt, asked);
    return inForce;
  };

  const poll = (): Promise<InForce> => {
    asking ??= refresh().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    get: () => {
      if (!inForce) throw new Error('the configuration has not been read yet');
      return inForce;
    },
    refresh,
    confirm: async () => (inForce && elapsed() - confirmedAt <= BELIEVED ? inForce : poll()),
    poll,
  };
};
