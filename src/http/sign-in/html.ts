import { createHash } from 'node:crypto';
import type { Reply } from '../reply.ts';

/** Text that is markup: made by `html` alone, so that nothing gets in unescaped. */
export interface Html {
  readonly markup: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? '');

type Part = string | number | Html | readonly Html[] | undefined;

/** Markup around values; whatever is not markup itself is escaped. */
export const html = (texts: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  markup: String.raw({ raw: texts }, ...parts.map(toMarkup)),
});

const toMarkup = (part: Part): string => {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return 'markup' in part ? part.markup : part.map(({ markup }) => markup).join('\n');
};

/** Markup from the library, which has escaped it. */
export const trusted = (markup: string): Html => ({ markup });

/**
 * Contrast of text is at least 7:1, by day and by night (WCAG 2.2, 1.4.6), and everything that is pressed is at least
 * 44 px high.
 */
const STYLE = `
:root { color-scheme: light dark; --ground: #f4f5f7; --paper: #fff; --ink: #1a1d21; --quiet: #3f4650; --line: #d5d9df;
  --accent: #0b4a8f; --on-accent: #fff; --focus: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ground: #0f1216; --paper: #191d23; --ink: #eceff3; --quiet: #b9c1cb;
  --line: #3a424d; --accent: #9cc9ff; --on-accent: #08203c; --focus: #ffb454; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 34rem; min-height: 100vh; margin: 0 auto; padding: 1.5rem;
  background: var(--paper); }
@media (min-width: 40rem) { main { min-height: 0; margin: 3rem auto; padding: 2rem 2.25rem; border-radius: .5rem;
  box-shadow: 0 1px 4px #0003; } }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.1rem; }
h1, h2, p, ul, dl { overflow-wrap: anywhere; }
p, ul, dl { margin: 0 0 1rem; }
ul { padding-left: 1.25rem; }
dt { color: var(--quiet); font-size: .875rem; }
dd { margin: 0 0 .75rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
.actions { margin-top: 2rem; }
.action { box-sizing: border-box; display: block; width: 100%; min-height: 2.75rem; margin: 0 0 .75rem;
  padding: .6rem 1rem; border: 2px solid var(--accent); border-radius: .4rem; background: var(--accent);
  color: var(--on-accent); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
.action.second { background: transparent; color: var(--accent); }
.action small { display: block; font-weight: 400; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
footer { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .875rem; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** A whole page; it needs no script, and asks no other host for anything. */
export const page = (title: string, content: Html): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Daypass</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`.markup;

/**
 * How a page answers: for nobody's cache, in nobody's frame, and without a script.
 *
 * @param formTargets where its forms may lead besides here: a browser holds every redirect after a form to it.
 */
export const pageReply = (
  status: number,
  body: string,
  formTargets: readonly string[] = [],
): Reply => ({
  status,
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': [
      "default-src 'none'",
      `style-src 'sha256-${STYLE_HASH}'`,
      `form-action ${["'self'", ...formTargets].join(' ')}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Frame-Options': 'DENY',
    'Cache-Control': 'no-store',
    // Not `no-referrer`: browsers then send a form's `Origin` as null, which is nobody's.
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'unsafe-none', // the app may have opened this as a popup
  },
  body,
});

/** What a form may lead to, as CSP names it: an origin, or the scheme of a native app. */
export const formTargetOf = (uri: string): string => {
  const { protocol, origin } = new URL(uri);
  return origin === 'null' ? protocol : origin;
};
