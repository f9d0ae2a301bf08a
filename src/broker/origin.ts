import type { App } from '../config/deployment.ts';
import { OAuthError, type OAuthErrorCode } from '../protocol/oauth-error.ts';
import type { RequestContext } from './context.ts';

/**
 * A page of another origin has no business with an app's tokens; leans closed for `null`, and for an app that is gone.
 *
 * @param code where RFC 6749 §5.2 has no `access_denied`, what it has instead.
 * @throws {OAuthError} `access_denied`
 */
export const mustComeFromItsOrigin = (
  app: Pick<App, 'origins'> | undefined,
  { origin }: Pick<RequestContext, 'origin'>,
  code?: OAuthErrorCode,
): void => {
  if (origin === undefined || app?.origins.includes(origin)) return;
  throw otherOrigin('this origin is not one of the app', code);
};

export const otherOrigin = (message: string, code: OAuthErrorCode = 'access_denied'): OAuthError =>
  new OAuthError(code, message, {
    violations: [
      {
        field: 'Origin',
        rule: 'origin',
        message,
        remedy: 'list the origin under `origins` of the app',
      },
    ],
  });
