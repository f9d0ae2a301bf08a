import { OAuthError } from '../protocol/oauth-error.ts';

/** Nothing answers here. */
export const notFound = (): never => {
  throw new OAuthError('not_found', 'there is no such endpoint', {
    violations: [
      {
        field: 'path',
        rule: 'unknown_endpoint',
        message: 'nothing answers at this path',
        remedy: 'see /docs',
      },
    ],
  });
};

/** Something answers here, though not that method (RFC 9110 §15.5.6). */
export const methodNotAllowed = (allowed: readonly string[]): OAuthError =>
  new OAuthError('method_not_allowed', `this path answers ${allowed.join(', ')}`, {
    headers: { Allow: allowed.join(', ') },
    violations: [
      {
        field: 'method',
        rule: 'method',
        message: 'this path does not answer that method',
        remedy: `use ${allowed.join(' or ')}`,
      },
    ],
  });
