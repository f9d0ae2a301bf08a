import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';

const LAUNCHER = join(import.meta.dirname, '../../../bin/daypass.js');
const folder = mkdtempSync(join(tmpdir(), 'daypass-launcher-'));

afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `console.log(import.meta.filename.includes('dist') ? 'built' : 'source', process.argv.slice(2).join(' '));
process.exitCode = 1;`;

/** A place where daypass lies, with these files, and what its launcher does there. */
const launch = (place: string, files: Readonly<Record<string, string>>, preload?: string) => {
  const root = join(folder, place);
  mkdirSync(join(root, 'bin'), { recursive: true });
  cpSync(LAUNCHER, join(root, 'bin/daypass.js'));
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  }
  const options = preload === undefined ? [] : ['--import', `data:text/javascript,${preload}`];
  const args = [...options, join(root, 'bin/daypass.js'), 'tokens', 'list'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stdout: stdout.trim(), stderr };
};

const SOURCE = { 'src/cli/main.ts': PROGRAM };
const BUILT = { 'dist/cli/main.js': PROGRAM };
const ON_NODE_20 = "Object.defineProperty(process.versions,'node',{value:'20.19.0'})";

describe('bin/daypass.js', () => {
  it('runs the sources of a checkout, with the arguments and the status', () => {
    const ended = launch('checkout', { ...SOURCE, ...BUILT });
    expect(ended).toMatchObject({ status: 1, stdout: 'source tokens list' });
  });

  it('runs what was built where it is installed: Node strips no types there', () => {
    const ended = launch('node_modules/daypass', { ...SOURCE, ...BUILT });
    expect(ended).toMatchObject({ status: 1, stdout: 'built tokens list' });
  });

  it('runs what was built where there are no sources', () => {
    expect(launch('image', BUILT)).toMatchObject({ status: 1, stdout: 'built tokens list' });
  });

  it('says so where there is neither', () => {
    const { status, stderr } = launch('nothing', {});
    expect(stderr).toContain('npm run build');
    expect(status).toBe(2);
  });

  it('hands over to the Node that the install brought where its own is too old', () => {
    const node = `#!/bin/sh\nexec ${process.execPath} "$@"\n`;
    const ended = launch('old', { ...SOURCE, 'node_modules/.bin/node': node }, ON_NODE_20);
    expect(ended).toMatchObject({ status: 1, stdout: 'source tokens list' });
  });

  it('says what is missing where there is no other Node', () => {
    const { status, stderr } = launch('older', SOURCE, ON_NODE_20);
    expect(stderr).toMatch(/runs on Node 24.*npm ci/);
    expect(status).toBe(2);
  });
});
