import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Surroundings } from '../../../src/cli/surroundings.ts';
import type { Offline } from '../../../src/compose/command-line.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';
import { type } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'daypass-cli-'));
const fileWith = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

const offlineThat = (parts: Partial<Offline>): Pick<Surroundings, 'offline'> => ({
  offline: async () => parts as Offline,
});

/** An administration that writes down what it was asked. */
const administration = (failure?: Error) => {
  const calls: string[] = [];
  const changes = [{ kind: 'app', id: 'a', change: 'create', fields: [] }];
  const compose = async () => ({
    openForAdministration: async () => ({
      where: 'db.example:5432/daypass',
      configure: {
        plan: async () => {
          if (failure) throw failure;
          calls.push('plan');
          return changes;
        },
        apply: async (_document: unknown, { by, source }: { by: string; source: string }) => {
          if (failure) throw failure;
          calls.push(`apply ${by.split(':')[0]} ${source}`);
          return { version: 7, changes };
        },
      },
      migrate: async () => ['1_init'],
      close: async () => {
        calls.push('close');
      },
    }),
  });
  return { calls, compose: compose as unknown as Surroundings['compose'] };
};

describe('apply', () => {
  const valid = fileWith('daypass.yaml', 'tenants: [{ id: acme }]\n');

  it('applies the file, says what changed, and closes the database', async () => {
    const { calls, compose } = administration();
    const { code, out, err } = await type(['apply', '-f', valid], { compose });
    expect(out).toBe('+ app a\nversion 7 is in force\n');
    expect(calls).toEqual([`apply cli ${valid}`, 'close']);
    expect(err).toBe('database: db.example:5432/daypass\n');
    expect(code).toBe(0);
  });

  it('warns of what is allowed and better otherwise', async () => {
    const { compose } = administration();
    const bucket =
      '{ id: b, tenant: acme, provider: gcs, bucket: acme, credentials: { service_account_env: K } }';
    const file = fileWith('later.yaml', `tenants: [{ id: acme }]\nbuckets: [${bucket}]\n`);
    const { code, err } = await type(['apply', '-f', file], { compose, env: { K: '{}' } });
    const field = 'buckets[0].credentials.service_account_env';
    const message = expect.stringContaining('until somebody revokes it');
    expect(err).toMatch(/^warning: buckets\[0\]\.credentials\.service_account_env names a key/);
    expect(code).toBe(0);
    const { out } = await type(['apply', '-f', file, '--dry-run', '--json'], { compose });
    const lacking = {
      field,
      message: expect.stringMatching(/^names K, which is not set here: .*broker runs/),
    };
    expect(JSON.parse(out).notices).toEqual([{ field, message }, lacking]);
  });

  it('changes nothing in a dry run', async () => {
    const { calls, compose } = administration();
    const { out } = await type(['apply', '-f', valid, '--dry-run', '--json'], { compose });
    expect(JSON.parse(out)).toMatchObject({ changes: [{ id: 'a', change: 'create' }] });
    expect(calls).toEqual(['plan', 'close']);
  });

  it('starts no database where a broker answers that has another', async () => {
    const compose = (async () => ({
      openForAdministration: async (_: unknown, options: { mayStart: () => Promise<void> }) => {
        await options.mayStart();
        throw new Error('it was started');
      },
    })) as never;
    const answering = (status: number) => (async () => new Response(null, { status })) as never;
    const refused = await type(['apply', '-f', valid], { compose, fetch: answering(200) });
    expect(refused.err).toMatch(
      /broker at http:\/\/localhost:8080 has another database.*DAYPASS_HOME/,
    );
    expect(refused.code).toBe(2);
    const started = await type(['apply', '-f', valid], { compose, fetch: answering(502) });
    expect(started.err).toMatch(/it was started/);
  });

  it('reads standard input', async () => {
    const { calls, compose } = administration();
    const stdin = (async function* () {
      yield 'tenants: [{ id: ';
      yield Buffer.from('acme }]');
    })();
    await type('apply -f -', { compose, stdin });
    expect(calls).toEqual(['apply cli standard input', 'close']);
  });

  it('shows the lines of what is wrong, once each, without asking the database', async () => {
    const bad = fileWith('bad.yaml', 'tenants:\n  - { id: acme, residncy: eu }\n');
    const { code, err } = await type(['apply', '-f', bad]);
    expect(err.match(/line 2, tenants\[0\]\.residncy/g)).toHaveLength(1);
    expect(err.match(/did you mean residency/g)).toHaveLength(1);
    expect(code).toBe(1);
  });

  it('gives the same as violations in JSON', async () => {
    const bad = fileWith('bad.yaml', 'tenants:\n  - { id: acme, residncy: eu }\n');
    const { out } = await type(['apply', '-f', bad, '--json']);
    expect(JSON.parse(out).violations).toEqual([
      expect.objectContaining({ field: 'tenants[0].residncy' }),
    ]);
  });

  it('closes the database when it fails, and says why', async () => {
    const { calls, compose } = administration(unavailable('database: 42P01'));
    const { code, err } = await type(['apply', '-f', valid], { compose });
    expect(err).toContain('database: 42P01');
    expect(calls).toEqual(['close']);
    expect(code).toBe(1);
  });
});

