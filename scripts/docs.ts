/**
 * Writes what is generated: `node scripts/docs.ts`. With `--check` it writes nothing, and fails with a diff
 * where a file is not what its source says.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { configuration, envExample } from './docs/configuration.ts';
import { deploymentJsonSchema } from './docs/deployment-schema.ts';
import { enforcement } from './docs/enforcement.ts';
import { errors } from './docs/errors.ts';
import type { Generator } from './docs/generator.ts';
import { openApi } from './docs/openapi.ts';
import { roomsTable } from './docs/rooms-table.ts';

const GENERATORS: readonly Generator[] = [
  configuration,
  envExample,
  deploymentJsonSchema,
  enforcement,
  errors,
  openApi,
  roomsTable,
];

const root = join(import.meta.dirname, '..');

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** As the formatter would leave it, so that it has nothing to change in what is generated. */
const formatted = (path: string, text: string): string => {
  if (!path.endsWith('.md')) return text;
  const biome = join(root, 'node_modules/.bin/biome');
  const args = ['format', `--stdin-file-path=${path}`];
  return execFileSync(biome, args, { cwd: root, input: text, encoding: 'utf8' });
};

/** Lines that only one side has: enough to see what was forgotten. */
const difference = (before: string, after: string): string => {
  const old = before.split('\n');
  const now = after.split('\n');
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
};

const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;

for (const { path, render } of GENERATORS) {
  const file = join(root, path);
  const before = read(file);
  const after = formatted(path, await render(before));
  if (before === after) continue;
  if (check) {
    console.error(`${path} is not what its source says; run: node scripts/docs.ts`);
    console.error(difference(before, after));
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, after);
    console.log(`wrote ${path}`);
  }
}
