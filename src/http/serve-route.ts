import type { Admin, createAdminDoor } from '../broker/admin.ts';
import { type Audited, audited } from '../broker/audited.ts';
import type { ConfirmedConfiguration } from '../broker/configuration.ts';
import type { PresentedCredential } from '../broker/context.ts';
import type { createTokenProver } from '../broker/held-token.ts';
import type { RequestPace } from '../broker/request-pace.ts';
import type { Verifier } from '../broker/revocation/verifier.ts';
import { holder } from '../broker/use.ts';
import type { TokenRecord } from '../ledger/records.ts';
import { MAX_BODY, MAX_CONFIGURATION, mustBeText, readEvent, readForm, readJson } from './body.ts';
import { conditionsOf } from './conditions.ts';
import { readCredential } from './credential.ts';
import { parseWith } from './parse.ts';
import { asRefusal } from './refusal.ts';
import type { Reply } from './reply.ts';
import type { Route } from './route.ts';
import { headerOf, queryOf, type Visit } from './visit.ts';

export interface ServeRouteDependencies extends Audited {
  readonly issuer: string;
  readonly configuration: Pick<ConfirmedConfiguration, 'confirm'>;
  readonly pace: RequestPace;
  readonly proveToken: ReturnType<typeof createTokenProver>;
  readonly adminDoor: ReturnType<typeof createAdminDoor>;
  /** A client that authenticates, and verifies tokens for a resource server. */
  readonly proveVerifier: (visit: Visit) => Promise<Verifier>;
}

/** Who comes first, then what they say: an unauthenticated caller learns nothing of a body's shape. */
export const createServeRoute =
  (dependencies: ServeRouteDependencies) =>
  async (route: Route, visit: Visit, params: Readonly<Record<string, string>>): Promise<Reply> => {
    const serve = (caller: Caller): Promise<Reply> => answer(route, visit, params, caller);
    const { authentication, method, path } = route;
    const { context } = visit;
    if (route.isPaced) await dependencies.pace.ofAddress(context);
    if (authentication === 'none') return serve({});
    if (authentication === 'client') {
      await dependencies.configuration.confirm();
      return serve({ client: await dependencies.proveVerifier(visit) });
    }
    const credential = presented(visit, dependencies.issuer);
    await dependencies.configuration.confirm();
    if (authentication === 'credential') return serve({ credential });

    const { token } = await dependencies.proveToken(credential, true);
    // From here on someone is known, and whatever they are refused is on record.
    const known = { ...holder(token, context), detail: { method, route: path } };
    return audited(dependencies, 'api.request', known, [], async () => {
      try {
        if (route.isPaced) await dependencies.pace.ofUser(token.appId, token.userId);
        if (authentication === 'token') return await serve({ token });
        const errand = { ...authentication, changes: method !== 'GET' };
        return await serve({ admin: dependencies.adminDoor(token, errand, context) });
      } catch (error) {
        throw asRefusal(error);
      }
    });
  };

interface Caller {
  readonly credential?: PresentedCredential;
  readonly token?: TokenRecord;
  readonly admin?: Admin;
  readonly client?: Verifier;
}

const answer = async (
  route: Route,
  visit: Visit,
  params: Readonly<Record<string, string>>,
  caller: Caller,
): Promise<Reply> => {
  for (const [name, value] of Object.entries(params)) mustBeText(value, name);
  const limit = route.path.endsWith('/config') ? MAX_CONFIGURATION : MAX_BODY;
  const readBody = READERS[route.encoding ?? 'json'];
  const read = (): Promise<object> => readBody(visit.request, limit, route.isBodyOptional);
  const isProven = route.authentication !== 'credential';
  const body = isProven && route.body ? parseWith(route.body, await read()) : undefined;
  const query = route.query && parseWith(route.query, soundQuery(visit));
  const accept = headerOf(visit, 'accept').toLowerCase();
  const header = (name: string): string => headerOf(visit, name);
  const conditions = () => conditionsOf(visit.request);
  const request = { body, read, query, params, accept, header, conditions };
  const input = { ...request, context: visit.context, ...caller };
  // Which members `input` has, its caller has just decided by the same discriminant.
  return (route.handle as (given: typeof input) => Promise<Reply>)(input);
};

const READERS = { json: readJson, form: readForm, event: readEvent };

const presented = (
  { request, method, path, context }: Visit,
  issuer: string,
): PresentedCredential =>
  readCredential(request.headersDistinct, method, `${issuer}${path}`, context);

/** A parameter given twice means nothing for certain: it stays a list, and no schema takes one. */
const soundQuery = (visit: Visit): object => {
  const query = queryOf(visit);
  for (const [name, value] of Object.entries(query)) {
    for (const text of [name, value].flat()) mustBeText(text ?? '', 'query');
  }
  return { ...query };
};