describe('migrate', () => {
  it('names what it applied', async () => {
    const { calls, compose } = administration();
    const { code, out } = await type('migrate', { compose });
    expect(out).toBe('applied 1_init\n');
    expect(calls).toEqual(['close']);
    expect(code).toBe(0);
  });
});

describe('serve', () => {
  it('says where, serves until told to stop, and stops what it started', async () => {
    const calls: string[] = [];
    const daypass = {
      issuer: 'http://localhost:8080',
      contentOrigin: 'http://localhost:9090',
      idp: undefined,
      stop: async () => {
        calls.push('stopped');
      },
    };
    const { code, out } = await type('serve --json', {
      compose: (async () => ({ startDaypass: async () => daypass })) as never,
      untilStopped: async () => {
        calls.push('told to stop');
      },
    });
    expect(JSON.parse(out)).toEqual({
      issuer: 'http://localhost:8080',
      docs: 'http://localhost:8080/docs',
      content_origin: 'http://localhost:9090',
      idp: null,
    });
    expect(calls).toEqual(['told to stop', 'stopped']);
    expect(code).toBe(0);
  });
});

describe('doctor', () => {
  const broken = { name: 'database', status: 'failed', detail: 'nobody there', fix: 'start it' };

  it('prints what helps, and ends with 1 where anything is wrong', async () => {
    const { code, out } = await type(
      'doctor',
      offlineThat({ examine: async () => [broken] as never }),
    );
    expect(out).toMatch(/^ok +environment: development/);
    expect(out).toMatch(/FAILED +database: nobody there\n +start it\n/);
    expect(code).toBe(1);
  });

  it('ends with 0 where something could not be looked at', async () => {
    const skipped = { name: 'database', status: 'skipped', detail: 'embedded' };
    const { code, out } = await type(
      'doctor --json',
      offlineThat({ examine: async () => [skipped] as never }),
    );
    expect(JSON.parse(out).checks.map(({ status }: { status: string }) => status)).toEqual([
      'ok',
      'skipped',
    ]);
    expect(code).toBe(0);
  });

  it('looks no further where the environment is unusable, and never shows a value', async () => {
    const { code, out } = await type('doctor', {
      env: { DATABASE_URL: 'mysql://me:hunter2@db', NODE_ENV: 'production' },
    });
    expect(out).toContain('FAILED   environment: DATABASE_URL must be a postgres:// URL');
    expect(out).toContain('FAILED   environment: KEY_ENCRYPTION_KEY is required in production');
    expect(out).not.toContain('hunter2');
    expect(code).toBe(1);
  });
});

describe('policy', () => {
  const report = (failed: number) => ({
    folder: 'policies',
    digest: 'sha256:00',
    stages: [{ name: 'cases', passed: 3, failures: failed > 0 ? ['too_wide.json: wrong'] : [] }],
    policies: [{ id: 'p', effect: 'permit', cases: 3, mutants: 2, killed: 2 }],
    passed: 3,
    failed,
  });

  it('test ends with 1 where any folder fails, and names the failure', async () => {
    const offline = offlineThat({
      testPolicies: ((folders: string[]) => [report(0), ...folders.map(() => report(1))]) as never,
    });
    expect((await type('policy test', offline)).code).toBe(0);
    const { code, out } = await type('policy test mine', offline);
    expect(out).toContain('too_wide.json: wrong');
    expect(code).toBe(1);
  });

  it('explain decides the question of a case with all folders, and ends as it was decided', async () => {
    const seen: unknown[] = [];
    const offline = offlineThat({
      explain: (folders, question) => {
        seen.push(folders, question);
        return {
          decision: { effect: 'deny', policies: ['p'], violations: [] },
          digest: 'sha256:00',
          lines: ['deny'],
        };
      },
    });
    const question = { action: 'exchange' };
    const file = fileWith('case.json', JSON.stringify({ name: 'c', question, expect: {} }));
    const line = ['policy', 'explain', file, '--policies', 'x', '--policies', 'y', '--json'];
    const { code, out } = await type(line, offline);
    expect(seen).toEqual([['x', 'y'], question]);
    expect(JSON.parse(out)).toMatchObject({ effect: 'deny', digest: 'sha256:00' });
    expect(code).toBe(1);
  });
});

describe('demo-token', () => {
  it('prints the token alone', async () => {
    const asked: unknown[] = [];
    const offline = offlineThat({
      demoToken: async (request) => {
        asked.push(request);
        return 'header.payload.signature';
      },
    });
    const { out, err } = await type('demo-token --user ana --audience where2eat', offline);
    expect({ out, err }).toEqual({ out: 'header.payload.signature\n', err: '' });
    expect(asked).toEqual([
      { issuer: 'http://localhost:8081', user: 'ana', audience: 'where2eat' },
    ]);
  });
});
