import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  deploymentFromObject,
  parseDeployment,
  readDeployment,
  storedDeployment,
} from '../../../src/config/deployment.ts';
import { ConfigurationError, violationsOf } from '../../../src/config/problem.ts';
import { withSchemaFiles } from '../../../src/config/schema-files.ts';
import {
  CONTRACT,
  complaints,
  edited,
  lineWith,
  OPTIONS,
  problemsOf,
} from './deployment-fixture.ts';

describe('the example of the contract', () => {
  const deployment = parseDeployment(CONTRACT, OPTIONS);

  it('is read without a problem, in production too', () => {
    expect(complaints(CONTRACT)).toEqual([]);
    expect(complaints(CONTRACT, true)).toEqual([]);
  });

  it('is what daypass.example.yaml shows', () => {
    const example = readFileSync(new URL('../../../daypass.example.yaml', import.meta.url), 'utf8');
    const { buckets: _, ...rest } = parseDeployment(example, { ...OPTIONS, production: true });
    const { buckets: __, ...contract } = deployment;
    expect(rest).toEqual(contract);
  });

  it('has its durations in seconds and its sizes in bytes', () => {
    const [where2eat] = deployment.apps;
    expect(deployment.limits).toEqual({
      ttl: { default: 300, floor: 60, ceiling: 3600 },
      max_actors: 3,
    });
    expect(deployment.issuers[0]?.max_id_token_age).toBe(3600);
    expect(where2eat?.grants[0]).toMatchObject({ max_size: 10_000_000, max_ttl: 900 });
    expect(where2eat?.limits?.bytes_per_day).toBe(1_000_000_000);
  });

  it('is frozen all the way down', () => {
    expect(Object.isFrozen(deployment.apps[0]?.grants[0]?.actions)).toBe(true);
  });

  it('is kept as it was written', () => {
    const { document } = readDeployment(CONTRACT, OPTIONS);
    expect(document.limits?.ttl?.default).toBe('5m');
    expect(document.apps?.[0]?.expires).toBe('2027-06-30');
    expect(deploymentFromObject(JSON.parse(JSON.stringify(document)), OPTIONS)).toEqual(deployment);
  });
});

describe('storedDeployment', () => {
  const document = { ...readDeployment(CONTRACT, OPTIONS).document };
  const later = { ...OPTIONS, now: new Date('2028-01-01T00:00:00Z') };
  const { now: _, ...stored } = OPTIONS;

  it('reads what was accepted before, although an app has expired since', () => {
    expect(problemsOf(() => deploymentFromObject(document, later))).toHaveLength(2);
    expect(storedDeployment(document, stored).apps).toHaveLength(2);
  });

  it('refuses anything else that is wrong', () => {
    expect(problemsOf(() => storedDeployment({ ...document, tenants: [] }, stored))).not.toEqual(
      [],
    );
  });
});

describe('what is left out', () => {
  it('is an empty deployment with the limits of the contract', () => {
    for (const text of ['', '# nothing yet', '{}', 'tenants:\nlimits:\n']) {
      expect(parseDeployment(text, OPTIONS)).toEqual({
        limits: { ttl: { default: 300, floor: 60, ceiling: 3600 }, max_actors: 3 },
        keys: { rotate_every: 7_776_000, publish_ahead: 600 },
        tenants: [],
        issuers: [],
        admins: [],
        apps: [],
        buckets: [],
        resource_servers: [],
      });
    }
  });

  it('has its default', () => {
    const text = `
      tenants: [{ id: acme }]
      issuers: [{ id: corp, issuer: https://sso.example, tenant: acme, audiences: [a] }]
      apps: [{ id: a, tenant: acme, owner: o, purpose: p, expires: 2027-01-01, type: native }]
      buckets: [{ id: b, tenant: acme, provider: local }]
      resource_servers: [{ id: 'https://api.example', tenant: acme, scopes: [x] }]`;
    const { issuers, apps, buckets, resource_servers } = parseDeployment(text, OPTIONS);
    expect(issuers[0]).toMatchObject({
      algorithms: ['RS256', 'ES256'],
      max_id_token_age: 3600,
      claims: {},
      enabled: true,
    });
    expect(apps[0]).toMatchObject({
      dpop: 'required',
      grants: [],
      subject_audiences: [],
      enabled: true,
    });
    expect(buckets[0]).toEqual({
      id: 'b',
      tenant: 'acme',
      provider: 'local',
      credentials: {},
      classification: 'internal',
      retention: { locked: false },
      validate: { sniff: true },
    });
    expect(resource_servers[0]).toMatchObject({ token_format: 'jwt', introspection_clients: [] });
  });

  it.each([
    ['browser', 'required'],
    ['native', 'required'],
    ['web', 'optional'],
    ['service', 'optional'],
  ])('makes dpop of a %s app %s', (type, dpop) => {
    const text = `{ tenants: [{ id: t }], apps: [{ id: a, tenant: t, owner: o, purpose: p, expires: 2027-01-01, type: ${type} }] }`;
    expect(parseDeployment(text, OPTIONS).apps[0]?.dpop).toBe(dpop);
  });
});

