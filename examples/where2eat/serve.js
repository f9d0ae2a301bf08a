/**
 * Serves Where2Eat's files, and nothing else: the app runs in the browser, and this server holds no secret.
 *
 *   node examples/where2eat/serve.js
 *
 * PORT (5173), BROKER (http://localhost:8080), AUTHORITY (where to sign in; the broker unless it says otherwise) and
 * STORAGE (where uploads go to and downloads come from; any port of localhost).
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

const {
  PORT = '5173',
  BROKER = 'http://localhost:8080',
  STORAGE = 'http://localhost:*',
} = process.env;
const AUTHORITY = process.env.AUTHORITY ?? BROKER;

const PUBLIC = join(import.meta.dirname, 'public');
const LIBRARY = join(
  dirname(createRequire(import.meta.url).resolve('oidc-client-ts/package.json')),
  'dist/browser/oidc-client-ts.min.js',
);

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Scripts of its own alone, and calls to whom it needs: an injected script has nowhere to send anything. */
const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    `connect-src 'self' ${[...new Set([BROKER, AUTHORITY, STORAGE])].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};

const files = new Map([
  ['/', join(PUBLIC, 'index.html')],
  ['/callback', join(PUBLIC, 'index.html')],
  ...['app.js', 'sign-in.js', 'daypass.js', 'where2eat.css'].map((name) => [
    `/${name}`,
    join(PUBLIC, name),
  ]),
  ['/vendor/oidc-client-ts.js', LIBRARY],
]);

const settings = JSON.stringify({ broker: BROKER, authority: AUTHORITY });

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://here');
  const file = files.get(pathname);
  if (pathname === '/settings.json') {
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'application/json' }).end(settings);
  } else if (file === undefined) {
    response.writeHead(404, HEADERS).end();
  } else {
    const type = TYPES[extname(file)];
    response.writeHead(200, { ...HEADERS, 'Content-Type': type }).end(await readFile(file));
  }
});

server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`Where2Eat is at http://localhost:${port}/ and signs in at ${AUTHORITY}`);
});
