import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App } from '../../config/deployment.ts';
import type { OAuthError } from '../../protocol/oauth-error.ts';
import type { Asked } from '../exchange/asked.ts';
import type { Limit } from '../exchange/authority.ts';
import type { KeptSignIn } from './kept-sign-ins.ts';
import { mayRefresh } from './redeem.ts';

/** What somebody is shown of an app before they agree to it: where it differs, they have not agreed. */
export interface ShownApp {
  readonly tenant: string;
  readonly owner: string;
  readonly purpose: string;
  /** Where the answer goes. */
  readonly redirectUri: string;
  /** Seconds for which it may come back without asking; undefined where it may not. */
  readonly renewable?: number;
}

export const shownOf = (app: App, redirectUri: unknown): ShownApp => ({
  tenant: app.tenant,
  owner: app.owner,
  purpose: app.purpose,
  redirectUri: String(redirectUri),
  ...(mayRefresh(app) && { renewable: app.refresh.max_age }),
});

/** An authorization request that waits for its person: to sign in, or to agree. */
export interface Interaction {
  readonly uid: string;
  readonly waitsFor: 'sign-in' | 'agreement';
  readonly app: App;
  readonly shown: ShownApp;
  readonly asked: Asked;
  /** Whether what comes of it will be bound to a key, as far as is known. */
  readonly bound: boolean;
  /** Set where it waits for agreement. */
  readonly kept: KeptSignIn | undefined;
  /** For the form: whoever sends it has read the page, as it would read now. */
  readonly formToken: string;
  /** What the client wants of the sign-in. */
  readonly wanted: {
    /** Seconds since the person last proved themselves. */
    readonly maxAge: number | undefined;
    readonly acrValues: readonly string[] | undefined;
    readonly prompt: 'login' | 'select_account' | undefined;
    readonly loginHint: string | undefined;
  };
}

/** What the pages that people see ask of the authorization server. All of it answers with where the browser goes next. */
export interface Interactions {
  /** @throws {OAuthError} `invalid_request` where this browser has none, or none any more. */
  find(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
  /** The browser is the one that the interaction began in: the caller has made sure of that. */
  signedIn(uid: string, signInId: string, kept: KeptSignIn): Promise<string>;
  agreed(
    request: IncomingMessage,
    response: ServerResponse,
    agreed: { readonly limit: Limit; readonly shown: ShownApp },
  ): Promise<string>;
  refused(request: IncomingMessage, response: ServerResponse, why: OAuthError): Promise<string>;
  isFormToken(interaction: Pick<Interaction, 'formToken'>, given: unknown): boolean;
}

/** What a request says of binding before a proof is seen: the app must make one, or names the key it will use. */
export const willBeBound = (app: Pick<App, 'dpop'>, dpopJkt: unknown): boolean =>
  app.dpop === 'required' || dpopJkt !== undefined;
