import { ConfigurationError, violationsOf } from '../config/problem.ts';
import { DPOP_ALGORITHMS } from '../protocol/dpop.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { NO_STORE, type Reply } from './reply.ts';

/** For the challenge (RFC 9449 §7.1). */
const ALGORITHMS = DPOP_ALGORITHMS.join(' ');

/** Every refusal, in the one shape the contract gives it. */
export const toReply = (error: OAuthError, requestId: string): Reply => ({
  status: error.status,
  headers: { ...NO_STORE, ...challenge(error), ...error.headers },
  body: {
    error: error.code,
    error_description: error.message,
    violations: error.violations,
    request_id: requestId,
  },
});

/**
 * Whatever was thrown, as a refusal. What is not one of ours says nothing about itself to the caller:
 * it may hold anything.
 */
export const asRefusal = (error: unknown): OAuthError => {
  if (error instanceof OAuthError) return error;
  if (error instanceof ConfigurationError) {
    return new OAuthError('invalid_request', 'the configuration is not usable', {
      violations: violationsOf(error),
    });
  }
  return new OAuthError(
    'server_error',
    'something went wrong here; the log has it under this request_id',
    {
      cause: error,
    },
  );
};

/**
 * RFC 6750 §3, RFC 9449 §7.1: which schemes would be taken, and why this one was not. A client that has
 * not authenticated is challenged by the room that authenticates it, or not at all.
 */
const challenge = ({ code, status, headers }: OAuthError): Record<string, string> => {
  if (status !== 401 || code === 'invalid_client' || 'WWW-Authenticate' in headers) return {};
  const error = `error="${code}"`;
  return { 'WWW-Authenticate': `DPoP algs="${ALGORITHMS}", ${error}, Bearer ${error}` };
};
