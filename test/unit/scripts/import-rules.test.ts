import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ROOMS } from '../../../scripts/rooms.ts';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'daypass-rooms-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A small house: each file with what it imports. */
const FILES: Readonly<Record<string, string>> = {
  'src/protocol/word.ts': 'export const word = 1;',
  'src/ledger/ledger.ts': "export type { Row } from './postgres/row.ts';",
  'src/ledger/postgres/row.ts': "import '@prisma/client'; export interface Row {}",
  'src/ledger/artifacts.ts': "import '@prisma/client';",
  'src/identity/verifier.ts': "import '../protocol/word.ts'; import 'jose'; import 'node:crypto';",
  'src/identity/nested/upwards.ts':
    "import type { Row } from '../../ledger/ledger.ts'; export type R = Row;",
  'src/policy/lazy.ts': "export const load = () => import('../identity/verifier.ts');",
  'src/broker/door.ts': "import '../identity/verifier.ts'; import '../ledger/ledger.ts';",
  'src/broker/window.ts': "export { type Row } from '../ledger/postgres/row.ts';",
  'src/broker/package.ts': "import 'zod'; import '../nowhere.ts';",
  'src/oauth/types.ts': "import type { Provider } from 'oidc-provider'; export type P = Provider;",
  'src/http/types.ts': "import type { Provider } from 'oidc-provider'; export type P = Provider;",
  'src/compose.ts':
    "import './ledger/postgres/row.ts'; import './demo/demo.ts'; import './attic/box.ts';",
  'src/demo/demo.ts': "import '../ledger/postgres/row.ts'; import 'anything';",
  'src/cli/daypass.ts': "import '../compose.ts'; import 'commander';",
  'src/keys/signer.ts': "import '../compose.ts';",
  'src/attic/box.ts': 'export const box = 1;',
  'src/cellar/alone.ts': 'export const alone = 1;',
  'src/helper.ts': "import './protocol/word.ts';",
};

interface Output {
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
}

const cruise = (): string[] => {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const cli = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const config = join(root, '.dependency-cruiser.js');
  const { stdout } = spawnSync(
    process.execPath,
    [cli, '--config', config, '--output-type', 'json', 'src'],
    { cwd: folder, encoding: 'utf8' },
  );
  const { summary } = JSON.parse(stdout) as Output;
  return summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} → ${to}`).sort();
};

describe('the import rules', () => {
  it('refuse exactly what the table does not list: on resolved paths, types and lazy imports included', () => {
    expect(cruise()).toEqual([
      'room-broker: src/broker/package.ts → ../nowhere.ts',
      'room-broker: src/broker/package.ts → zod',
      'room-broker: src/broker/window.ts → src/ledger/postgres/row.ts',
      'room-http: src/http/types.ts → oidc-provider',
      'room-identity: src/identity/nested/upwards.ts → src/ledger/ledger.ts',
      'room-keys: src/keys/signer.ts → src/compose.ts',
      'room-ledger: src/ledger/artifacts.ts → @prisma/client',
      'room-policy: src/policy/lazy.ts → src/identity/verifier.ts',
      'room-unlisted-1: src/helper.ts → src/protocol/word.ts',
      'room-unlisted-2: src/compose.ts → src/attic/box.ts',
      'room-unlisted-3: src/cellar/alone.ts → src/cellar/alone.ts',
    ]);
  });
});

describe('the table of rooms', () => {
  it('has no circle: a room imports only rooms above it, but for demo', () => {
    const above: string[] = [];
    for (const { name, rooms } of ROOMS) {
      if (rooms !== 'any') expect(rooms.filter((room) => !above.includes(room))).toEqual([]);
      above.push(name);
    }
    expect(ROOMS.filter(({ rooms }) => rooms === 'any').map(({ name }) => name)).toEqual([
      'compose',
      'demo',
    ]);
  });

  it('lists every folder of src', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(folders.filter((name) => !ROOMS.some((room) => room.name === name))).toEqual([]);
  });
});
