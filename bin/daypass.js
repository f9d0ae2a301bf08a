#!/usr/bin/env node
// Finds a Node 24 and the program. Plain JavaScript: it must run, and explain itself, on any Node.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const fail = (message) => {
  console.error(message);
  process.exit(2);
};

/** The sources in a checkout; what was built where there are none, or where Node strips no types. */
const program = () => {
  const source = join(root, 'src', 'cli', 'main.ts');
  const built = join(root, 'dist', 'cli', 'main.js');
  const isInstalled = root.split(sep).includes('node_modules');
  if (existsSync(source) && !isInstalled) return source;
  if (existsSync(built)) return built;
  return fail('daypass is not built here: run npm ci in a checkout, or npm run build');
};

const main = program();

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(pathToFileURL(main).href);
} else {
  const node = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(node)) {
    fail(
      `daypass runs on Node 24; this is ${process.version}, and there is no ${node}. ` +
        'Install Node 24, or run npm ci with scripts and development dependencies, which brings it along.',
    );
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  // The terminal tells both of Ctrl-C; a supervisor tells only us. Either way the child ends first.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === 'SIGINT' ? 2 : 15);
  });
}
