import { describe, expect, it } from '@jest/globals';
import { deploymentFromObject, readDeployment } from '../../../src/config/deployment.ts';
import { CONTRACT, OPTIONS, problemsOf } from './deployment-fixture.ts';

/** `backchannel_logout_uri`: where the broker will call. */

const { document } = readDeployment(CONTRACT, OPTIONS);

const complaints = (more: object, production = true): string[] => {
  const apps = (document.apps ?? []).map((app, at) => (at === 0 ? { ...app, ...more } : app));
  return problemsOf(() =>
    deploymentFromObject({ ...document, apps }, { ...OPTIONS, production }),
  ).flatMap(({ path, rule }) => (path.endsWith('logout_uri') ? [`${path} ${rule}`] : []));
};

const AT = 'apps[0].backchannel_logout_uri';
const URI = 'https://where2eat.acme.example/logout';

describe('backchannel_logout_uri', () => {
  it('is https, with a query if need be', () => {
    expect(complaints({ backchannel_logout_uri: `${URI}?tenant=acme` })).toEqual([]);
  });

  it.each([
    'http://where2eat.acme.example/logout',
    `${URI}#x`,
    'file:///etc/passwd',
    '/logout',
    '',
  ])('is not %p', (uri) => {
    expect(complaints({ backchannel_logout_uri: uri })).toEqual([`${AT} logout_uri`]);
  });

  it('is http on this machine outside production alone', () => {
    const own = { backchannel_logout_uri: 'http://localhost:5173/logout' };
    expect(complaints(own, false)).toEqual([]);
    expect(complaints(own)).toEqual([`${AT} https`]);
  });

  it('is refused where nobody can sign in', () => {
    const nobody = { backchannel_logout_uri: URI, redirect_uris: [] };
    expect(complaints(nobody)).toEqual([`${AT} takes_effect`]);
  });
});
