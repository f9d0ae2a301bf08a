import type { Settled } from '../../broker/exchange/settle.ts';
import type { App } from '../../config/deployment.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import type { OAuthError } from '../../protocol/oauth-error.ts';
import { type Html, html, page, trusted } from './html.ts';

/** Whom one may sign in with. */
export interface Choice {
  readonly name: string;
  readonly href: string;
}

/** Links, not buttons: choosing changes nothing here. */
export const chooserPage = (app: App, choices: readonly Choice[]): string =>
  page(
    'Sign in',
    html`<h1>Sign in to continue to ${app.id}</h1>
<p>Choose where you have your account.</p>
<nav aria-label="Identity providers">
${choices.map(({ name, href }) => html`<a class="choice" href="${href}">${name}</a>`)}
</nav>
<footer>${app.id} is run by ${app.owner}.</footer>`,
  );

export interface Consent {
  readonly app: App;
  /** How people know themselves here. */
  readonly person: string;
  readonly settled: Pick<Settled, 'target' | 'parts' | 'scopes' | 'ttl'>;
  /** Seconds for which it may come back without asking; undefined where it may not. */
  readonly renewable: number | undefined;
  readonly action: string;
  readonly formToken: string;
}

export const consentPage = (consent: Consent): string => {
  const { app, person, settled, renewable, action, formToken } = consent;
  return page(
    'Allow access',
    html`<h1>Allow ${app.id} to act for you?</h1>
<p>You are signed in as <strong>${person}</strong>.</p>
<dl>
<dt>What it is for</dt><dd>${app.purpose}</dd>
<dt>Who answers for it</dt><dd>${app.owner}</dd>
</dl>
<h2>What it may do</h2>
<ul>
${touches(settled).map((item) => html`<li>${item}</li>`)}
</ul>
<h2>For how long</h2>
<p>${lasts(settled.ttl, renewable)}</p>
<form method="post" action="${action}">
<input type="hidden" name="token" value="${formToken}">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="second">Do not allow</button>
</form>
<footer>Your security team can see each use, and end it at any time.</footer>`,
  );
};

/** Each thing it may do, in plain words. */
const touches = ({ target, parts, scopes }: Consent['settled']): readonly Html[] => {
  if (target.kind === 'sign-in') return [html`Know that it is you. Nothing else.`];
  if (target.kind === 'bucket') return parts.map(({ detail }) => inStorage(detail));
  if (target.kind === 'admin') return [html`Administer Daypass with your role.`];
  return [html`At <code>${target.id}</code>: ${scopes.join(', ')}.`];
};

const VERBS: Readonly<Record<StorageDetail['actions'][number], string>> = {
  read: 'read files',
  write: 'upload files',
  list: 'see the list of files',
  delete: 'delete files',
};

const inStorage = (detail: StorageDetail): Html => {
  const { actions, locations, prefix, max_size: size, content_types: types } = detail;
  const verbs = actions.map((action) => VERBS[action]).join(', ');
  return html`${capital(verbs)} in <code>${locations[0]}</code>, ${
    prefix === undefined ? 'anywhere in it' : html`under <code>${prefix}</code>`
  }${size === undefined ? '' : `, each of at most ${sizeText(size)}`}${
    types === undefined ? '' : `, of the types ${types.join(', ')}`
  }.`;
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const sizeText = (bytes: number): string => {
  if (bytes >= 1_000_000) return `${Math.floor(bytes / 100_000) / 10} MB`;
  return bytes >= 1_000 ? `${Math.floor(bytes / 100) / 10} kB` : `${bytes} bytes`;
};

const lasts = (ttl: number, renewable: number | undefined): string =>
  renewable === undefined
    ? `${durationText(ttl)} at a time, for as long as you are signed in.`
    : `${durationText(ttl)} at a time, and again without asking you for ${durationText(renewable)}, unless you sign out or it is revoked.`;

const durationText = (seconds: number): string => {
  const [size, name] = UNITS.find(([each]) => seconds >= 2 * each) ?? ([1, 'seconds'] as const);
  return `${Math.floor(seconds / size)} ${name}`;
};

const UNITS = [
  [86_400, 'days'],
  [3_600, 'hours'],
  [60, 'minutes'],
] as const;

/** What went wrong and what to do, for the person at the browser; the rest is in the log under the request id. */
export const failurePage = (error: OAuthError, requestId: string): string =>
  page(
    'Sign-in did not work',
    html`<h1>${error.status >= 500 ? 'This does not work at the moment' : 'Sign-in did not work'}</h1>
<p>${capital(error.message)}.</p>
${
  error.violations.length === 0
    ? html`<p>Go back to the app and try again.</p>`
    : html`<h2>What to do</h2><ul>${error.violations.map(({ remedy }) => html`<li>${capital(remedy)}.</li>`)}</ul>`
}
<footer>If it stays like this, tell whoever runs Daypass this request id: <code>${requestId}</code> (<code>${error.code}</code>).</footer>`,
  );

/** @param form from the library: empty but for its token; our buttons belong to it. */
export const logoutPage = (form: string): string =>
  page(
    'Sign out',
    html`<h1>Sign out?</h1>
<p>Every app that you are signed in to through Daypass in this browser loses its access at once.</p>
${trusted(form)}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button type="submit" form="op.logoutForm" class="second">Stay signed in</button>`,
  );

export const loggedOutPage = (): string =>
  page(
    'Signed out',
    html`<h1>You are signed out</h1>
<p>You can close this window. Your company’s own sign-in may still know you.</p>`,
  );
