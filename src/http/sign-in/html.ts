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

/** Contrast is at least 7:1 (WCAG 2.2, 1.4.6), and everything that is pressed is at least 44 px high. */
const STYLE = `
:root { color-scheme: light; }
body { margin: 0; background: #f4f5f7; color: #1a1d21; font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 34rem; margin: 0 auto; padding: 1.5rem; background: #fff; min-height: 100vh; }
@media (min-width: 40rem) { main { margin: 3rem auto; min-height: 0; border-radius: .5rem; box-shadow: 0 1px 4px #0003; } }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
p, ul, dl { margin: 0 0 1rem; overflow-wrap: anywhere; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
code { font-family: ui-monospace, monospace; }
a.choice, button { box-sizing: border-box; display: block; width: 100%; min-height: 2.75rem; margin: 0 0 .75rem; padding: .6rem 1rem;
  border: 2px solid #0b4a8f; border-radius: .4rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none;
  background: #0b4a8f; color: #fff; cursor: pointer; }
button.second { background: #fff; color: #0b4a8f; }
a { color: #0b4a8f; }
:focus-visible { outline: 3px solid #b35900; outline-offset: 2px; }
footer { margin-top: 2rem; color: #3f4650; font-size: .875rem; }
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
