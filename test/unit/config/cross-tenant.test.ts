import { describe, expect, it } from '@jest/globals';
import { type DeploymentDocument, deploymentFromObject } from '../../../src/config/deployment.ts';
import { OPTIONS, problemsOf } from './deployment-fixture.ts';

describe('tenants', () => {
  const two = (): DeploymentDocument => ({
    tenants: [{ id: 'a' }, { id: 'b' }],
    issuers: [
      { id: 'ia', issuer: 'https://a.example', tenant: 'a', audiences: ['app', 'other'] },
      { id: 'ib', issuer: 'https://b.example', tenant: 'b', audiences: ['app'] },
    ],
    apps: [
      {
        id: 'app',
        tenant: 'a',
        owner: 'o',
        purpose: 'p',
        expires: '2027-01-01',
        type: 'service',
        subject_audiences: ['app'],
        grants: [],
      },
      {
        id: 'bpp',
        tenant: 'b',
        owner: 'o',
        purpose: 'p',
        expires: '2027-01-01',
        type: 'service',
        subject_audiences: ['app'],
      },
    ],
    buckets: [{ id: 'bb', tenant: 'b', provider: 'local' }],
    resource_servers: [{ id: 'https://api.b.example', tenant: 'b', scopes: ['x'] }],
  });
  type App = NonNullable<DeploymentDocument['apps']>[number];
  const changed = (change: (document: ReturnType<typeof two>, app: App) => void): string[] => {
    const document = two();
    change(document, document.apps?.[0] as App);
    return problemsOf(() => deploymentFromObject(document, OPTIONS)).map(
      ({ path, rule }) => `${path} ${rule}`,
    );
  };

  it('may use the same audience at their own issuers', () => {
    expect(changed(() => undefined)).toEqual([]);
  });

  it('do not reach into one another', () => {
    expect(
      changed((_, app) => {
        app.grants = [{ resource: 'bucket:bb', actions: ['read'] }];
      }),
    ).toEqual(['apps[0].grants[0].resource same_tenant']);
    expect(
      changed((_, app) => {
        app.grants = [{ resource: 'https://api.b.example', actions: ['x'] }];
      }),
    ).toEqual(['apps[0].grants[0].resource same_tenant']);
    expect(
      changed((_, app) => {
        app.subject_audiences = [{ issuer: 'ib', audience: 'app' }];
      }),
    ).toEqual(['apps[0].subject_audiences[0] same_tenant', 'apps[1].subject_audiences[0] one_app']);
    expect(
      changed((document) => {
        document.resource_servers = [
          {
            id: 'https://api.b.example',
            tenant: 'b',
            scopes: ['x'],
            introspection_clients: ['app'],
          },
        ];
      }),
    ).toEqual(['resource_servers[0].introspection_clients[0] same_tenant']);
  });

  it('with several issuers say whose audience it is', () => {
    const second = { id: 'ic', issuer: 'https://c.example', tenant: 'a', audiences: ['app'] };
    expect(
      changed(({ issuers }) => {
        issuers?.push(second);
      }),
    ).toEqual(['apps[0].subject_audiences[0] which_issuer']);
    expect(
      changed(({ issuers }, app) => {
        issuers?.push(second);
        app.subject_audiences = [{ issuer: 'ic', audience: 'app' }];
      }),
    ).toEqual([]);
  });

  it('without an issuer have no audience', () => {
    expect(
      changed((document, app) => {
        app.tenant = 'c';
        document.tenants?.push({ id: 'c' });
      }),
    ).toEqual(['apps[0].subject_audiences[0] takes_effect']);
  });

  it('do not share one IdP, since its ID tokens name no tenant', () => {
    expect(
      changed(({ issuers }) => {
        if (issuers?.[1]) issuers[1].issuer = 'https://a.example';
      }),
    ).toEqual(['issuers[1].issuer distinct']);
  });

  it('an unreadable issuer leaves the audiences of others in peace', () => {
    expect(
      changed(({ issuers }) => {
        if (issuers?.[0]) issuers[0].issuer = 'nonsense';
      }),
    ).toEqual(['issuers[0].issuer issuer_url']);
  });

  it('an admin rule that stands twice is reported', () => {
    const rule = { issuer: 'ia', claim: 'c', value: 'v', role: 'auditor' as const };
    expect(
      changed((document) => {
        if (document.issuers?.[0]) document.issuers[0].sign_in = { client_id: 's' };
        document.admins = [rule, { ...rule, scope: 'deployment' }];
      }),
    ).toEqual(['admins[1] distinct']);
  });
});
