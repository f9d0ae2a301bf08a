import type { CurrentConfiguration } from '../broker/configuration.ts';
import { otherOrigin } from '../broker/origin.ts';
import type { Reply } from './reply.ts';
import { headerOf, type Visit } from './visit.ts';

/** Answers a preflight, lets everything else pass, and adds its headers to those of the answer. */
export type Cors = (visit: Visit, headers: Record<string, string>) => Reply | undefined;

const EXPOSED = 'DPoP-Nonce, WWW-Authenticate, Retry-After, RateLimit, X-Request-Id';
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, DPoP, Content-Type, traceparent',
  'Access-Control-Max-Age': '3600',
};

/** Where a page has no business: sign-in happens by navigation, and administration by tools. */
const CLOSED = ['/authorize', '/sign-in', '/session', '/admin'];

const isClosed = (path: string): boolean =>
  CLOSED.some((closed) => path === closed || path.startsWith(`${closed}/`));

/**
 * CORS: a preflight learns whether any app has this origin; the request itself is held to its own app's
 * (broker `admit`, `placeOf`). `null` is nobody's origin, and credentials are never allowed: no API takes a
 * cookie.
 */
export const createCors = (configuration: CurrentConfiguration, issuer: string): Cors => {
  const own = new URL(issuer).origin;
  return (visit, headers) => {
    const origin = headerOf(visit, 'origin');
    // A page of our own, such as /docs, is no other origin: browsers send it with each POST all the same.
    if (origin === '' || origin === own || isClosed(visit.path)) return undefined;
    const isPreflight = visit.method === 'OPTIONS';
    if (!configuration.get().index.hasOrigin(origin)) {
      if (isPreflight) return { status: 403 };
      throw otherOrigin('this origin is not one of any app');
    }
    headers['Access-Control-Allow-Origin'] = origin;
    headers['Access-Control-Expose-Headers'] = EXPOSED;
    return isPreflight ? { status: 204, headers: PREFLIGHT } : undefined;
  };
};
