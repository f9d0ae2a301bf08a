import { logInThroughBrowser } from './browser-login.ts';
import { type ClientOptions, connect, demoIdp, serverOf } from './client-options.ts';
import {
  type ClientRequest,
  type Credential,
  createDaypassClient,
  type DaypassClient,
  Refusal,
} from './daypass-client.ts';
import { findLogin, type KeptLogin, keepLogin } from './kept-login.ts';
import { createProver, readKey } from './proof.ts';
import { type Surroundings, UsageError } from './surroundings.ts';

/** The client of the demo IdP whose ID tokens open the admin door (`sign_in.client_id`). */
const ADMIN_AUDIENCE = 'daypass';

/**
 * The ID token a command was given, or one of the demo IdP for `audience`.
 *
 * @throws UsageError when there is neither
 */
export const idTokenFor = async (
  audience: string | undefined,
  options: ClientOptions,
  surroundings: Surroundings,
): Promise<string> => {
  const { env, offline } = surroundings;
  const { as: user, idp = demoIdp(surroundings), password } = options;
  if (user === undefined) return givenIdToken(options, env);
  mustBeDevelopment(env);
  if (audience === undefined)
    throw new UsageError('--as needs --app: it names the app to sign in to');
  const { demoToken } = await offline();
  return demoToken({ issuer: idp, user, audience, ...(password !== undefined && { password }) });
};

const givenIdToken = ({ idToken }: ClientOptions, env: NodeJS.ProcessEnv): string => {
  const given = idToken ?? env.DAYPASS_ID_TOKEN;
  if (given) return given;
  throw new UsageError(
    'there is no ID token: set DAYPASS_ID_TOKEN, or give --as USER with the demo IdP',
  );
};

/** @throws UsageError in production, which has no demo IdP */
const mustBeDevelopment = (env: NodeJS.ProcessEnv): void => {
  if (env.NODE_ENV === 'production')
    throw new UsageError('there is no demo IdP in production: sign in to your own');
};

/** What an exchange asks for, as the API spells it. */
export interface ExchangeRequest {
  readonly app_id?: string | undefined;
  readonly resource?: string | undefined;
  readonly actions?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
  readonly constraints?: object | undefined;
  readonly lawful_basis?: string | undefined;
  readonly dry_run?: boolean | undefined;
}

/** What an exchange answers, as far as commands look at it. */
export interface IssuedToken {
  readonly access_token: string;
  readonly token_type: 'DPoP' | 'Bearer';
  readonly expires_in: number;
  readonly token_id: string;
  readonly scopes: readonly string[];
  readonly binding: { readonly jkt: string } | null;
}

/** @param bound whether a proof goes along, to bind the new token to the client's key */
export const exchange = <Answer = IssuedToken>(
  client: DaypassClient,
  idToken: string,
  request: ExchangeRequest,
  bound = true,
): Promise<Answer> =>
  client.send({
    method: 'POST',
    path: '/exchange',
    body: request,
    credential: { scheme: 'Bearer', value: idToken, proof: bound },
  });

export const credentialOf = ({ access_token, token_type }: IssuedToken): Credential => ({
  scheme: token_type,
  value: access_token,
  proof: token_type === 'DPoP',
});

/** Sends one request with whatever credential its maker signed in for. */
export type Send = <Answer>(request: Omit<ClientRequest, 'credential'>) => Promise<Answer>;

/** Signs in for an app: what follows is sent with a token for `actions` and no others. */
export const signInToApp = async (
  options: ClientOptions & { readonly app?: string; readonly resource: string },
  actions: readonly string[],
  surroundings: Surroundings,
): Promise<Send> => {
  const client = connect(options, surroundings);
  const idToken = await idTokenFor(options.app, options, surroundings);
  const { app: app_id, resource } = options;
  const credential = credentialOf(await exchange(client, idToken, { app_id, resource, actions }));
  return (request) => client.send({ ...request, credential });
};

/** By the ID token a command was given, which opens the admin door once; else by what `daypass login` kept. */
export const signInAsAdmin = async (
  options: ClientOptions,
  surroundings: Surroundings,
): Promise<Send> => {
  const { as: user, idToken: given } = options;
  const isGiven = user !== undefined || Boolean(given ?? surroundings.env.DAYPASS_ID_TOKEN);
  return isGiven ? exchangeAsAdmin(options, surroundings) : sendAsLoggedIn(options, surroundings);
};

/** @throws UsageError where nobody is logged in */
const sendAsLoggedIn = (options: ClientOptions, surroundings: Surroundings): Send => {
  const server = serverOf(options, surroundings);
  const login = findLogin(server, surroundings);
  if (!login)
    throw new UsageError(
      `nobody is signed in to ${server}: run daypass login, or set DAYPASS_ID_TOKEN`,
    );
  const first = sendWith(login, surroundings);
  return async (request) => {
    try {
      return await first(request);
    } catch (error) {
      // RFC 9470: the token is good, and not for this. Nothing has been done: it is asked for once more.
      const isTooOld =
        error instanceof Refusal && error.code === 'insufficient_user_authentication';
      if (!isTooOld) throw error;
      return sendWith(await logInAgain(server, surroundings), surroundings)(request);
    }
  };
};

const sendWith = ({ server, key, accessToken }: KeptLogin, { fetch, now }: Surroundings): Send => {
  const client = createDaypassClient({ server, prove: createProver(readKey(key)), fetch, now });
  const credential = { scheme: 'DPoP', value: accessToken, proof: true } as const;
  return (request) => client.send({ ...request, credential });
};

const logInAgain = async (server: string, surroundings: Surroundings): Promise<KeptLogin> => {
  const show = (url: string): void => {
    surroundings.stderr.write(`To change this, sign in once more, on this machine:\n  ${url}\n`);
    surroundings.openBrowser?.(url);
  };
  const login = await logInThroughBrowser(server, show, surroundings);
  keepLogin(login, surroundings);
  return login;
};

const exchangeAsAdmin = async (
  options: ClientOptions,
  surroundings: Surroundings,
): Promise<Send> => {
  const client = connect(options, surroundings);
  const idToken = await idTokenFor(ADMIN_AUDIENCE, options, surroundings);
  const resource = `${client.server}/admin`;
  const asked = { app_id: 'daypass-cli', resource, actions: ['admin'] };
  const credential = credentialOf(await exchange(client, idToken, asked));
  return (request) => client.send({ ...request, credential });
};
