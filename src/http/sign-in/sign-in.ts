import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConfirmedConfiguration } from '../../broker/configuration.ts';
import type { RequestContext } from '../../broker/context.ts';
import type { createAgree } from '../../broker/sign-in/agree.ts';
import type { Interaction, Interactions } from '../../broker/sign-in/interaction.ts';
import type { KeptSignIn, KeptSignIns } from '../../broker/sign-in/kept-sign-ins.ts';
import type { App, Issuer } from '../../config/deployment.ts';
import { CALLBACK_PATH, type Federation } from '../../federation/federation.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Section } from '../app.ts';
import { MAX_BODY, readForm } from '../body.ts';
import { asRefusal } from '../refusal.ts';
import type { Reply } from '../reply.ts';
import { methodNotAllowed } from '../unanswered.ts';
import { headerOf, queryOf, searchOf, type Visit } from '../visit.ts';
import { formTargetOf, pageReply } from './html.ts';
import { chooserPage, consentPage, failurePage } from './pages.ts';

export interface SignInDependencies {
  readonly issuer: string;
  readonly configuration: Pick<ConfirmedConfiguration, 'get' | 'confirm'>;
  readonly federation: Federation;
  readonly keptSignIns: KeptSignIns;
  readonly agree: ReturnType<typeof createAgree>;
  /** Makes the authorization server see the configured issuer, whatever `Host` says. */
  readonly pin: (request: IncomingMessage) => void;
  readonly interactions: Interactions;
}

const FAILED = { what: 'Sign-in', mender: 'person' } as const;

const PATH = /^\/sign-in\/([A-Za-z0-9_-]{1,64})$/;
/** Seconds: as long as the person may take. */
const PENDING_LIFE = 600;

/**
 * The pages between an app and its token: where from, and may it? Plain HTML; everything that changes something is a
 * form of ours, and every way out is a redirect of 303.
 */
export const createSignIn = (dependencies: SignInDependencies): Section => {
  const pages = createSteps(dependencies);
  return async (visit, response) => {
    const step = stepOf(visit, pages);
    if (!step) return undefined;
    try {
      dependencies.pin(visit.request);
      await dependencies.configuration.confirm();
      return await step(visit, response);
    } catch (error) {
      const refusal = asRefusal(error);
      const reply = pageReply(
        refusal.status,
        failurePage(refusal, visit.context.requestId, FAILED),
      );
      return { ...reply, headers: { ...refusal.headers, ...reply.headers }, error: refusal };
    }
  };
};

type Step = (visit: Visit, response: ServerResponse) => Promise<Reply>;

const stepOf = (visit: Visit, pages: ReturnType<typeof createSteps>): Step | undefined => {
  if (visit.path.startsWith(`${CALLBACK_PATH}/`)) {
    visit.route = `${CALLBACK_PATH}/{issuerId}`;
    return visit.method === 'GET' ? pages.callback : () => refuse(['GET']);
  }
  if (!PATH.test(visit.path)) return undefined;
  visit.route = '/sign-in/{uid}';
  if (visit.method === 'GET') return pages.show;
  return visit.method === 'POST' ? pages.decide : () => refuse(['GET', 'POST']);
};

const refuse = async (methods: readonly string[]): Promise<Reply> => {
  throw methodNotAllowed(methods);
};

