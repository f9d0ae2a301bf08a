import { createHash } from 'node:crypto';
import { DEMO_PASSWORD, PEOPLE } from './people.ts';

/** The demo IdP's pages: plain HTML, complete without a script. */

const STYLE = `
  :root { color-scheme: light dark; font: 1.125rem/1.5 system-ui, sans-serif; }
  body { max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }
  label { display: block; margin-top: 1rem; font-weight: 600; }
  input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem .75rem; }
  button { min-height: 2.75rem; margin-top: 1.5rem; border: 0; border-radius: .3rem; cursor: pointer;
    background: light-dark(#17442b, #a9e5c1); color: light-dark(#fff, #0b2416); font-weight: 600; }
  :focus-visible { outline: 3px solid light-dark(#b35900, #ffb454); outline-offset: 2px; }
  [role=alert] { border-left: .3rem solid #c00; padding: .5rem .75rem; }
  table { border-collapse: collapse; margin-top: 2rem; width: 100%; }
  caption, th, td { text-align: left; padding: .25rem 0; }`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * No script, no frame, nothing from elsewhere. Forms go on to a client's redirect URI, and
 * browsers hold the whole chain of redirects to `form-action`: the demo's lie on loopback.
 */
export const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    "form-action 'self' http://localhost:* http://127.0.0.1:*",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** `body` is HTML: whoever writes it escapes what came from outside. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escapeHtml(title)} · Acme demo sign-in</title>
  <style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;

interface LoginPage {
  /** Where the form goes. */
  readonly action: string;
  /** Who asked for this sign-in. */
  readonly client: string;
  readonly user?: string;
  readonly failure?: string;
}

export const loginPage = ({ action, client, user = '', failure }: LoginPage): string => {
  const alert = failure ? `<p role="alert" id="failure">${escapeHtml(failure)}</p>` : '';
  const invalid = failure ? ' aria-invalid="true" aria-describedby="failure"' : '';
  const people = PEOPLE.map(
    (person) => `<tr><th scope="row">${person.user}</th><td>${escapeHtml(person.role)}</td></tr>`,
  );
  return page(
    failure ? 'Error: sign in' : 'Sign in',
    `<p>to continue to <strong>${escapeHtml(client)}</strong></p>
${alert}
<form method="post" action="${escapeHtml(action)}">
  <label for="user">User</label>
  <input id="user" name="user" value="${escapeHtml(user)}" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus${invalid}>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required${invalid}>
  <button type="submit">Sign in</button>
</form>
<table>
  <caption>A demo company. Everyone’s password is <code>${DEMO_PASSWORD}</code>.</caption>
  ${people.join('\n  ')}
</table>`,
  );
};

export const failurePage = (error: string, description: string): string =>
  page(
    'This sign-in cannot go on',
    `<p role="alert">${escapeHtml(error)}${description ? `: ${escapeHtml(description)}` : ''}</p>
<p>Go back to the application and start again.</p>`,
  );

/** `form` is the library's, with the id the buttons name. */
export const logoutPage = (form: string): string =>
  page(
    'Sign out?',
    `${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`,
  );

export const signedOutPage = (): string => page('Signed out', '<p>You may close this page.</p>');
