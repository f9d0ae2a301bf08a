import { describe, expect, it } from '@jest/globals';
import {
  type DeploymentDocument,
  deploymentFromObject,
  storedDeployment,
} from '../../../src/config/deployment.ts';
import { OPTIONS, problemsOf } from './deployment-fixture.ts';

/** Names and URIs that people or programs read in two ways. */

const app = (more: object) => ({
  id: 'menus',
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'menus',
  expires: '2027-01-01',
  type: 'web' as const,
  redirect_uris: ['https://menus.example/cb'],
  ...more,
});
const withApps = (...apps: readonly object[]) =>
  ({ tenants: [{ id: 'acme' }], apps: apps.map(app) }) as DeploymentDocument;

const complaintsOf = (document: DeploymentDocument, written?: readonly string[]): string[] =>
  problemsOf(() => deploymentFromObject(document, { ...OPTIONS, ...(written && { written }) })).map(
    ({ path, rule }) => `${path} ${rule}`,
  );

describe('app ids', () => {
  it.each([
    ['where2eat', 'Where2Eat'],
    ['menus-0', 'menus-o'],
    ['tab1e', 'table'],
    ['menuI', 'menul'],
  ])('%s and %s are not both taken', (one, other) => {
    const both = withApps({ id: one }, { id: other });
    expect(complaintsOf(both)).toEqual(['apps[0].id confusable_id', 'apps[1].id confusable_id']);
    expect(complaintsOf(both, [other])).toEqual(['apps[1].id confusable_id']);
  });

  it('say with what they are taken for each other, and what would help', () => {
    const [problem] = problemsOf(() =>
      deploymentFromObject(withApps({ id: 'menus' }, { id: 'MENUS' }), OPTIONS),
    );
    expect(problem).toMatchObject({
      message: expect.stringContaining('"menus" looks like "MENUS"'),
      remedy: expect.stringContaining('choose an id'),
    });
  });

  it('do not look like that of the built-in client', () => {
    expect(complaintsOf(withApps({ id: 'daypass-c1i' }))).toEqual(['apps[0].id confusable_id']);
    expect(complaintsOf(withApps({ id: 'Daypass-CLI' }))).toEqual(['apps[0].id reserved']);
  });

  it('that were accepted before keep no broker from starting, and hinder no other app', () => {
    const both = withApps({ id: 'menus' }, { id: 'Menus' }, { id: 'orders' });
    const { now: _, ...stored } = OPTIONS;
    expect(storedDeployment(both, stored).apps).toHaveLength(3);
    expect(complaintsOf(both, ['orders'])).toEqual([]);
  });
});

describe('URIs of an app', () => {
  const ILL_WRITTEN = [
    'https://menus.example/cb\n',
    '\thttps://menus.example/cb',
    'https://menus\r\n.example/cb',
    'https://menus.example\\cb',
    'https:\\\\menus.example/cb',
    'https://menus.example/c b',
    'https://menus.example/\u0000',
    'https://menus.example/\u202ebc',
    'https://menus.example/%0',
    'https://menüs.example/cb',
  ];
  const OF_SOMEBODY = [
    'https://ana@menus.example/cb',
    'https://:secret@menus.example/cb',
    'https://menus.example/cb#part',
    'https://menus.example/cb#',
  ];
  const FIELDS = [
    ['redirect_uris[0]', 'redirect_uri', (uri: string) => ({ redirect_uris: [uri] })],
    [
      'post_logout_redirect_uris[0]',
      'redirect_uri',
      (uri: string) => ({ post_logout_redirect_uris: [uri] }),
    ],
    ['origins[0]', 'origin', (uri: string) => ({ origins: [uri] })],
    ['backchannel_logout_uri', 'logout_uri', (uri: string) => ({ backchannel_logout_uri: uri })],
  ] as const;

  it.each(FIELDS)('%s hold nothing that is read in two ways', (field, _, write) => {
    for (const uri of ILL_WRITTEN) {
      const problems = problemsOf(() => deploymentFromObject(withApps(write(uri)), OPTIONS));
      expect(problems).toEqual([
        {
          path: `apps[0].${field}`,
          rule: 'uri_characters',
          message: expect.stringContaining('backslash'),
          remedy: expect.stringContaining('percent-encode'),
        },
      ]);
    }
  });

  it.each(FIELDS)('%s name no user and no fragment', (field, rule, write) => {
    for (const uri of OF_SOMEBODY)
      expect(complaintsOf(withApps(write(uri)))).toEqual([`apps[0].${field} ${rule}`]);
  });

  it('of a private-use scheme name no user either', () => {
    const native = { type: 'native', redirect_uris: ['com.example.menus://ana@host/cb'] };
    expect(complaintsOf(withApps(native))).toEqual(['apps[0].redirect_uris[0] redirect_uri']);
  });

  it('may hold whatever RFC 3986 lets a URI hold', () => {
    const uri = "https://menus.example:8443/a%20b/~c;d=(e)!$&'+,?f=g/h?&i=[j]@:";
    expect(complaintsOf(withApps({ redirect_uris: [uri] }))).toEqual([]);
    const loopback = { type: 'native', redirect_uris: ['http://[::1]/cb', 'com.example:/cb'] };
    expect(complaintsOf(withApps(loopback))).toEqual([]);
  });
});
