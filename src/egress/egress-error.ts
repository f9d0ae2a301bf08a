/**
 * A call out that was refused or failed.
 *
 * `message` is the same for every reason, so that a caller who chose the URL learns nothing about
 * what lives behind it. `detail` says why, for log and audit only; it names no path and no query.
 */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly detail: string;

  constructor(detail: string, cause?: unknown) {
    super('the address could not be fetched', { cause });
    this.detail = detail;
  }
}