describe('a problem', () => {
  it('carries the line of the member that is wrong', () => {
    const text = edited(['max_ttl: 15m', 'max_ttl: 2h'], ['type: service', 'type: servant']);
    const found = problemsOf(() => parseDeployment(text, OPTIONS));
    expect(found.map(({ line }) => line)).toEqual([
      lineWith(text, 'max_ttl: 2h'),
      lineWith(text, 'type: servant'),
    ]);
  });

  it('that is an absence carries the line of the entry', () => {
    const text = edited(['    owner: dana@acme.example\n', '']);
    expect(problemsOf(() => parseDeployment(text, OPTIONS))).toEqual([
      {
        path: 'apps[0].owner',
        line: lineWith(text, '- id: where2eat'),
        rule: 'required',
        message: 'is missing',
        remedy: 'add it: The person or team that answers for it.',
      },
    ]);
  });

  it.each([
    ['reorders the words around it', '\u202e'],
    ['nobody sees', '\u200b'],
    ['ends the line', '\u2028'],
    ['is a control', '\u0007'],
  ])('is a character in a text for people that %s', (_, character) => {
    const text = edited(['owner: dana@acme.example', `owner: "dana${character}@acme.example"`]);
    expect(problemsOf(() => parseDeployment(text, OPTIONS))).toMatchObject([
      { path: 'apps[0].owner', rule: 'text' },
    ]);
  });

  it('does not hide another, of shape, of reference or in an entry of the same list', () => {
    const text = edited(
      ['    owner: dana@acme.example\n', ''], // shape, app 0
      ["resource: 'https://orders.acme.example'", "resource: 'https://order.acme.example'"], // reference, app 1
      ['residency: eu }\nissuers', 'residence: eu }\nissuers'], // unknown key
      ['floor: 1m', 'floor: 10m'], // cross check
      ['    region: eu-west-1\n', ''], // shape, bucket
    );
    expect(complaints(text)).toEqual([
      'limits.ttl.default takes_effect',
      'tenants[0].residence unknown_key',
      'apps[0].owner required',
      'apps[1].grants[0].resource reference',
      'buckets[0].region required',
    ]);
  });

  it('does not hide another in the same entry, where that goes without it', () => {
    const text = edited(
      ['    owner: dana@acme.example\n', ''],
      ['    type: browser ', '    type: bowser '],
      ['tenant: acme\n', 'tenant: acne\n'],
      ['expires: 2027-06-30', 'expires: 2020-06-30'],
      ['max_size: 10MB', 'max_size: 10Mb'],
      ['bucket:project-123', 'bucket:project-124'],
      ['max_ttl: 15m', 'max_ttl: 15h'],
      ['region: eu-west-1', 'region: EU west'],
      ['tenant: acme\n    provider', 'tenant: acne\n    provider'],
    );
    expect(complaints(text).toSorted()).toEqual([
      'apps[0].expires expired',
      'apps[0].grants[0].max_size size',
      'apps[0].grants[0].max_ttl takes_effect',
      'apps[0].grants[0].resource reference',
      'apps[0].owner required',
      'apps[0].type one_of',
      'buckets[0].region region',
      'buckets[0].tenant reference',
      'issuers[0].tenant reference',
    ]);
  });

  it('is told with its line where it is a file that is named and not there', () => {
    const { document, lineOf } = readDeployment(CONTRACT, OPTIONS);
    const absent = (): string => {
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    };
    expect(problemsOf(() => withSchemaFiles(document, absent, 'daypass.yaml', lineOf))).toEqual([
      {
        path: 'buckets[0].validate.schema.text/csv',
        line: lineWith(CONTRACT, 'schemas/report.json'),
        rule: 'schema_file',
        message: 'schemas/report.json cannot be used: ENOENT',
        remedy: expect.stringContaining('from the folder'),
      },
    ]);
  });

  it('is told with file, line, place and remedy in the message', () => {
    const text = edited(['max_ttl: 15m', 'max_ttl: 2h']);
    expect(() => parseDeployment(text, OPTIONS)).toThrow(
      'daypass.yaml cannot be used, 1 problem:\n' +
        `  line ${lineWith(text, 'max_ttl: 2h')}, apps[0].grants[0].max_ttl: ` +
        '2h is above the ceiling of 1h, so it can never take effect\n' +
        '      lower it, or raise limits.ttl.ceiling',
    );
  });

  it('of a JSON document has no line and becomes a violation', () => {
    const read = () => deploymentFromObject({ tenant: [] }, OPTIONS);
    expect(problemsOf(read)[0]).not.toHaveProperty('line');
    const error = new ConfigurationError('the request', problemsOf(read));
    expect(violationsOf(error)).toEqual([
      {
        field: 'tenant',
        rule: 'unknown_key',
        message: 'is not known here',
        remedy: 'did you mean tenants?',
      },
    ]);
  });
});

