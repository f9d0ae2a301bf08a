import type { createDryRun } from '../../broker/exchange/dry-run.ts';
import type { createExchange, Exchange } from '../../broker/exchange/exchange.ts';
import type { createProver } from '../../broker/exchange/prove.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import {
  exchangeAnswer,
  exchangeBody,
  toAsked,
  toDryRunAnswer,
  toExchangeAnswer,
} from '../wire/exchange.ts';

export interface ExchangeRoutes {
  readonly prove: ReturnType<typeof createProver>;
  readonly exchange: ReturnType<typeof createExchange>;
  readonly dryRun: ReturnType<typeof createDryRun>;
}

/** A sign-in in, a narrow credential out. Both names are one endpoint, each with an `htu` of its own. */
export const exchangeRoutes = ({ prove, exchange, dryRun }: ExchangeRoutes): Route[] =>
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
      handle: async ({ body, credential, context }) => {
        const proven = await prove(credential, body.app_id);
        const request: Exchange = { door: 'exchange', ...proven, asked: toAsked(body), context };
        if (body.dry_run === true) {
          return { status: 200, headers: NO_STORE, body: toDryRunAnswer(await dryRun(request)) };
        }
        return { status: 200, headers: NO_STORE, body: toExchangeAnswer(await exchange(request)) };
      },
    }),
  );
