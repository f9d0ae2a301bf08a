import { describe, expect, it } from '@jest/globals';
import { errors } from 'oidc-provider';
import { toRefusal } from '../../../src/oauth/refusals.ts';
import { OAuthError, type OAuthErrorCode, unavailable } from '../../../src/protocol/oauth-error.ts';

const at = { issuer: 'https://daypass.example', hasAuthorization: false };
const refusalOf = (error: unknown) => toRefusal(error, at) as OAuthError;

const violation = (field: string) => ({ field, rule: 'r', message: 'm', remedy: 'try' });

describe('a refusal at the token endpoint', () => {
  it('leaves what broke to whoever writes the log', () => {
    const broken = new TypeError('x is not a function');
    expect(toRefusal(broken, at)).toBe(broken);
    const hidden = new errors.OIDCProviderError(500, 'server_error');
    expect(toRefusal(hidden, at)).toBe(hidden);
  });

  it('leaves an outage what it is', () => {
    const outage = unavailable('database: 57P01');
    expect(toRefusal(outage, at)).toBe(outage);
  });

  it.each<[string, OAuthErrorCode, string]>([
    ['resource', 'invalid_target', 'a target it does not permit'],
    ['actions', 'invalid_target', 'actions it does not permit there'],
    ['app_id', 'invalid_request', 'who asks'],
    ['Origin', 'invalid_request', 'where from'],
    ['DPoP', 'invalid_request', 'without a key'],
    ['lawful_basis', 'invalid_request', 'without a reason'],
  ])('of policy for %s is %s: %s', (field, code) => {
    const denied = new OAuthError('access_denied', 'no', {
      violations: [violation(field)],
      detail: 'denied by x',
    });
    expect(refusalOf(denied)).toMatchObject({
      code,
      status: 400,
      detail: 'denied by x',
      violations: denied.violations,
    });
  });

  it('keeps for the log which check failed, and never a piece of what was presented', () => {
    const wrong = refusalOf(new errors.InvalidClientAuth('invalid secret provided'));
    expect(wrong).toMatchObject({ code: 'invalid_client', detail: 'invalid secret provided' });
    let quoting: unknown;
    try {
      JSON.parse('secret-of-the-client');
    } catch (error) {
      quoting = error;
    }
    expect(String(quoting)).toContain('secret');
    const malformed = refusalOf(new errors.InvalidClientAuth({ cause: quoting }));
    expect(malformed).toMatchObject({ code: 'invalid_client', detail: 'malformed' });
  });

  it('leans to invalid_request for what an upgrade of the library may come to say', () => {
    expect(refusalOf(new errors.InvalidRequest('something new'))).toMatchObject({
      code: 'invalid_request',
      violations: [{ field: 'request', rule: 'malformed', message: 'something new' }],
    });
    expect(refusalOf(new errors.CustomOIDCProviderError('__proto__', 'odd'))).toMatchObject({
      code: 'invalid_request',
    });
  });
});
