import type { Context, Next } from 'koa';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

const ALLOWED = 'Authorization, DPoP, Content-Type, traceparent';
const EXPOSED = 'DPoP-Nonce, WWW-Authenticate, Retry-After, RateLimit, X-Request-Id';
const METHODS = 'GET, POST, DELETE';
const HOUR = '3600';

/** Where a page has no business: sign-in happens by navigation, and administration by tools. */
const CLOSED = ['/authorize', '/admin'];

/**
 * CORS: a preflight learns whether any app has this origin; the request itself is held to its own app's
 * (broker `admit`, `placeOf`). `null` is nobody's origin, and credentials are never allowed: no API takes a
 * cookie.
 */
export const createCors =
  (configuration: CurrentConfiguration, issuer: string) =>
  async (ctx: Context, next: Next): Promise<void> => {
    const origin = ctx.get('Origin');
    ctx.vary('Origin');
    // A page of our own, such as /docs, is no other origin: browsers send it with each POST all the same.
    const isOwn = origin === new URL(issuer).origin;
    if (
      origin === '' ||
      isOwn ||
      CLOSED.some((path) => ctx.path === path || ctx.path.startsWith(`${path}/`))
    ) {
      return next();
    }
    const isKnown = configuration
      .get()
      .deployment.apps.some(({ origins }) => origins.includes(origin));
    if (!isKnown) {
      if (ctx.method !== 'OPTIONS') throw notAllowed();
      ctx.status = 403;
      return;
    }
    ctx.set('Access-Control-Allow-Origin', origin);
    ctx.set('Access-Control-Expose-Headers', EXPOSED);
    if (ctx.method !== 'OPTIONS') return next();
    ctx.set('Access-Control-Allow-Methods', METHODS);
    ctx.set('Access-Control-Allow-Headers', ALLOWED);
    ctx.set('Access-Control-Max-Age', HOUR);
    ctx.status = 204;
  };

const notAllowed = (): OAuthError =>
  new OAuthError('access_denied', 'this origin is not one of any app', {
    violations: [
      {
        field: 'Origin',
        rule: 'origin',
        message: 'the request comes from an origin that no app has',
        remedy: 'list the origin under `origins` of the app',
      },
    ],
  });
