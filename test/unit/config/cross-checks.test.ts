import { describe, expect, it } from '@jest/globals';
import { parseDeployment } from '../../../src/config/deployment.ts';
import { complaints, edited, lineWith, OPTIONS, problemsOf } from './deployment-fixture.ts';

type Edits = readonly (readonly [from: string, to: string])[];

/** One rule each: what is written instead, and what is said about it. */
const REFUSED: readonly (readonly [title: string, edits: Edits, complaint: string])[] = [
  // references
  [
    'an issuer of an unknown tenant',
    [['tenant: acme\n    audiences', 'tenant: acne\n    audiences']],
    'issuers[0].tenant reference',
  ],
  [
    'an app of an unknown tenant',
    [['tenant: acme\n    owner: ops', 'tenant: acne\n    owner: ops']],
    'apps[1].tenant reference',
  ],
  [
    'a bucket of an unknown tenant',
    [['tenant: acme\n    provider', 'tenant: acne\n    provider']],
    'buckets[0].tenant reference',
  ],
  [
    'an admin rule of an unknown issuer',
    [['{ issuer: corp, claim', '{ issuer: crop, claim']],
    'admins[0].issuer reference',
  ],
  [
    'an admin rule of an issuer without sign_in',
    [['    sign_in: {', '    # sign_in: {']],
    'admins[0].issuer takes_effect',
  ],
  [
    'a grant on an unknown bucket',
    [['bucket:project-123', 'bucket:project-124']],
    'apps[0].grants[0].resource reference',
  ],
  [
    'a grant on an unknown resource server',
    [["resource: 'https://orders.", "resource: 'https://order."]],
    'apps[1].grants[0].resource reference',
  ],
  [
    'an introspection client that is no app',
    [['introspection_clients: []', 'introspection_clients: [nightly]']],
    'resource_servers[0].introspection_clients[0] reference',
  ],
  [
    'an introspection client that cannot authenticate',
    [['introspection_clients: []', 'introspection_clients: [where2eat]']],
    'resource_servers[0].introspection_clients[0] takes_effect',
  ],
  // keys
  [
    'a key that signs for less time than it is published before',
    [['limits:', 'keys: { rotate_every: 5m }\nlimits:']],
    'keys.rotate_every takes_effect',
  ],
  [
    'a key that is published for too short a while',
    [['limits:', 'keys: { publish_ahead: 1s }\nlimits:']],
    'keys.publish_ahead takes_effect',
  ],
  [
    'an algorithm that the external signer lacks',
    [
      ['limits:', 'keys: { signer: { provider: aws-kms, region: eu-west-1 } }\nlimits:'],
      ['token_format: jwt', 'token_format: jwt, token_alg: EdDSA'],
    ],
    'resource_servers[0].token_alg signer_algorithm',
  ],
  // ids
  [
    'a tenant id twice',
    [['residency: eu }\n', 'residency: eu }\n  - { id: acme }\n']],
    'tenants[1].id duplicate_id',
  ],
  ['an app id twice', [['id: nightly-report', 'id: where2eat']], 'apps[1].id duplicate_id'],
  [
    'an app id that reads like a person’s',
    [['id: nightly-report', `id: u_${'4'.repeat(26)}`]],
    'apps[1].id reserved',
  ],
  [
    'the id of the built-in admin client',
    [['id: nightly-report', 'id: daypass-cli']],
    'apps[1].id reserved',
  ],
  ['an app id that could be a path', [['id: nightly-report', 'id: ..']], 'apps[1].id id'],
  ['an app id of an object property', [['id: nightly-report', 'id: __proto__']], 'apps[1].id id'],
  [
    'a bucket id that no scope could name',
    [
      ['- id: project-123', '- id: Project-123'],
      ['bucket:project-123', 'bucket:Project-123'],
    ],
    'buckets[0].id bucket_id',
  ],
  // issuers
  ['an http issuer', [['issuer: https://sso', 'issuer: http://sso']], 'issuers[0].issuer https'],
  [
    'an issuer with a query',
    [['sso.acme.example\n', 'sso.acme.example?x\n']],
    'issuers[0].issuer issuer_url',
  ],
  [
    'a symmetric algorithm',
    [['[RS256, ES256]', '[RS256, HS256]']],
    'issuers[0].algorithms[1] one_of',
  ],
  ['no algorithm', [['[RS256, ES256]', '[none]']], 'issuers[0].algorithms[0] one_of'],
  [
    'an ID token age above a day',
    [['max_id_token_age: 1h', 'max_id_token_age: 25h']],
    'issuers[0].max_id_token_age at_most',
  ],
  [
    'a secret where its variable belongs',
    [['client_secret_env: CORP_SSO_SECRET', 'client_secret_env: s3cr3t-value!']],
    'issuers[0].sign_in.client_secret_env variable_name',
  ],
  [
    'an attribute marked as the broker marks its own',
    [['department: dept', "'claim:groups': dept"]],
    'issuers[0].claims.claim:groups attribute',
  ],
  ['a role nobody knows', [['role: security', 'role: root']], 'admins[0].role one_of'],
  // apps
  ['an app without owner', [['    owner: dana@acme.example\n', '']], 'apps[0].owner required'],
  ['an app with a blank owner', [['owner: dana@acme.example', "owner: ' '"]], 'apps[0].owner text'],
  [
    'an app that expired',
    [['2027-06-30\n    type: browser', '2026-11-21\n    type: browser']],
    'apps[0].expires expired',
  ],
  [
    'an app that expires today',
    [['2027-06-30\n    type: browser', '2026-11-22\n    type: browser']],
    'apps[0].expires expired',
  ],
  [
    'an expiry that is no date',
    [['2027-06-30\n    type: browser', '2027-02-30\n    type: browser']],
    'apps[0].expires form',
  ],
  [
    'a credential of a browser app',
    [['    dpop: required', `    secret_hash: ["sha256:${'0'.repeat(64)}"]`]],
    'apps[0].secret_hash takes_effect',
  ],
  [
    'two ways to authenticate',
    [['jwks: { keys: [] }', `jwks: { keys: [] }\n    secret_hash: ["sha256:${'0'.repeat(64)}"]`]],
    'apps[1].secret_hash one_credential',
  ],
  [
    'a secret instead of its hash',
    [['jwks: { keys: [] }', 'secret_hash: [hunter2]']],
    'apps[1].secret_hash[0] secret_hash',
  ],
  [
    'a private key',
    [['keys: []', 'keys: [{ kty: EC, crv: P-256, x: x, y: y, d: d }]']],
    'apps[1].jwks.keys[0] public_key',
  ],
  [
    'a symmetric key',
    [['keys: []', 'keys: [{ kty: oct, k: x }]']],
    'apps[1].jwks.keys[0].kty one_of',
  ],
  [
    'two names of a certificate',
    [['jwks: { keys: [] }', 'tls_client_auth: { san_dns: a.example, san_ip: 192.0.2.1 }']],
    'apps[1].tls_client_auth one_name',
  ],
  [
    'a distinguished name as OpenSSL prints it by itself',
    [['jwks: { keys: [] }', 'tls_client_auth: { subject_dn: "C = DE, CN = a" }']],
    'apps[1].tls_client_auth.subject_dn distinguished_name',
  ],
  [
    'a pattern for the host of a certificate',
    [['jwks: { keys: [] }', 'tls_client_auth: { san_dns: "*.a.example" }']],
    'apps[1].tls_client_auth.san_dns host_name',
  ],
  [
    'an address with a port',
    [['jwks: { keys: [] }', 'tls_client_auth: { san_ip: "192.0.2.1:443" }']],
    'apps[1].tls_client_auth.san_ip ip_address',
  ],
  [
    'tokens of a public app that are bound to a certificate',
    [['type: browser', 'type: browser\n    certificate_bound: true']],
    'apps[0].certificate_bound takes_effect',
  ],
  [
    'an http redirect URI',
    [['[http://localhost:5173/callback]', '[http://app.example/callback]']],
    'apps[0].redirect_uris[0] redirect_uri',
  ],
  [
    'a redirect URI with a wildcard',
    [['[http://localhost:5173/callback]', '[https://app.example/*]']],
    'apps[0].redirect_uris[0] redirect_uri',
  ],
  [
    'a redirect URI that is a script',
    [['[http://localhost:5173/callback]', "['javascript:alert(1)']"]],
    'apps[0].redirect_uris[0] redirect_uri',
  ],
  [
    'an origin with a path',
    [['origins: [http://localhost:5173]', 'origins: [http://localhost:5173/]']],
    'apps[0].origins[0] origin',
  ],
  [
    'the null origin',
    [['origins: [http://localhost:5173]', "origins: ['null']"]],
    'apps[0].origins[0] origin',
  ],
  // audiences
  [
    'an audience the issuer does not list',
    [['subject_audiences: [where2eat]', 'subject_audiences: [where3eat]']],
    'apps[0].subject_audiences[0] takes_effect',
  ],
  [
    'the sign_in client as an audience',
    [['subject_audiences: [where2eat]', 'subject_audiences: [daypass]']],
    'apps[0].subject_audiences[0] not_sign_in',
  ],
  [
    'an audience of two apps',
    [['subject_audiences: []', 'subject_audiences: [where2eat]']],
    'apps[1].subject_audiences[0] one_app',
  ],
  [
    'an audience of two apps, spelled differently',
    [['subject_audiences: []', 'subject_audiences: [{ issuer: corp, audience: where2eat }]']],
    'apps[1].subject_audiences[0] one_app',
  ],
  [
    'an audience of an unknown issuer',
    [
      [
        'subject_audiences: [where2eat]',
        'subject_audiences: [{ issuer: crop, audience: where2eat }]',
      ],
    ],
    'apps[0].subject_audiences[0].issuer reference',
  ],
  [
    'an audience without its issuer',
    [['subject_audiences: [where2eat]', 'subject_audiences: [{ audience: where2eat }]']],
    'apps[0].subject_audiences[0].issuer required',
  ],
  // grants
  [
    'a prefix all users may write to',
    [['uploads/{user_id}/', 'uploads/']],
    'apps[0].grants[0].prefix user_prefix',
  ],
  [
    'a whole bucket all users may write to',
    [['        prefix: /where2eat/{app_id}/uploads/{user_id}/\n', '']],
    'apps[0].grants[0] user_prefix',
  ],
  [
    'a prefix all users may delete from',
    [
      ['actions: [read, write, list]', 'actions: [delete]'],
      ['uploads/{user_id}/', 'uploads/'],
    ],
    'apps[0].grants[0].prefix user_prefix',
  ],
  [
    'a prefix with dot segments',
    [['{app_id}/uploads', '../uploads']],
    'apps[0].grants[0].prefix path_dot_segment',
  ],
  [
    'a prefix without its last slash',
    [['{user_id}/', '{user_id}']],
    'apps[0].grants[0].prefix prefix_slashes',
  ],
  [
    'a prefix with an unknown placeholder',
    [['{app_id}/uploads', '{tenant}/uploads']],
    'apps[0].grants[0].prefix prefix_placeholder',
  ],
  [
    'an action no bucket knows',
    [['actions: [read, write, list]', 'actions: [read, write, admin]']],
    'apps[0].grants[0].actions[2] takes_effect',
  ],
  [
    'an action that is no scope of the resource server',
    [['actions: [orders:read]', 'actions: [orders:delete]']],
    'apps[1].grants[0].actions[0] takes_effect',
  ],
  ['no action', [['actions: [orders:read]', 'actions: []']], 'apps[1].grants[0].actions at_least'],
  [
    'an action twice',
    [['actions: [read, write, list]', 'actions: [read, read]']],
    'apps[0].grants[0].actions distinct',
  ],
  [
    'a size on an API',
    [['actions: [orders:read]', 'actions: [orders:read], max_size: 1MB']],
    'apps[1].grants[0].max_size takes_effect',
  ],
  [
    'a max_ttl above the ceiling',
    [['max_ttl: 15m', 'max_ttl: 61m']],
    'apps[0].grants[0].max_ttl takes_effect',
  ],
  [
    'a max_ttl below the floor',
    [['max_ttl: 15m', 'max_ttl: 59s']],
    'apps[0].grants[0].max_ttl takes_effect',
  ],
  [
    'a size without meaning',
    [['max_size: 10MB', 'max_size: 10Mb']],
    'apps[0].grants[0].max_size size',
  ],
  [
    'a content type without subtype',
    [['image/*, application', 'image, application']],
    'apps[0].grants[0].content_types media_range',
  ],
  // limits
  [
    'a floor above the ceiling',
    [['floor: 1m, ceiling: 1h', 'floor: 2h, ceiling: 1h']],
    'limits.ttl.floor takes_effect',
  ],
  [
    'a default below the floor',
    [['default: 5m', 'default: 30s']],
    'limits.ttl.default takes_effect',
  ],
  [
    'a default above the ceiling',
    [['default: 5m', 'default: 90m']],
    'limits.ttl.default takes_effect',
  ],
  ['a ttl without meaning', [['default: 5m', 'default: soon']], 'limits.ttl.default duration'],
  // buckets
  [
    's3 without a bucket',
    [['    bucket: acme-project-123 ', '    # ']],
    'buckets[0].bucket required',
  ],
  ['s3 without a region', [['    region: eu-west-1\n', '']], 'buckets[0].region required'],
  [
    'a bucket name that is a host',
    [['bucket: acme-project-123', 'bucket: x.evil.example']],
    'buckets[0].bucket bucket_name',
  ],
  [
    'a region that is a host',
    [['region: eu-west-1', 'region: us-east-1.evil']],
    'buckets[0].region region',
  ],
  [
    'an endpoint with a user',
    [['endpoint: https://s3', 'endpoint: https://me:pw@s3']],
    'buckets[0].endpoint endpoint',
  ],
  ['half a key pair', [['access_key_id_env: A, ', '']], 'buckets[0].credentials together'],
  [
    'keys and a web identity',
    [['{ access_key_id_env: A,', '{ web_identity: { role_arn: r }, access_key_id_env: A,']],
    'buckets[0].credentials one_identity',
  ],
  ['a provider nobody knows', [['provider: s3 ', 'provider: s4 ']], 'buckets[0].provider one_of'],
  [
    'a virus scanner that is none',
    [['clamd://127.0.0.1:3310', 'http://127.0.0.1']],
    'buckets[0].validate.antivirus antivirus',
  ],
  [
    'a classification nobody knows',
    [['classification: internal', 'classification: secret']],
    'buckets[0].classification one_of',
  ],
  // resource servers
  [
    'a resource server with a fragment',
    [
      ["- { id: 'https://orders.acme.example'", "- { id: 'https://orders.acme.example#x'"],
      ["resource: 'https://orders.acme.example'", "resource: 'https://orders.acme.example#x'"],
    ],
    'resource_servers[0].id resource_uri',
  ],
  [
    'a scope with a space',
    [['scopes: [orders:read, orders:write]', "scopes: [orders:read, 'orders write']"]],
    'resource_servers[0].scopes[1] scope',
  ],
];

