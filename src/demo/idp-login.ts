import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { errors, type Provider } from 'oidc-provider';
import { failurePage, loginPage, PAGE_HEADERS } from './idp-pages.ts';
import { DEMO_PASSWORD, findPerson } from './people.ts';

const LARGEST_FORM = 4096;

/** The login page, and the form it sends: both at `/interaction/{uid}`, within one sign-in. */
export const loginSteps =
  (provider: Provider): Middleware =>
  async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    ctx.set(PAGE_HEADERS);
    ctx.type = 'html';
    const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch((error) => {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    });
    if (!interaction) {
      ctx.status = 400;
      ctx.body = failurePage('this sign-in has expired', 'or it began in another browser');
      return;
    }
    const view = { action: ctx.path, client: String(interaction.params.client_id) };
    if (ctx.method === 'GET') {
      ctx.body = loginPage(view);
      return;
    }
    const form = await readForm(ctx.req);
    const user = form.get('user')?.trim().toLowerCase() ?? '';
    const person = findPerson(user);
    if (!person || form.get('password') !== DEMO_PASSWORD) {
      ctx.status = 401;
      ctx.set('WWW-Authenticate', 'Form'); // RFC 9110 §15.5.2: a 401 names a way; browsers ignore this one
      ctx.body = loginPage({ ...view, user, failure: 'User or password is wrong. Try again.' });
      return;
    }
    const login = { accountId: person.user, amr: ['pwd'] };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login }));
    ctx.status = 303; // the next request is a GET
  };

/** Empty when it is larger than a login form can be. */
const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > LARGEST_FORM) return new URLSearchParams();
  }
  return new URLSearchParams(text);
};
