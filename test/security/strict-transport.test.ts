import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';

/** RFC 6797, FAPI 2.0 §5.2.3: whoever has been here by TLS is not led back here without. */

let plain: TestDaypass;
let byTls: TestDaypass;
beforeAll(async () => {
  plain = await startTestDaypass();
  // A proxy in front has the certificate.
  byTls = await startTestDaypass({ env: { ISSUER: 'https://daypass.acme.example' } });
}, 60_000);
afterAll(async () => {
  await plain?.stop();
  await byTls?.stop();
});

const told = async (daypass: TestDaypass, path: string) =>
  (await fetch(`${daypass.url}${path}`, { redirect: 'manual' })).headers.get(
    'strict-transport-security',
  );

const PATHS = ['/authorize', '/jwks', '/.well-known/openid-configuration', '/nowhere', '/userinfo'];

describe('Strict-Transport-Security', () => {
  it.each(PATHS)('is said at %s where the issuer is https, and nowhere else', async (path) => {
    expect(await told(byTls, path)).toBe('max-age=63072000');
    expect(await told(plain, path)).toBeNull();
  });
});
