import type { Context } from 'koa';
import type { Admin, createAdminDoor } from '../broker/admin.ts';
import type { PresentedCredential, RequestContext } from '../broker/context.ts';
import type { createTokenProver } from '../broker/held-token.ts';
import { MAX_BODY, MAX_CONFIGURATION, mustBeText, readJson } from './body.ts';
import { readCredential } from './credential.ts';
import { parseWith } from './parse.ts';
import type { Reply } from './reply.ts';
import type { Route } from './route.ts';

export interface ServeRouteDependencies {
  readonly issuer: string;
  readonly proveToken: ReturnType<typeof createTokenProver>;
  readonly adminDoor: ReturnType<typeof createAdminDoor>;
}

/** Who comes first, then what they say: an unauthenticated caller learns nothing of a body's shape. */
export const createServeRoute =
  (dependencies: ServeRouteDependencies) =>
  async (
    route: Route,
    ctx: Context,
    params: Record<string, string>,
    context: RequestContext,
  ): Promise<Reply> => {
    const isPublic = route.authentication === 'none';
    const credential = isPublic ? undefined : presented(ctx, dependencies.issuer);
    const caller = await identify(dependencies, route, credential, context);
    for (const [name, value] of Object.entries(params)) mustBeText(value, name);
    const limit = route.path.endsWith('/config') ? MAX_CONFIGURATION : MAX_BODY;
    const body = route.body && parseWith(route.body, await readJson(ctx.req, limit));
    const query = route.query && parseWith(route.query, soundQuery(ctx));
    const input = {
      body,
      query,
      params,
      context,
      accept: ctx.get('Accept').toLowerCase(),
      ...caller,
    };
    // Which members `input` has, `identify` has just decided by the same discriminant.
    return (route.handle as (given: typeof input) => Promise<Reply>)(input);
  };

const presented = (ctx: Context, issuer: string): PresentedCredential =>
  readCredential(ctx.req.headersDistinct, ctx.method, `${issuer}${ctx.path}`);

const identify = async (
  { proveToken, adminDoor }: ServeRouteDependencies,
  { authentication }: Route,
  credential: PresentedCredential | undefined,
  context: RequestContext,
): Promise<{ credential?: PresentedCredential; token?: object; admin?: Admin }> => {
  if (credential === undefined || authentication === 'none') return {};
  if (authentication === 'credential') return { credential };
  const { token } = await proveToken(credential, true);
  if (authentication === 'token') return { token };
  return { admin: adminDoor(token, authentication.roles, authentication.reach, context) };
};

/** A parameter given twice means nothing for certain: it stays a list, and no schema takes one. */
const soundQuery = (ctx: Context): object => {
  for (const [name, value] of Object.entries(ctx.query)) {
    for (const text of [name, value].flat()) mustBeText(text ?? '', 'query');
  }
  return { ...ctx.query };
};