describe('unknown keys', () => {
  it.each([
    ['at the top', ['apps: ', 'aps: '], 'aps', 'did you mean apps?'],
    [
      'in an entry',
      ['purpose: friends', 'porpose: friends'],
      'apps[0].porpose',
      'did you mean purpose?',
    ],
    [
      'in a grant',
      ['max_size:', 'maxSize:'],
      'apps[0].grants[0].maxSize',
      'did you mean max_size?',
    ],
    [
      'in a bucket',
      ['retention:', 'retentoin:'],
      'buckets[0].retentoin',
      'did you mean retention?',
    ],
    [
      'in credentials',
      ['access_key_id_env: A', 'access_key_env: A'],
      'buckets[0].credentials.access_key_env',
      'did you mean access_key_id_env?',
    ],
    [
      'like nothing known',
      ['max_actors: 3', 'max_actors: 3, zzz: 1'],
      'limits.zzz',
      'remove it; known: ttl, requests, max_actors',
    ],
  ] as const)('%s are reported with their line and a guess', (_, edit, path, remedy) => {
    const text = edited([edit[0], edit[1]]);
    const problem = problemsOf(() => parseDeployment(text, OPTIONS)).find(
      ({ rule }) => rule === 'unknown_key',
    );
    expect(problem).toMatchObject({
      path,
      remedy,
      line: lineWith(text, edit[1].split(':')[0] ?? ''),
    });
  });

  it('that are names of object properties are unknown like any other', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(complaints(`${key}: { x: 1 }\n`)).toEqual([`${key} unknown_key`]);
      expect(complaints(`tenants: [{ id: a, ${key}: 1 }]\n`)).toEqual([
        `tenants[0].${key} unknown_key`,
      ]);
      const value: unknown = JSON.parse(`{"tenants":[{"id":"a","${key}":{"residency":"eu"}}]}`);
      expect(problemsOf(() => deploymentFromObject(value, OPTIONS))).toHaveLength(1);
    }
  });
});

describe('YAML', () => {
  it.each([
    ['a syntax error', 'tenants: [\napps: 1', '(the file) yaml'],
    ['an alias without anchor', 'tenants: *nobody', '(the file) yaml'],
    ['two documents', 'tenants: []\n---\ntenants: []', '(the file) yaml'],
  ])('with %s is refused, not guessed at', (_, text, complaint) => {
    expect(complaints(text)).toContain(complaint);
  });

  it('with a key twice is refused with the line of the second, beside other problems', () => {
    const found = problemsOf(() => parseDeployment('tenants: []\ntenants: []\naps: []\n', OPTIONS));
    expect(found.map(({ line, rule }) => [line, rule])).toEqual([
      [2, 'duplicate_key'],
      [3, 'unknown_key'],
    ]);
  });

  it('that would grow without bound through aliases is refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
    );
    expect(complaints(`a0: &a0 [x]\n${levels.join('\n')}`)).toEqual(['(the file) yaml']);
  });

  it('finds its lines through aliases', () => {
    const text = 'tenants:\n  - &t\n    id: a\n    nope: 1\n  - *t\n';
    expect(
      problemsOf(() => parseDeployment(text, OPTIONS)).map(({ path, line }) => [path, line]),
    ).toEqual(
      [
        ['tenants[0].nope', 4],
        ['tenants[1].nope', 4],
        ['tenants[1].id', 3],
      ].sort((a, b) => Number(a[1]) - Number(b[1])),
    );
  });

  it.each([
    ['a list', '- 1'],
    ['a text', 'hello'],
    ['a number', '7'],
  ])('that is %s is refused', (_, text) => {
    expect(complaints(text)).toEqual(['(the file) type']);
  });

  it('with a mapping where a list belongs is refused', () => {
    expect(complaints('tenants: { id: acme }')).toEqual(['tenants type']);
  });
});