const createSteps = (dependencies: SignInDependencies) => {
  const { issuer, configuration, federation, keptSignIns, agree, interactions } = dependencies;
  const cookie = pendingCookie(issuer);

  const begin = async (visit: Visit, waiting: Interaction, issuerId: string): Promise<Reply> => {
    const { url, pending } = await federation.begin({
      issuerId,
      returnTo: waiting.uid,
      ...waiting.wanted,
      pending: cookie.read(visit),
    });
    return { ...seeOther(url), headers: { ...seeOther(url).headers, ...cookie.set(pending) } };
  };

  const askWhere = (visit: Visit, waiting: Interaction): Promise<Reply> | Reply => {
    const { app, uid } = waiting;
    const issuers = signInIssuers(configuration.get().deployment.issuers, app);
    const [only, ...others] = issuers;
    const chosen = queryOf(visit).issuer;
    const named = issuers.find(({ id }) => id === chosen);
    if (!only) throw nowhere();
    if (named || others.length === 0) return begin(visit, waiting, (named ?? only).id);
    const choices = issuers.map(({ id, issuer: url }) => ({
      name: id,
      host: new URL(url).host,
      href: `/sign-in/${uid}?issuer=${encodeURIComponent(id)}`,
    }));
    return pageReply(200, chooserPage(app, choices));
  };

  const wantedOf = (waiting: Interaction, kept: KeptSignIn, context: RequestContext) => {
    const { app, asked, bound } = waiting;
    return agree({ app, signIn: kept.signIn, asked, bound, context });
  };

  const askWhether = async (
    visit: Visit,
    response: ServerResponse,
    waiting: Interaction & { kept: KeptSignIn },
  ): Promise<Reply> => {
    const { app, uid, kept, formToken, shown } = waiting;
    try {
      const { settled } = await wantedOf(waiting, kept, visit.context);
      const consent = consentPage({
        app,
        person: { called: kept.called, subject: kept.signIn.subject, at: kept.signIn.issuerId },
        settled,
        renewable: shown.renewable,
        action: `/sign-in/${uid}`,
        formToken,
      });
      return pageReply(200, consent, [formTargetOf(shown.redirectUri)]);
    } catch (error) {
      return sendBack(visit, response, asRefusal(error));
    }
  };

  /** The app hears why; what is broken here it cannot mend. */
  const sendBack = async (
    { request }: Visit,
    response: ServerResponse,
    refusal: OAuthError,
  ): Promise<Reply> => {
    if (refusal.status >= 500) throw refusal;
    return seeOther(await interactions.refused(request, response, refusal));
  };

  return {
    show: async (visit: Visit, response: ServerResponse): Promise<Reply> => {
      const waiting = await interactions.find(visit.request, response);
      const { kept, waitsFor } = waiting;
      return waitsFor === 'sign-in' || !kept
        ? askWhere(visit, waiting)
        : askWhether(visit, response, { ...waiting, kept });
    },

    decide: async (visit: Visit, response: ServerResponse): Promise<Reply> => {
      const { request, context } = visit;
      const waiting = await interactions.find(request, response);
      const form = (await readForm(request, MAX_BODY)) as Readonly<Record<string, unknown>>;
      if (!interactions.isFormToken(waiting, form.token) || !waiting.kept) throw notTheForm();
      if (form.decision !== 'allow') return sendBack(visit, response, declined());
      try {
        const { limit } = await wantedOf(waiting, waiting.kept, context);
        return seeOther(
          await interactions.agreed(request, response, { limit, shown: waiting.shown }),
        );
      } catch (error) {
        return sendBack(visit, response, asRefusal(error));
      }
    },

    callback: async (visit: Visit, _response: ServerResponse): Promise<Reply> => {
      const { returnTo, ...kept } = await federation.finish({
        pending: cookie.read(visit),
        callbackUrl: `${issuer}${visit.path}${searchOf(visit)}`,
      });
      const id = await keptSignIns.keep(kept);
      return seeOther(await interactions.signedIn(returnTo, id, kept));
    },
  };
};

/** RFC 9700 §4.12: 303, so that no browser sends a form on. */
const seeOther = (location: string): Reply & { headers: Record<string, string> } => ({
  status: 303,
  headers: { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin' },
});

/** Those of the app's tenant; the built-in client has none, and takes all. */
const signInIssuers = (issuers: readonly Issuer[], app: App): readonly Issuer[] =>
  issuers.filter(
    ({ enabled, sign_in, tenant }) =>
      enabled && sign_in !== undefined && (app.tenant === '' || tenant === app.tenant),
  );

/** Ties a sign-in at the company to this browser. `__Host-` takes the path `/`; without TLS there is none. */
const pendingCookie = (issuer: string) => {
  const secure = issuer.startsWith('https:');
  const name = secure ? '__Host-daypass_pending' : 'daypass_pending';
  const attributes = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${PENDING_LIFE}${secure ? '; Secure' : ''}`;
  return {
    set: (value: string) => ({ 'Set-Cookie': `${name}=${value}; ${attributes}` }),
    read: (visit: Visit): string | undefined =>
      headerOf(visit, 'cookie')
        .split(';')
        .map((pair) => pair.trim().split('='))
        .find(([each]) => each === name)?.[1],
  };
};

const nowhere = (): OAuthError =>
  new OAuthError('invalid_request', 'nobody can sign in to this app here', {
    violations: [
      {
        field: 'issuers',
        rule: 'no_sign_in',
        message: 'no issuer of its tenant has sign_in',
        remedy: 'ask whoever runs Daypass to add sign_in to the issuer of your organisation',
      },
    ],
  });

const declined = (): OAuthError =>
  new OAuthError('access_denied', 'the person did not allow it', {
    violations: [
      {
        field: 'consent',
        rule: 'declined',
        message: 'the person at the browser said no',
        remedy: 'ask for less, or tell them what it is for before sending them here',
      },
    ],
  });

const notTheForm = (): OAuthError =>
  new OAuthError('invalid_request', 'this form is not of this page, or is too old', {
    violations: [
      {
        field: 'token',
        rule: 'form_token',
        message: 'the form was not made for this sign-in',
        remedy: 'go back to the app and sign in from there',
      },
    ],
  });
