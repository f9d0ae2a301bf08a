import { type AskFor, authorize, type Place, redeem } from './authorization.ts';
import { type Answer, createClient } from './client.ts';
import { createProofKey, type ProofKey } from './dpop.ts';
import { basic, LOOPBACK, ORDERS, PAGE, WEB } from './people-apps.ts';

/** Somebody signed in to an app, and what the app got for it. */
export interface Session {
  readonly client: string;
  readonly key: ProofKey | undefined;
  readonly answer: Answer;
  /** The refresh token. */
  readonly token: string;
}

const REDIRECTS: Readonly<Record<string, string>> = { desk: LOOPBACK, page: PAGE };

export const signedIn = async (
  daypass: Place,
  client: string,
  asked: AskFor = {},
): Promise<Session> => {
  const redirect = REDIRECTS[client];
  const params = { resource: ORDERS, ...asked.params };
  const authorized = await authorize(daypass, {
    client,
    redirect: redirect ?? WEB,
    ...asked,
    params,
  });
  const key = redirect === undefined ? undefined : createProofKey();
  const answer = await redeem(daypass, authorized, {
    ...(key && { key }),
    headers: key ? {} : basic(client),
  });
  return { client, key, answer, token: String(answer.body.refresh_token) };
};

export const refresh = (
  daypass: Place,
  { client, key }: Pick<Session, 'client' | 'key'>,
  token: string,
  params: Record<string, string> = {},
  at = daypass.url,
): Promise<Answer> =>
  createClient(at, daypass.issuer).call('/token', {
    form: {
      grant_type: 'refresh_token',
      refresh_token: token,
      ...(key && { client_id: client }),
      ...params,
    },
    headers: key ? {} : basic(client),
    ...(key && { key }),
  });
