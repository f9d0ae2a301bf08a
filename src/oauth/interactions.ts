import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, type Provider } from 'oidc-provider';
import type { CurrentConfiguration } from '../broker/configuration.ts';
import {
  type Interaction,
  type Interactions,
  shownOf,
  willBeBound,
} from '../broker/sign-in/interaction.ts';
import type { KeptSignIn, KeptSignIns } from '../broker/sign-in/kept-sign-ins.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { askedOf, requestOf } from './authorization-request.ts';
import { appForClient } from './clients.ts';
import { saveGrant } from './sign-in-policy.ts';

export interface InteractionDependencies {
  readonly configuration: CurrentConfiguration;
  readonly keptSignIns: KeptSignIns;
  readonly now: () => Date;
}

type Params = Readonly<Record<string, unknown>>;

/** The library's side of the pages that people see. */
export const createInteractions = (
  provider: Provider,
  { configuration, keptSignIns, now }: InteractionDependencies,
): Interactions => {
  const details = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      return await provider.interactionDetails(request, response);
    } catch (error) {
      if (error instanceof errors.SessionNotFound) throw over(error.message);
      throw error;
    }
  };

  const finish = (
    request: IncomingMessage,
    response: ServerResponse,
    result: Parameters<Provider['interactionResult']>[2],
  ): Promise<string> => provider.interactionResult(request, response, result);

  return {
    find: async (request, response) => {
      const { uid, prompt, params, session, ...rest } = await details(request, response);
      const accountId = session?.accountId;
      const kept = accountId === undefined ? undefined : await keptSignIns.find(accountId);
      const app = appForClient(configuration, String(params.client_id), kept?.signIn.tenant);
      if (!app?.enabled) throw over('the app is gone');
      const waitsFor = prompt.name === 'login' || !kept ? 'sign-in' : 'agreement';
      const { cid } = rest as { cid?: string };
      const shown = shownOf(app, params.redirect_uri);
      // An app that changes while its page is read is not agreed to by the form of before.
      const page = JSON.stringify(shown);
      return {
        uid,
        waitsFor,
        app,
        shown,
        asked: askedOf(requestOf(params)),
        bound: willBeBound(app, params.dpop_jkt),
        kept,
        formToken: hash('sha256', `form ${uid} ${cid} ${page}`, 'base64url'),
        wanted: wantedOf(params),
      };
    },

    signedIn: async (uid, signInId, { acr, signIn }) => {
      const interaction = await provider.Interaction.find(uid);
      if (!interaction) throw over('interaction not found');
      await moveSession(provider, interaction, signInId, { keptSignIns, signIn });
      const ts = Math.floor(now().getTime() / 1000);
      interaction.result = {
        ...interaction.lastSubmission,
        login: { accountId: signInId, ts, ...(acr !== undefined && { acr }) },
      };
      await interaction.persist();
      return interaction.returnTo;
    },

    agreed: async (request, response, { limit, shown }) => {
      const { params, session } = await details(request, response);
      const accountId = session?.accountId;
      if (accountId === undefined) throw over('nobody is signed in');
      const clientId = String(params.client_id);
      const grant = await saveGrant(provider, accountId, clientId, {
        params,
        limit,
        shown,
        at: now(),
      });
      return finish(request, response, { consent: { grantId: grant.jti } });
    },

    refused: async (request, response, { code, message }) => {
      await details(request, response);
      return finish(request, response, { error: code, error_description: message });
    },

    isFormToken: ({ formToken }, given) => isSameText(formToken, given),
  };
};

/** Compared without telling how much of it was right. */
const isSameText = (expected: string, given: unknown): boolean => {
  const [one, other] = [Buffer.from(expected), Buffer.from(String(given))];
  return one.length === other.length && timingSafeEqual(one, other);
};

/**
 * The session that was there goes on for the same person, under the new sign-in; for anybody else it ends, and what
 * was agreed to in it is nobody's here any more. Either way its cookie gets a new value as the library resumes (E08).
 */
const moveSession = async (
  provider: Provider,
  interaction: InstanceType<Provider['Interaction']>,
  signInId: string,
  { keptSignIns, signIn }: Pick<InteractionDependencies, 'keptSignIns'> & KeptOf,
): Promise<void> => {
  const { session: before } = interaction as { session?: { cookie?: string; uid?: string } };
  const session = before?.cookie ? await provider.Session.find(before.cookie) : undefined;
  if (!session?.accountId) return;
  const known = await keptSignIns.find(session.accountId);
  if (known?.signIn.userId === signIn.userId) {
    await keptSignIns.succeed(session.accountId, signInId);
    session.accountId = signInId;
    await session.persist();
    return;
  }
  // Nobody signs out here: signing out in this browser, later, ends what came of both.
  await keptSignIns.succeed(session.accountId, signInId);
  delete session.accountId;
  await session.destroy();
  if (before) delete before.uid;
};

type KeptOf = Pick<KeptSignIn, 'signIn'>;

const wantedOf = (params: Params): Interaction['wanted'] => {
  const prompts = String(params.prompt ?? '').split(' ');
  const maxAge = params.max_age === undefined ? undefined : Number(params.max_age);
  return {
    maxAge,
    acrValues: typeof params.acr_values === 'string' ? params.acr_values.split(' ') : undefined,
    prompt: prompts.includes('login')
      ? 'login'
      : prompts.includes('select_account')
        ? 'select_account'
        : undefined,
    loginHint: typeof params.login_hint === 'string' ? params.login_hint : undefined,
  };
};

const over = (detail: string): OAuthError =>
  new OAuthError('invalid_request', 'this sign-in is over, or belongs to another browser', {
    detail: `interaction: ${detail}`,
    violations: [
      {
        field: 'cookie',
        rule: 'interaction',
        message: 'this browser has begun no such sign-in within the last ten minutes',
        remedy: 'go back to the app and sign in from there, in one browser, with cookies allowed',
      },
    ],
  });
