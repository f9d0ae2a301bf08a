import type { createDryRun } from '../../broker/exchange/dry-run.ts';
import type { createExchange, Exchange } from '../../broker/exchange/exchange.ts';
import type { createHear } from '../../broker/exchange/hear.ts';
import type { createProver, Named } from '../../broker/exchange/prove.ts';
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
      isPaced: true,
      body: exchangeBody,
      answer: {
        status: 200,
        schema: exchangeAnswer,
        description: 'The credential, once it is on record',
      },
      handle: async ({ read, credential, context }) => {
        const said = await unread(read);
        const proven = await prove(credential, said);
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

/** With the app it names, which the credential must be for, and the proof of another key to bind to. */
interface Unread extends Named {
  /** What it says, once there is someone to tell what is wrong with it. */
  readonly mean: () => ExchangeBody;
}

/** What proving takes is looked at before anyone is proven, where it can be read; nothing is said of it yet. */
const unread = async (read: () => Promise<object>): Promise<Unread> => {
  try {
    const body = await read();
    const { app_id, dpop_binding_proof }: Partial<Record<string, unknown>> = { ...body };
    return {
      appId: exchangeBody.shape.app_id.safeParse(app_id).data,
      bindingProof: exchangeBody.shape.dpop_binding_proof.safeParse(dpop_binding_proof).data,
      mean: () => parseWith(exchangeBody, body),
    };
  } catch (refusal) {
    const mean = (): never => {
      throw refusal;
    };
    return { appId: undefined, bindingProof: undefined, mean };
  }
};
