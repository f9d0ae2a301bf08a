import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Section } from './app.ts';
import type { Reply } from './reply.ts';
import { methodNotAllowed } from './unanswered.ts';
import { headerOf, type Visit } from './visit.ts';

/**
 * The API's documentation for people: Swagger UI from its package, which asks no other host for anything.
 *
 * @param openapiUrl where the description is, as the browser sees it; the same origin, or CSP refuses it.
 */
export const createPages = (openapiUrl: string): Section => {
  const pages = pagesOf(openapiUrl);
  return async (visit) => {
    const page = pages.get(visit.path);
    if (!page && visit.path !== '/') return undefined;
    visit.route = '/docs';
    if (!READS.includes(visit.method)) throw methodNotAllowed(READS);
    if (!page) return { status: 302, headers: { Location: '/docs' } };
    return toReply(visit, page.type, await page.content());
  };
};

const READS = ['GET', 'HEAD'];

interface Page {
  readonly type: string;
  readonly content: () => Promise<Content>;
}

interface Content {
  readonly bytes: Buffer;
  readonly etag: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

const pagesOf = (openapiUrl: string): ReadonlyMap<string, Page> => {
  const own = (type: string, text: string): Page => {
    const content = Promise.resolve(toContent(Buffer.from(text)));
    return { type, content: () => content };
  };
  const page = own('text/html; charset=utf-8', PAGE);
  return new Map([
    ['/docs', page],
    ['/docs/', page],
    ['/docs/init.js', own(SCRIPT, initScript(openapiUrl))],
    ['/docs/swagger-ui.css', asset('text/css; charset=utf-8', 'swagger-ui.css')],
    ['/docs/legible.css', own('text/css; charset=utf-8', LEGIBLE)],
    ['/docs/swagger-ui-bundle.js', asset(SCRIPT, 'swagger-ui-bundle.js')],
    ['/docs/favicon-32x32.png', asset('image/png', 'favicon-32x32.png')],
  ]);
};

/** Read when first asked for, since most brokers are never asked, and kept: the package does not change. */
const asset = (type: string, name: string): Page => {
  let read: Promise<Content> | undefined;
  return {
    type,
    content: () => {
      read ??= readFile(join(packageFolder(), name)).then(toContent);
      return read;
    },
  };
};

const packageFolder = (): string =>
  dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const toContent = (bytes: Buffer): Content => ({
  bytes,
  etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
});

const toReply = (visit: Visit, type: string, { bytes, etag }: Content): Reply => {
  const headers = { ...PROTECTION, 'Cache-Control': 'no-cache', ETag: etag };
  // RFC 9110 §13.1.2: entity tags are quoted, so none is part of another.
  if (headerOf(visit, 'if-none-match').includes(etag)) return { status: 304, headers };
  return { status: 200, headers: { ...headers, 'Content-Type': type }, body: bytes };
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // the icons in Swagger UI's style sheet
  "connect-src 'self'", //   the description, and requests tried out
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

const PROTECTION = {
  'Content-Security-Policy': POLICY.join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daypass API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/legible.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The description itself: <a href="/openapi.json">/openapi.json</a></noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</body>
</html>
`;

/** Swagger UI's colours where they are too pale to read (WCAG 2.2, 1.4.3). */
const LEGIBLE = `.swagger-ui .opblock .opblock-summary-method,
.swagger-ui .info .title small pre { color: #000; text-shadow: none; }
.swagger-ui .opblock-options .opblock-summary-method { color: #fff; }
.swagger-ui .info .title small { background: #c3c8d1; }
.swagger-ui .info .title small.version-stamp { background: #89bf04; }
.swagger-ui .info .link .url, .swagger-ui .info a { color: #1d5fa8; }
.swagger-ui .btn.authorize, .swagger-ui .btn.authorize span { color: #14663d; border-color: #14663d; }
.swagger-ui .json-schema-2020-12-expand-deep-button { color: #505050; }
`;

/** Without the validator badge, which would tell another host where this broker is. */
const initScript = (openapiUrl: string): string => `SwaggerUIBundle({
  url: ${JSON.stringify(openapiUrl)},
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
});
`;
