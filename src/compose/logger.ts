import { type DestinationStream, type Logger, pino } from 'pino';

/**
 * The log, in which an error is its kind, code, message, stack and cause, and nothing else: its other
 * members may hold anything. A parser's hold the request it failed on, credentials and all (law 4).
 */
export const createLogger = (level: string, destination?: DestinationStream): Logger =>
  pino({ level, serializers: { err: (error: unknown) => describe(error, 0) } }, destination);

const MOST_CAUSES = 5;

const describe = (error: unknown, depth: number): unknown => {
  if (!(error instanceof Error)) return typeof error;
  const { name, message, stack, cause } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const because =
    cause === undefined || depth === MOST_CAUSES ? undefined : describe(cause, depth + 1);
  return { type: name, code, message, stack, cause: because };
};

const CLIENTS = /^(HPE_|ECONNRESET$|EPIPE$|ERR_STREAM_PREMATURE_CLOSE$|ERR_HTTP_REQUEST_TIMEOUT$)/;

/** A client that broke off, or whose bytes were no HTTP: nothing of ours failed. */
export const isClientsOwn = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && CLIENTS.test(String(error.code));
