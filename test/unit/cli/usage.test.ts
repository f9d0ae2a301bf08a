import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'daypass-cli-'));
const fileWith = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

const COMMANDS = [
  'serve',
  'migrate',
  'apply',
  'doctor',
  'exchange',
  'upload',
  'download',
  'tokens list',
  'tokens show',
  'revoke',
  'revocations list',
  'revocations lift',
  'audit search',
  'uploads list',
  'uploads show',
  'uploads quarantine',
  'uploads release',
  'uploads delete',
  'apps list',
  'apps show',
  'apps register',
  'apps rotate-secret',
  'apps remove',
  'config get',
  'policy test',
  'policy explain',
  'demo-token',
];

describe('usage', () => {
  it.each([
    ['no command', '', /Usage: daypass/],
    ['an unknown command', 'frobnicate', /unknown command 'frobnicate'/],
    ['a command of a later release', 'scan', /unknown command 'scan'/],
    ['a subcommand of a later release', 'audit export', /unknown command 'export'/],
    ['a group without its command', 'tokens', /Usage: daypass tokens/],
    ['an unknown option', 'serve --fast', /unknown option '--fast'/],
    ['an argument too many', 'migrate now', /too many arguments/],
    ['a missing file', 'apply', /--file <file>/],
    ['a missing audience', 'demo-token --user ana', /--audience <client>/],
    ['a missing argument', 'tokens show', /missing required argument 'token-id'/],
    ['a missing resource', 'upload menu.csv --app a', /--resource <id>/],
    ['a lifetime that is none', 'exchange --resource bucket:b --ttl 5m', /positive whole number/],
    ['a lifetime of nothing', 'exchange --resource bucket:b --ttl 0', /positive whole number/],
    ['a server that is no URL', 'config get --server localhost', /http or https URL/],
    ['a server of another scheme', 'config get --server file:///etc', /http or https URL/],
    ['an outcome that is none', 'audit search --outcome maybe', /Allowed choices/],
    ['a time that is none', 'audit search --since yesterday', /2027-01-31T12:00:00Z/],
    ['two ways to sign in', 'config get --as sam --id-token x', /cannot be used with/],
    ['a revocation without a reason', 'revoke --app a', /--reason <text>/],
    ['a revocation without a target', 'revoke --reason r', /name one target/],
    ['a revocation of two targets', 'revoke --reason r --app a --user u', /name one target/],
    ['an example where the reason is missing', 'revoke --app a', /such as: .* --app .* --reason/],
    ['an example where no target is', 'revoke --reason r', /no target.*such as: .*--app where2eat/],
    ['which target is one too many', 'revoke --reason r --app a --user u', /more than one target/],
    ['an example for a kind that is none', 'revoke --group g --reason r', /--group.*such as: /s],
    ['an example for a bare target', 'revoke app:a --reason r', /arguments.*such as: /s],
    ['no ID token', 'config get', /DAYPASS_ID_TOKEN/],
    ['a demo user without the app', 'exchange --as ana --resource bucket:b', /--as needs --app/],
    ['a file that is not there', 'apply -f /nowhere.yaml', /cannot be read: ENOENT/],
    [
      'an upload that is not there',
      'upload /no.csv --resource bucket:b',
      /\/no.csv cannot be read/,
    ],
    ['a download to two places', 'download ob_1 --resource bucket:b --json', /needs -o FILE/],
  ])('is the complaint about %s', async (_, line, message) => {
    const { code, out, err } = await type(line);
    expect(`${out}${err}`).toMatch(message);
    expect(code).toBe(2);
  });

  it('is not wrong to ask for help or the version', async () => {
    expect(await type('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
    const { code, out } = await type('--help');
    expect(code).toBe(0);
    for (const name of new Set(COMMANDS.map((command) => command.split(' ')[0])))
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out).toContain('Exit status: 0 ok, 1 refused or found something, 2 usage.');
  });

  it.each(COMMANDS)('of %s is told by --help, with --json', async (command) => {
    const { code, out, err } = await type(`${command} --help`);
    expect(code).toBe(0);
    expect(err).toBe('');
    expect(out).toContain(`Usage: daypass ${command}`);
    expect(out).toContain('--json');
  });

  it.each(
    COMMANDS.filter((name) =>
      /^(exchange|upload|apps|download|tokens|rev|audit|config)/.test(name),
    ),
  )('of %s tells how to sign in and where', async (command) => {
    const { out } = await type(`${command} --help`);
    for (const option of ['--server', '--id-token', '--as']) expect(out).toContain(option);
    expect(out).toContain('DAYPASS_ID_TOKEN');
  });

  it('is told in JSON where JSON was asked for', async () => {
    const { code, out, err } = await type('revoke --reason r --json');
    expect(code).toBe(2);
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({ error: 'usage', violations: [] });
  });

  it('has no demo IdP in production', async () => {
    const env = { NODE_ENV: 'production' };
    for (const line of ['demo-token --user ana --audience a', 'config get --as sam']) {
      const { code, err } = await type(line, { env });
      expect(err).toContain('no demo IdP in production');
      expect(code).toBe(2);
    }
  });

  it('names every problem of the environment at once', async () => {
    const { code, err } = await type('serve', { env: { PORT: 'x', LOG_LEVEL: 'loud' } });
    expect(err).toMatch(/PORT: must be a port[\s\S]*LOG_LEVEL: must be one of/);
    expect(code).toBe(2);
  });

  it('keeps an empty file from removing everything', async () => {
    const { code, err } = await type(['apply', '-f', fileWith('empty.yaml', '# nothing yet\n')]);
    expect(err).toContain('would remove every app and bucket');
    expect(code).toBe(2);
  });

  it.each([
    ['what is not JSON', '{', 'is not JSON'],
    ['JSON that asks nothing', '{"name":"x"}', 'holds no question'],
    ['null', 'null', 'holds no question'],
  ])('of policy explain leaves out %s', async (_, text, message) => {
    const { code, err } = await type(['policy', 'explain', fileWith('question.json', text)]);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  it('of --key leaves a file alone that holds no key', async () => {
    const file = fileWith('key.pem', 'something else');
    const { code, err } = await type(['exchange', '--resource', 'bucket:b', '--key', file]);
    expect(err).toContain('not a P-256 private key');
    expect(code).toBe(2);
  });
});
