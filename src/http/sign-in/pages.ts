import type { Settled } from '../../broker/exchange/settle.ts';
import type { App } from '../../config/deployment.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import type { OAuthError } from '../../protocol/oauth-error.ts';
import { type Html, html, page, trusted } from './html.ts';

/** Whom one may sign in with. */
export interface Choice {
  readonly name: string;
  /** Where they will find themselves next. */
  readonly host: string;
  readonly href: string;
}

/** Links, not buttons: choosing changes nothing here. */
export const chooserPage = (app: App, choices: readonly Choice[]): string =>
  page(
    'Sign in',
    html`<h1>Sign in to continue to ${app.id}</h1>
<p>Choose where you have your account.</p>
<nav aria-label="Identity providers">
${choices.map(
  ({ name, host, href }) =>
    html`<a class="action second" href="${href}">${name} <small>${host}</small></a>`,
)}
</nav>
<footer>${app.id} is run by ${app.owner}.</footer>`,
  );

/** Who is signed in, as they would know themselves. */
export interface Person {
  /** A name, an e-mail address, or both, where their company tells. */
  readonly called: string | undefined;
  readonly subject: string;
  /** Where they signed in: our id of the issuer. */
  readonly at: string;
}

export interface Consent {
  readonly app: App;
  readonly person: Person;
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
    html`<h1>${
      settled.target.kind === 'sign-in'
        ? `Let ${app.id} know who you are?`
        : `Allow ${app.id} to act for you?`
    }</h1>
<p>You are signed in as <strong>${nameOf(person)}</strong>, at ${person.at}.</p>
<dl>
<dt>What it is for</dt><dd>${app.purpose}</dd>
<dt>Who answers for it</dt><dd>${app.owner}</dd>
</dl>
<h2>What it may do</h2>
${touches(settled)}
<h2>For how long</h2>
<p>${lasts(settled, renewable)}</p>
<form method="post" action="${action}" class="actions">
<input type="hidden" name="token" value="${formToken}">
<button type="submit" name="decision" value="allow" class="action">Allow</button>
<button type="submit" name="decision" value="deny" class="action second">Do not allow</button>
</form>
<footer>Your security team can see each use, and end it at any time.</footer>`,
  );
};

/** Characters: a subject that is longer is a number or a hash, of which nobody knows more than how it begins. */
const READABLE = 32;

const nameOf = ({ called, subject }: Person): string => {
  if (called !== undefined) return called;
  return subject.length <= READABLE ? subject : `${subject.slice(0, 12)}…`;
};

/** Each thing it may do, in plain words. */
const touches = ({ target, parts, scopes }: Consent['settled']): Html => {
  if (target.kind === 'sign-in') return html`<p>Know that it is you. Nothing else.</p>`;
  if (target.kind === 'admin') return html`<p>Administer Daypass with your role.</p>`;
  if (target.kind === 'bucket') return html`${byPlace(parts).map(inStorage)}`;
  return html`<p>At <code>${target.id}</code>:</p>
<ul>
${scopes.map((scope) => html`<li>${scope}</li>`)}
</ul>`;
};

/** Actions are granted one by one; people read of a place once. */
const byPlace = (parts: Consent['settled']['parts']): readonly StorageDetail[] => {
  const places = new Map<string, StorageDetail>();
  for (const { detail } of parts) {
    const { actions, ...place } = detail;
    const key = JSON.stringify(place);
    const known = places.get(key)?.actions ?? [];
    places.set(key, { ...place, actions: [...new Set([...known, ...actions])] });
  }
  return [...places.values()];
};

const VERBS: Readonly<Record<StorageDetail['actions'][number], string>> = {
  read: 'read files',
  write: 'upload files',
  list: 'see the list of files',
  delete: 'delete files',
};

const inStorage = ({ actions, locations, prefix, max_size, content_types }: StorageDetail): Html =>
  html`<ul>
${actions.map((action) => html`<li>${VERBS[action]}</li>`)}
</ul>
<dl>
<dt>Only here</dt><dd><code>${locations[0]}</code>, ${
    prefix === undefined ? 'anywhere in it' : html`under <code>${prefix}</code>`
  }</dd>
${limits(max_size, content_types)}
</dl>`;

