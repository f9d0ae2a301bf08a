import { describe, expect, it } from '@jest/globals';
import { missingSecrets, relyingPartiesOf } from '../../../src/compose/federation.ts';
import { demoDeployment } from '../../../src/config/demo-deployment.ts';
import { deploymentFromObject } from '../../../src/config/deployment.ts';
import { secretReader } from '../../../src/config/secret.ts';

const NOW = new Date('2027-01-01T00:00:00Z');
const IDP = 'http://localhost:8081';

const issuersWith = (issuer: object) => {
  const demo = demoDeployment(IDP, { now: NOW, nightlySecretHash: `sha256:${'0'.repeat(64)}` });
  const [corp] = demo.issuers ?? [];
  const document = { ...demo, issuers: [{ ...corp, ...issuer }] };
  return deploymentFromObject(document, { now: NOW, source: 'a test', production: false }).issuers;
};

const sign_in = { client_id: 'daypass', client_secret_env: 'CORP_SSO_SECRET' };

describe('the secret of sign_in', () => {
  const files = { exists: () => true, read: () => 'from a file\n' };

  it.each<[string, NodeJS.ProcessEnv, object, readonly string[]]>([
    ['is reported where it is missing', {}, { sign_in }, ['CORP_SSO_SECRET']],
    ['is reported where it is empty', { CORP_SSO_SECRET: '' }, { sign_in }, ['CORP_SSO_SECRET']],
    [
      'is reported where it is given twice',
      { CORP_SSO_SECRET: 'a', CORP_SSO_SECRET_FILE: '/b' },
      { sign_in },
      ['CORP_SSO_SECRET'],
    ],
    ['is found in its variable', { CORP_SSO_SECRET: 'a' }, { sign_in }, []],
    ['is found in its file', { CORP_SSO_SECRET_FILE: '/b' }, { sign_in }, []],
    ['is not wanted of a public client', {}, { sign_in: { client_id: 'daypass' } }, []],
    ['is not wanted of a disabled issuer', {}, { sign_in, enabled: false }, []],
  ])('%s', (_name, env, issuer, names) => {
    const notices = missingSecrets(issuersWith(issuer), secretReader(env, files));
    expect(notices.map(({ message }) => /[A-Z_]{5,}/.exec(message)?.[0])).toEqual(names);
  });
});

describe('what the demo IdP is told of a broker', () => {
  it('is where to send people and logouts, for the issuers that are it', () => {
    expect(relyingPartiesOf('http://localhost:8080', issuersWith({}), IDP)).toEqual([
      expect.objectContaining({
        clientId: 'daypass',
        redirectUri: 'http://localhost:8080/sign-in/callback/corp',
        logoutUri: 'http://localhost:8080/backchannel-logout/corp',
      }),
    ]);
    expect(relyingPartiesOf('http://localhost:8080', issuersWith({}), 'http://other')).toEqual([]);
  });
});
