import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  type DeploymentDocument,
  deploymentFromObject,
  readDeployment,
} from '../../../src/config/deployment.ts';
import { planChanges } from '../../../src/config/plan.ts';
import { CONTRACT, edited, lineWith, OPTIONS, problemsOf } from './deployment-fixture.ts';

/** `profile: fapi2`: what contradicts it is refused with its line, by the file as by the admin API. */

const jwkOf = (pair: { publicKey: { export(options: { format: 'jwk' }): object } }) =>
  pair.publicKey.export({ format: 'jwk' });
const P256 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const P384 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }));
const ED25519 = jwkOf(generateKeyPairSync('ed25519'));
const RSA = jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const SHORT_RSA = jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }));

type AppDocument = NonNullable<DeploymentDocument['apps']>[number];

const { document } = readDeployment(CONTRACT, OPTIONS);

const withBank = (app: object, more: object = {}): object => ({
  ...document,
  ...more,
  apps: [
    ...(document.apps ?? []),
    {
      id: 'bank',
      tenant: 'acme',
      owner: 'dana@acme.example',
      purpose: 'payments',
      expires: '2099-01-01',
      type: 'web',
      profile: 'fapi2',
      jwks: { keys: [P256] },
      redirect_uris: ['https://bank.acme.example/callback'],
      grants: [{ resource: 'https://orders.acme.example', actions: ['orders:read'] }],
      ...app,
    } as AppDocument,
  ],
});

const complaints = (app: object, more?: object): string[] =>
  problemsOf(() => deploymentFromObject(withBank(app, more), OPTIONS)).map(
    ({ path, rule }) => `${path} ${rule}`,
  );

const bankOf = (app: object) =>
  deploymentFromObject(withBank(app), OPTIONS).apps.find(({ id }) => id === 'bank');

describe('an app with profile: fapi2', () => {
  it('authenticates by a key, and proves one for its tokens without saying so', () => {
    expect(bankOf({})).toMatchObject({ profile: 'fapi2', dpop: 'required' });
  });

  it.each([
    ['tls_client_auth', { jwks: undefined, tls_client_auth: { san_dns: 'bank.acme.example' } }],
    ['certificate_bound', { certificate_bound: true }],
  ])('has its tokens bound to a certificate instead where it has %s', (_, app) => {
    const given = Object.fromEntries(
      Object.entries({ ...app }).filter(([, value]) => value !== undefined),
    );
    const document = withBank(given) as { apps: Record<string, unknown>[] };
    if ('jwks' in app) Reflect.deleteProperty(document.apps.at(-1) ?? {}, 'jwks');
    const bank = deploymentFromObject(document, OPTIONS).apps.at(-1);
    expect(bank?.dpop).toBe('optional');
  });

  it.each<[title: string, app: object, complaint: string]>([
    ['is a public client', { type: 'native', jwks: undefined }, 'apps[2].type profile'],
    ['leaves tokens unbound', { dpop: 'optional' }, 'apps[2].dpop profile'],
    [
      'has a secret',
      { jwks: undefined, secret_hash: [`sha256:${'a'.repeat(64)}`] },
      'apps[2].secret_hash profile',
    ],
    ['has no way to authenticate', { jwks: undefined }, 'apps[2].profile profile'],
    [
      'is answered over http on loopback',
      { redirect_uris: ['https://bank.acme.example/cb', 'http://localhost:5173/cb'] },
      'apps[2].redirect_uris[1] profile',
    ],
    [
      'is answered by a scheme of its own',
      { redirect_uris: ['example.acme.bank:/cb'] },
      'apps[2].redirect_uris[0] profile',
    ],
    [
      'has a key of another curve',
      { jwks: { keys: [P256, P384] } },
      'apps[2].jwks.keys[1] profile',
    ],
    ['has a short key', { jwks: { keys: [SHORT_RSA] } }, 'apps[2].jwks.keys[0] profile'],
    [
      'has a key for RS256',
      { jwks: { keys: [{ ...RSA, alg: 'RS256' }] } },
      'apps[2].jwks.keys[0] profile',
    ],
  ])('is refused where it %s', (_, app, complaint) => {
    const candidate = withBank(app) as { apps: Record<string, unknown>[] };
    const bank = candidate.apps.at(-1) ?? {};
    for (const [name, value] of Object.entries(bank)) {
      if (value === undefined) Reflect.deleteProperty(bank, name);
    }
    const problems = problemsOf(() => deploymentFromObject(candidate, OPTIONS));
    expect(problems.map(({ path, rule }) => `${path} ${rule}`)).toEqual([complaint]);
  });

  it('may have keys for PS256, ES256 and EdDSA', () => {
    const keys = [P256, ED25519, RSA, { ...RSA, alg: 'PS256' }, { ...ED25519, alg: 'EdDSA' }];
    expect(complaints({ jwks: { keys } })).toEqual([]);
  });

  it('is refused an API whose tokens are signed with RS256', () => {
    const [orders] = document.resource_servers ?? [];
    const more = { resource_servers: [{ ...orders, token_alg: 'RS256' }] };
    expect(complaints({}, more)).toEqual(['apps[2].grants[0].resource profile']);
  });

  it('is told the line', () => {
    const text = edited(['dpop: required', 'profile: fapi2\n    dpop: required']);
    const problems = problemsOf(() => readDeployment(text, OPTIONS));
    expect(problems.map(({ path, line }) => [path, line])).toEqual([
      ['apps[0].type', lineWith(text, 'type: browser')],
      ['apps[0].redirect_uris[0]', lineWith(text, 'redirect_uris:')],
    ]);
  });

  it('is a change that a plan shows', () => {
    const plain = withBank({}) as { apps: Record<string, unknown>[] };
    Reflect.deleteProperty(plain.apps.at(-1) ?? {}, 'profile');
    const before = deploymentFromObject(plain, OPTIONS);
    const after = deploymentFromObject(withBank({}), OPTIONS);
    expect(planChanges(before, after)).toEqual([
      { kind: 'app', id: 'bank', change: 'update', fields: expect.arrayContaining(['profile']) },
    ]);
  });
});

it('knows no other profile', () => {
  expect(complaints({ profile: 'fapi1' })).toEqual(['apps[2].profile one_of']);
});
