import { describe, expect, it } from '@jest/globals';
import { demoDeployment } from '../../../src/config/demo-deployment.ts';
import { deploymentFromObject, parseDeployment } from '../../../src/config/deployment.ts';
import { indexDeployment } from '../../../src/config/deployment-index.ts';
import { expiryOf, hasExpired } from '../../../src/config/expiry.ts';
import { planChanges, printPlan } from '../../../src/config/plan.ts';
import { CONTRACT, complaints, edited, OPTIONS } from './deployment-fixture.ts';

const DEMO = { now: OPTIONS.now, nightlySecretHash: `sha256:${'0'.repeat(64)}` };
const demo = deploymentFromObject(demoDeployment('http://localhost:8081', DEMO), OPTIONS);

describe('indexDeployment', () => {
  const index = indexDeployment(parseDeployment(CONTRACT, OPTIONS));

  it('finds each kind by its id, and issuers by their URL', () => {
    expect(index.app('where2eat')?.type).toBe('browser');
    expect(index.bucket('project-123')?.provider).toBe('s3');
    expect(index.tenant('acme')?.residency).toBe('eu');
    expect(index.issuerById('corp')).toBe(index.issuerByUrl('https://sso.acme.example'));
    expect(index.resourceServer('https://orders.acme.example')?.token_format).toBe('jwt');
  });

  it('compares the URL of an issuer letter by letter', () => {
    expect(index.issuerByUrl('https://sso.acme.example/')).toBeUndefined();
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'daypass-cli'])(
    'knows nothing by the name %j',
    (name) => {
      const found = [
        index.app(name),
        index.bucket(name),
        index.tenant(name),
        index.issuerById(name),
        index.issuerByUrl(name),
        index.resourceServer(name),
        index.appByAudience('corp', name),
        index.appByAudience(name, 'where2eat'),
      ];
      expect(found.every((entry) => entry === undefined)).toBe(true);
    },
  );

  it('finds the one app that may exchange the ID tokens of a party, by issuer', () => {
    expect(index.appByAudience('corp', 'where2eat')?.id).toBe('where2eat');
    expect(index.appByAudience('corp', 'daypass')).toBeUndefined();
  });

  it('finds it where the entry names its issuer', () => {
    const text = edited([
      'subject_audiences: [where2eat]',
      'subject_audiences: [{ issuer: corp, audience: where2eat }]',
    ]);
    const named = indexDeployment(parseDeployment(text, OPTIONS));
    expect(named.appByAudience('corp', 'where2eat')?.id).toBe('where2eat');
  });
});

describe('the expiry of an app', () => {
  it('is the first moment of its date, in UTC', () => {
    expect(expiryOf({ expires: '2027-06-30' })).toBe(Date.UTC(2027, 5, 30) / 1000);
    expect(expiryOf({ expires: '2027-06-30T02:00:00+02:00' })).toBe(Date.UTC(2027, 5, 30) / 1000);
    expect(hasExpired({ expires: '2027-06-30' }, new Date('2027-06-29T23:59:59.999Z'))).toBe(false);
    expect(hasExpired({ expires: '2027-06-30' }, new Date('2027-06-30T00:00:00Z'))).toBe(true);
  });
});

describe('planChanges', () => {
  const before = parseDeployment(CONTRACT, OPTIONS);

  it('creates everything where there was nothing', () => {
    const plan = planChanges(undefined, before);
    expect(plan.every(({ change }) => change === 'create')).toBe(true);
    expect(plan.map(({ kind }) => kind)).toEqual([
      'limits',
      'keys',
      'tenant',
      'issuer',
      'admin',
      'app',
      'app',
      'bucket',
      'resource_server',
    ]);
  });

  it('is empty for the same deployment, however it is spelled', () => {
    const respelled = parseDeployment(
      edited(
        ['default: 5m', 'default: 300'],
        ['[image/*, application/pdf]', '[application/pdf, image/*]'],
      ),
      OPTIONS,
    );
    expect(planChanges(before, respelled)).toEqual([]);
    expect(printPlan([])).toBe('no changes');
  });

  it('names what is created, what differs and what goes', () => {
    const after = parseDeployment(
      edited(
        ['max_size: 10MB', 'max_size: 20MB'],
        ['purpose: friends', 'purpose: colleagues'],
        ['id: nightly-report', 'id: weekly-report'],
        ['value: security-team', 'value: secops'],
        ['max_actors: 3', 'max_actors: 2'],
      ),
      OPTIONS,
    );
    expect(printPlan(planChanges(before, after)).split('\n')).toEqual([
      '~ limits (max_actors)',
      '+ admin corp: groups=secops → security',
      '- admin corp: groups=security-team → security',
      '~ app where2eat (purpose, grants)',
      '+ app weekly-report',
      '- app nightly-report',
    ]);
  });

  it('sees a member that appears or goes', () => {
    const after = parseDeployment(
      edited(['    sign_in: {', '    enabled: false\n    sign_in: {'], ['    residency: eu\n', '']),
      OPTIONS,
    );
    expect(planChanges(before, after)).toEqual([
      { kind: 'issuer', id: 'corp', change: 'update', fields: ['enabled'] },
      { kind: 'bucket', id: 'project-123', change: 'update', fields: ['residency'] },
    ]);
  });
});

describe('the demo configuration', () => {
  const index = indexDeployment(demo);

  it('has the parts the contract names', () => {
    expect(index.issuerByUrl('http://localhost:8081')?.tenant).toBe('acme');
    expect(index.app('where2eat')).toMatchObject({ type: 'browser', dpop: 'required' });
    expect(index.app('lowcode')).toMatchObject({ type: 'browser', dpop: 'optional' });
    expect(index.app('nightly-report')).toMatchObject({ type: 'service' });
    expect(index.bucket('project-123')?.provider).toBe('local');
    for (const app of ['where2eat', 'lowcode', 'nightly-report'])
      expect(index.appByAudience('corp', app)?.id).toBe(app);
  });

  it('makes sam of the security team a security admin, and auditors auditors', () => {
    expect(demo.admins).toContainEqual({
      issuer: 'corp',
      claim: 'groups',
      value: 'security-team',
      role: 'security',
      scope: 'deployment',
    });
    expect(demo.admins).toContainEqual({
      issuer: 'corp',
      claim: 'groups',
      value: 'auditors',
      role: 'auditor',
    });
  });

  it('ends a year after it began', () => {
    expect(index.app('where2eat')?.expires).toBe('2027-11-22');
  });

  it('cannot be used in production', () => {
    const document = demoDeployment('http://localhost:8081', DEMO);
    expect(complaints(JSON.stringify(document), true)).toEqual(['issuers[0].issuer https']);
  });
});
