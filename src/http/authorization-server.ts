import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestPace } from '../broker/request-pace.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import type { Section } from './app.ts';
import { asRefusal } from './refusal.ts';
import { NO_STORE, type Reply } from './reply.ts';
import { pageReply } from './sign-in/html.ts';
import { type Failed, failurePage } from './sign-in/pages.ts';
import { methodNotAllowed } from './unanswered.ts';
import type { Visit } from './visit.ts';

interface Endpoint {
  readonly methods: readonly string[];
  /** Set where there is a person at the other end: then what is refused is a page, for whoever can mend it. */
  readonly failed?: Failed;
  /** Whether `limits.requests` says how fast it may be asked. */
  readonly isPaced?: true;
}

const forClients = (...methods: string[]): Endpoint => ({ methods });
const signIn = (mender: Failed['mender'], ...methods: string[]): Endpoint => ({
  methods,
  failed: { what: 'Sign-in', mender },
});
const signOut = (mender: Failed['mender'], ...methods: string[]): Endpoint => ({
  methods,
  failed: { what: 'Sign-out', mender },
});

/** The library's endpoints that this release stands behind; nothing else of it is reachable. */
const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ['/token', { ...forClients('POST'), isPaced: true }],
  ['/par', forClients('POST')],
  ['/introspect', forClients('POST')],
  ['/revoke', forClients('POST')],
  // An app sends people to these two, and writes what is in the URL.
  ['/authorize', signIn('app', 'GET')],
  ['/session/end', signOut('app', 'GET')],
  ['/authorize/{uid}', signIn('person', 'GET')],
  ['/session/end/confirm', signOut('person', 'POST')],
  ['/session/end/success', signOut('person', 'GET')],
]);

/** Where the library goes on after somebody has signed in or agreed. */
const RESUME = /^\/authorize\/[A-Za-z0-9_-]{1,64}$/;

/** HTML, whole; and where its forms may lead besides here. */
interface Shown {
  readonly content: string;
  readonly formTargets: readonly string[];
}

/** Leans closed: what the library shows of its own accord, such as a form that sends itself, is shown to nobody. */
const shownOf = (body: unknown): [string, readonly string[]] => {
  if (typeof body === 'object' && body !== null && 'content' in body) {
    const { content, formTargets } = body as Shown;
    return [content, formTargets];
  }
  throw new OAuthError('invalid_request', 'response_mode must be query or fragment', {
    violations: [
      {
        field: 'response_mode',
        rule: 'unsupported',
        message: 'answers are sent back by redirect alone',
        remedy: 'leave response_mode out, or send query or fragment',
      },
    ],
  });
};

/** RFC 9700 §4.2: what a request or an answer says is nobody's on the page that comes next. */
const NO_REFERRER = { 'Referrer-Policy': 'no-referrer' } as const;

export interface AuthorizationServerDependencies {
  readonly pace: Pick<RequestPace, 'ofAddress'>;
  /** Sets headers on `response`, and leaves status and body to us. */
  readonly answer: (
    visit: Visit,
    response: ServerResponse,
  ) => Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  }>;
  /** Makes the library see the configured issuer, whatever `Host` says. */
  readonly pin: (request: IncomingMessage) => void;
}

export const createAuthorizationServer = ({
  pace,
  answer,
  pin,
}: AuthorizationServerDependencies): Section => {
  const answerTo = async (visit: Visit, response: ServerResponse, methods: readonly string[]) => {
    if (!methods.includes(visit.method)) throw methodNotAllowed(methods);
    pin(visit.request);
    return answer(visit, response);
  };

  const page = async (
    visit: Visit,
    response: ServerResponse,
    methods: readonly string[],
    failed: Failed,
  ): Promise<Reply> => {
    try {
      const { status, body } = await answerTo(visit, response, methods);
      if (status >= 300 && status < 400)
        return { status, headers: { ...NO_STORE, ...NO_REFERRER } };
      return pageReply(status, ...shownOf(body));
    } catch (error) {
      const refusal = asRefusal(error);
      const reply = pageReply(
        // RFC 9110 §15.5.2: 401 comes with a challenge, and whoever reads this has nothing to answer one with.
        refusal.status === 401 ? 400 : refusal.status,
        failurePage(refusal, visit.context.requestId, failed),
      );
      return { ...reply, headers: { ...refusal.headers, ...reply.headers }, error: refusal };
    }
  };

  return async (visit, response) => {
    const route = RESUME.test(visit.path) ? '/authorize/{uid}' : visit.path;
    const endpoint = ENDPOINTS.get(route);
    if (!endpoint) return undefined;
    visit.route = route;
    const { methods, failed, isPaced } = endpoint;
    if (isPaced) await pace.ofAddress(visit.context);
    if (failed) return page(visit, response, methods, failed);
    const { status, headers, body } = await answerTo(visit, response, methods);
    return { status, headers: { ...headers, ...NO_STORE }, body };
  };
};
