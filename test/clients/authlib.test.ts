import { createHash, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { newBrowser, throughPages } from '../support/authorization.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { ORDERS, SECRET, WEB } from '../support/people-apps.ts';
import { type Program, startPython } from './python.ts';

/** Authlib, from the Python package index, unmodified: a confidential client by secret and one by key. */

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const configure = (demo: DeploymentDocument): DeploymentDocument => {
  const common = {
    tenant: 'acme',
    owner: 'dana@acme.example',
    purpose: 'a client in Python',
    expires: '2099-01-01',
    type: 'web' as const,
    trusted: true,
    redirect_uris: [WEB],
    grants: [{ resource: ORDERS, actions: ['orders:read', 'orders:write'] }],
  };
  const secret_hash = [`sha256:${createHash('sha256').update(SECRET).digest('hex')}`];
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one' } as { kty: 'EC' };
  const [corp] = demo.issuers ?? [];
  if (!corp) throw new Error('nothing to start from');
  return {
    ...demo,
    issuers: [{ ...corp, audiences: [...corp.audiences, 'portal'] }],
    apps: [
      ...(demo.apps ?? []),
      { ...common, id: 'by-secret', secret_hash },
      { ...common, id: 'by-key', subject_audiences: ['portal'], jwks: { keys: [jwk] } },
    ],
  };
};

let daypass: TestDaypass;
let python: Program;
beforeAll(async () => {
  daypass = await startTestDaypass({ configure });
  python = startPython('authlib-client.py', {
    ISSUER: daypass.issuer,
    AUTHLIB_INSECURE_TRANSPORT: '1', // http, on this machine
  });
}, 120_000);
afterAll(async () => {
  python?.stop();
  await daypass?.stop();
});

const APPS = [
  ['by-secret', { secret: SECRET }],
  ['by-key', { jwk: { ...privateKey.export({ format: 'jwk' }), kid: 'one' } }],
] as const;

type Json = Record<string, unknown>;

const as =
  (client: string) =>
  <Result = Json>(step: string, params: object = {}): Promise<Result> =>
    python.ask<Result>({ client, step, ...params });

const visit = async (url: string): Promise<string> => {
  const browser = newBrowser(daypass);
  const page = await throughPages(browser, await browser.get(url), {});
  return page.url;
};

describe.each(APPS)('Authlib, client %s', (name, credentials) => {
  const does = as(name);

  const signIn = async (pushed: boolean, params: object = {}) => {
    const { url } = await does<{ url: string }>('authorize', { pushed, ...params });
    const back = await visit(url);
    return does<{ token: Json; claims: Json }>('redeem', { back });
  };

  beforeAll(() => does('register', { redirect_uri: WEB, ...credentials }));

  it('signs somebody in: code, PKCE, an ID token it validates, userinfo and refresh', async () => {
    const { token, claims } = await signIn(false);
    expect(token).toMatchObject({ token_type: 'Bearer' });
    expect(claims.sub).toMatch(/^u_/);
    expect(await does('userinfo')).toMatchObject({ sub: claims.sub, tenant: 'acme' });
    const again = await does('refresh');
    expect(again.access_token).not.toBe(token.access_token);
    expect(again.refresh_token).not.toBe(token.refresh_token);
  });

  it('pushes its request (RFC 9126)', async () => {
    const { url } = await does<{ url: string }>('authorize', { pushed: true, resource: ORDERS });
    expect([...new URL(url).searchParams.keys()]).not.toContain('code_challenge');
    const { token } = await does<{ token: Json }>('redeem', { back: await visit(url) });
    expect(token.access_token).toMatch(/^ey/); // a JWT, for the API
  });

  it('asks about its token (RFC 7662) and gives it back (RFC 7009)', async () => {
    const { token } = await signIn(true, { resource: ORDERS });
    const about = { token: token.access_token };
    expect(await does('introspect', about)).toMatchObject({
      active: true,
      client_id: name,
      aud: ORDERS,
    });
    expect(await does('revoke', about)).toEqual({ status: 200 });
    expect(await does('introspect', about)).toEqual({ active: false });
  });
});

it('Authlib exchanges a user’s ID token for a token of an API (RFC 8693), by private_key_jwt', async () => {
  const token = await as('by-key')('exchange', {
    subject_token: await daypass.signIn('ana', 'portal'),
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    resource: ORDERS,
    scope: 'orders:read',
  });
  expect(token).toMatchObject({
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: 'orders:read',
  });
});