const limits = (
  size: StorageDetail['max_size'],
  types: StorageDetail['content_types'],
): Html | undefined => {
  const said = [
    ...(size === undefined ? [] : [`each of at most ${sizeText(size)}`]),
    ...(types === undefined ? [] : [`of the types ${types.join(', ')}`]),
  ];
  return said.length === 0 ? undefined : html`<dt>Only such files</dt><dd>${said.join('; ')}</dd>`;
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const sizeText = (bytes: number): string => {
  if (bytes >= 1_000_000) return `${Math.floor(bytes / 100_000) / 10} MB`;
  return bytes >= 1_000 ? `${Math.floor(bytes / 100) / 10} kB` : `${bytes} bytes`;
};

const lasts = ({ target, ttl }: Consent['settled'], renewable: number | undefined): string => {
  const pass = durationText(ttl);
  if (target.kind === 'admin') return `${pass}, once.`;
  return renewable === undefined
    ? `${pass} at a time, for as long as you are signed in.`
    : `${pass} at a time, and again without asking you for ${durationText(renewable)}, unless you sign out or it is revoked.`;
};

const durationText = (seconds: number): string => {
  const [size, name] = UNITS.find(([each]) => seconds >= 2 * each) ?? ([1, 'seconds'] as const);
  return `${Math.floor(seconds / size)} ${name}`;
};

const UNITS = [
  [86_400, 'days'],
  [3_600, 'hours'],
  [60, 'minutes'],
] as const;

/** What did not work, and whose turn it is: what an app sent is for whoever wrote it to mend. */
export interface Failed {
  readonly what: 'Sign-in' | 'Sign-out';
  readonly mender: 'person' | 'app';
}

/** What went wrong and what to do, for the person at the browser; the rest is in the log under the request id. */
export const failurePage = (
  error: OAuthError,
  requestId: string,
  { what, mender }: Failed,
): string => {
  const isOurs = error.status >= 500;
  const title = isOurs ? 'This does not work at the moment' : `${what} did not work`;
  return page(
    title,
    html`<h1>${title}</h1>
${mender === 'app' && !isOurs ? ofApp(error) : ofPerson(error)}
<footer>If it stays like this, tell whoever runs Daypass this request id: <code>${requestId}</code> (<code>${error.code}</code>).</footer>`,
  );
};

const ofPerson = ({ message, violations }: OAuthError): Html => html`<p>${capital(message)}.</p>
${
  violations.length === 0
    ? html`<p>Go back to the app and try again.</p>`
    : html`<h2>What to do</h2>
<ul>${violations.map(({ remedy }) => html`<li>${capital(remedy)}.</li>`)}</ul>`
}`;

const ofApp = ({
  message,
  violations,
}: OAuthError): Html => html`<p>The app that sent you here asked for something that cannot be. It is nothing you did, and nothing has changed.</p>
<p>Go back to the app and try again; if it stays like this, show this page to whoever runs the app.</p>
<h2>For whoever runs the app</h2>
<p><code>${message}</code></p>
<ul>${violations.map(({ remedy }) => html`<li>${capital(remedy)}.</li>`)}</ul>`;

/**
 * @param form from the library: empty but for its token; our button belongs to it.
 * @param back where the app wants the person afterwards; a link, since staying changes nothing.
 */
export const logoutPage = (form: string, back: string | undefined): string =>
  page(
    'Sign out',
    html`<h1>Sign out?</h1>
<p>Every app that you are signed in to through Daypass in this browser loses its access at once.</p>
${trusted(form)}
<div class="actions">
<button type="submit" form="op.logoutForm" name="logout" value="yes" class="action">Sign out</button>
${back === undefined ? undefined : html`<a class="action second" href="${back}">Stay signed in</a>`}
</div>
${back === undefined ? html`<p>To stay signed in, close this page.</p>` : undefined}`,
  );

export const loggedOutPage = (): string =>
  page(
    'Signed out',
    html`<h1>You are signed out</h1>
<p>Nobody is signed in to Daypass in this browser. You can close this page.</p>
<p>Your company’s own sign-in may still know you: sign out there too on a computer that others use.</p>`,
  );
