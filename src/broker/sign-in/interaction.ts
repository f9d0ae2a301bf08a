import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App } from '../../config/deployment.ts';
import type { OAuthError } from '../../protocol/oauth-error.ts';
import type { Asked } from '../exchange/asked.ts';
import type { Limit } from '../exchange/authority.ts';
import type { KeptSignIn } from './kept-sign-ins.ts';

/** An authorization request that waits for its person: to sign in, or to agree. */
export interface Interaction {
  readonly uid: string;
  readonly waitsFor: 'sign-in' | 'agreement';
  readonly app: App;
  readonly redirectUri: string;
  readonly asked: Asked;
  /** Whether what comes of it will be bound to a key, as far as is known. */
  readonly bound: boolean;
  /** Set where it waits for agreement. */
  readonly kept: KeptSignIn | undefined;
  /** For the form: whoever sends it has read the page. */
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
  agreed(request: IncomingMessage, response: ServerResponse, limit: Limit): Promise<string>;
  refused(request: IncomingMessage, response: ServerResponse, why: OAuthError): Promise<string>;
  isFormToken(interaction: Pick<Interaction, 'formToken'>, given: unknown): boolean;
}

/** What a request says of binding before a proof is seen: the app must make one, or names the key it will use. */
export const willBeBound = (app: Pick<App, 'dpop'>, dpopJkt: unknown): boolean =>
  app.dpop === 'required' || dpopJkt !== undefined;
