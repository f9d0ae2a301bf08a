import type { Logger } from 'pino';
import { type OAuthError, unavailable } from '../protocol/oauth-error.ts';

/** A variable that the configuration names, and the environment does not have. */
class MissingVariable extends Error {
  override readonly name = 'MissingVariable';
  readonly variable: string;
  readonly bucket: string | undefined;

  constructor(variable: string, bucket: string | undefined) {
    super(
      `${bucket === undefined ? '' : `bucket ${bucket}: `}the credential ${variable} is not set`,
    );
    this.variable = variable;
    this.bucket = bucket;
  }
}

/** What is refused meanwhile. @param bucket whose credential it is, where it is a bucket's */
export const notSet = (variable: string, bucket?: string): OAuthError => {
  const missing = new MissingVariable(variable, bucket);
  return unavailable(missing.message, missing);
};

/** How deep a cause may lie: what calls a cloud puts its own words around it. */
const DEPTH = 4;

/** The variable that an error came of, where it did. */
export const missingVariableOf = (error: unknown): MissingVariable | undefined => {
  let cause = error;
  for (let depth = 0; depth < DEPTH && cause instanceof Error; depth += 1) {
    if (cause instanceof MissingVariable) return cause;
    cause = cause.cause;
  }
  return undefined;
};

/** Milliseconds. Every round finds it missing again. */
const QUIET = 60_000;

/** Says what failed in the background; a variable that is missing by its name, and once a minute. */
export const createComplaint = (
  logger: Pick<Logger, 'warn'>,
  elapsed: () => number,
): ((error: unknown) => void) => {
  const said = new Map<string, number>();
  return (error) => {
    const missing = missingVariableOf(error);
    if (!missing) {
      logger.warn({ err: error }, 'a round of background work failed');
      return;
    }
    const last = said.get(missing.message);
    if (last !== undefined && elapsed() - last < QUIET) return;
    said.set(missing.message, elapsed());
    const { bucket, variable } = missing;
    logger.warn({ bucket, variable }, 'a variable that the configuration names is not set here');
  };
};