describe('refused', () => {
  it.each(REFUSED)('%s', (_, edits, complaint) => {
    expect(complaints(edited(...edits))).toEqual([complaint]);
  });

  it('each with its line', () => {
    for (const [title, edits] of REFUSED) {
      const text = edited(...edits);
      const last = text.split('\n').length;
      for (const { line } of problemsOf(() => parseDeployment(text, OPTIONS)))
        expect({ title, holds: line !== undefined && line >= 1 && line <= last }).toEqual({
          title,
          holds: true,
        });
    }
  });

  it('each with a message and a remedy in words', () => {
    for (const [, edits] of REFUSED)
      for (const { rule, message, remedy } of problemsOf(() =>
        parseDeployment(edited(...edits), OPTIONS),
      ))
        expect([rule, message, remedy].join(' ')).not.toMatch(/undefined|Invalid input|\[object/);
  });
});

describe('allowed', () => {
  it.each([
    ['a tenant nobody uses', [['residency: eu }\n', 'residency: eu }\n  - { id: other }\n']]],
    ['a service app that cannot authenticate yet', [['    jwks: { keys: [] }', '    # none']]],
    [
      'a region on local',
      [
        ['provider: s3 ', 'provider: local '],
        ['{ access_key_id_env: A, secret_access_key_env: B }', '{}'],
      ],
    ],
    [
      'a reading grant for all users',
      [
        ['actions: [read, write, list]', 'actions: [read, list]'],
        ['uploads/{user_id}/', 'uploads/'],
      ],
    ],
    [
      'a shared prefix for a confidential app',
      [
        ['type: browser', 'type: web'],
        ['uploads/{user_id}/', 'uploads/'],
      ],
    ],
    [
      'an expiry to the second',
      [['2027-06-30\n    type: browser', '2026-11-22T00:00:01Z\n    type: browser']],
    ],
    [
      'a private-use redirect URI',
      [['[http://localhost:5173/callback]', '[com.acme.where2eat:/callback]']],
    ],
    [
      'seconds and bytes as numbers',
      [
        ['max_ttl: 15m', 'max_ttl: 900'],
        ['max_size: 10MB', 'max_size: 10000000'],
      ],
    ],
    [
      'a role by web identity',
      [
        [
          '{ access_key_id_env: A, secret_access_key_env: B }',
          '{ web_identity: { role_arn: arn:aws:iam::1:role/x } }',
        ],
      ],
    ],
    ['max_ttl at the ceiling', [['max_ttl: 15m', 'max_ttl: 1h']]],
  ] as readonly (readonly [string, Edits])[])('%s', (_, edits) => {
    expect(complaints(edited(...edits))).toEqual([]);
  });
});

describe('production', () => {
  const onLoopback = edited(['https://sso.acme.example', 'http://localhost:8081']);

  it('takes no http issuer, not even on loopback', () => {
    expect(complaints(onLoopback)).toEqual([]);
    expect(complaints(onLoopback, true)).toEqual(['issuers[0].issuer https']);
  });

  it.each(['http://127.0.0.1.evil.example', 'http://localhost.evil.example', 'http://10.0.0.1'])(
    'or not, %s is no loopback',
    (issuer) => {
      const text = edited(['https://sso.acme.example', issuer]);
      expect(complaints(text)).toEqual(['issuers[0].issuer https']);
    },
  );

  it('takes an http endpoint on loopback only', () => {
    expect(complaints(edited(['https://s3.example', 'http://127.0.0.1:9000']), true)).toEqual([]);
    expect(complaints(edited(['https://s3.example', 'http://ceph:9000']))).toEqual([]);
    expect(complaints(edited(['https://s3.example', 'http://ceph:9000']), true)).toEqual([
      'buckets[0].endpoint https',
    ]);
  });
});

it('lines are those of the part that is wrong', () => {
  const text = edited([
    'actions: [read, write, list] ',
    'actions:\n          - read\n          - wirte #',
  ]);
  expect(problemsOf(() => parseDeployment(text, OPTIONS))).toMatchObject([
    {
      path: 'apps[0].grants[0].actions[1]',
      line: lineWith(text, '- wirte'),
      remedy: 'did you mean write?',
    },
  ]);
});
