import type { createDryRun } from '../../broker/exchange/dry-run.ts';
import type { createExchange, Exchange } from '../../broker/exchange/exchange.ts';
import type { createHear } from '../../broker/exchange/hear.ts';
import type { createProver } from '../../broker/exchange/prove.ts';
import { parseWith } from '../parse.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  type ExchangeBody,
  exchangeAnswer,
  exchangeBody,
  toAsked,
  toDryRunAnswer,
  toExchangeAnswer,
} from '../wire/exchange.ts';

export interface ExchangeRoutes {
  readonly prove: ReturnType<typeof createProver>;
  readonly hear: ReturnType<typeof createHear>;
  readonly exchange: ReturnType<typeof createExchange>;
  readonly dryRun: ReturnType<typeof createDryRun>;
}

/** A sign-in in, a narrow credential out. Both names are one endpoint, each with an `htu` of its own. */
export const exchangeRoutes = ({ prove, hear, exchange, dryRun }: ExchangeRoutes): Route[] =>
  ['/exchange', '/issue-token'].map((path) =>
    route({
      method: 'POST',
      path,
      summary: 'Trade an ID token, or a Daypass token, for a narrower one that lives minutes',
      authentication: 'credential',
      body: exchangeBody,
      answer: {
        status: 200,
        schema: exchangeAnswer,
        description: 'The credential, once it is on record',
      },
      handle: async ({ read, credential, context }) => {
        const said = await unread(read);
        const proven = await prove(credential, said.appId);
        const caller = { door: 'exchange', ...proven, context } as const;
        const body = await hear(caller, said.mean);
        const request: Exchange = { ...caller, asked: toAsked(body) };
        if (body.dry_run === true) {
          return { status: 200, headers: NO_STORE, body: toDryRunAnswer(await dryRun(request)) };
        }
        return { status: 200, headers: NO_STORE, body: toExchangeAnswer(await exchange(request)) };
      },
    }),
  );

interface Unread {
  /** The app it names, which the credential must be for. */
  readonly appId: string | undefined;
  /** What it says, once there is someone to tell what is wrong with it. */
  readonly mean: () => ExchangeBody;
}

/** An ID token is for an app, so that much is looked at before anyone is proven; nothing is said of it. */
const unread = async (read: () => Promise<object>): Promise<Unread> => {
  try {
    const body = await read();
    const named = exchangeBody.shape.app_id.safeParse('app_id' in body ? body.app_id : undefined);
    return { appId: named.data, mean: () => parseWith(exchangeBody, body) };
  } catch (refusal) {
    const mean = (): never => {
      throw refusal;
    };
    return { appId: undefined, mean };
  }
};
