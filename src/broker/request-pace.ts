import type { Paces } from '../ledger/ledger.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import type { CurrentConfiguration } from './configuration.ts';
import type { RequestContext } from './context.ts';
import { networkOf } from './network.ts';

/** As configured: `limits.requests`. */
interface Pace {
  readonly per_second: number;
  /** How many more than one at once. */
  readonly burst: number;
}

/** How fast a caller may ask. Both reject with `too_many_requests`, and ask nothing where nothing is configured. */
export interface RequestPace {
  /** Before anything is proven: nothing that a request says is looked at. */
  readonly ofAddress: (context: Pick<RequestContext, 'ip'>) => Promise<void>;
  /** Once it is known who asks; an app that acts for itself is one user. */
  readonly ofUser: (appId: string, userId: string | undefined) => Promise<void>;
}

export interface RequestPaceDependencies {
  readonly paces: Paces;
  readonly configuration: CurrentConfiguration;
  readonly now: () => Date;
}

/** Leans closed: where the pace cannot be asked for, the answer is `temporarily_unavailable`. */
export const createRequestPace = ({
  paces,
  configuration,
  now,
}: RequestPaceDependencies): RequestPace => {
  const pass = async (pace: Pace, caller: Caller, id: string): Promise<void> => {
    const interval = Math.round(1e6 / pace.per_second);
    const tolerance = pace.burst * interval;
    const at = now();
    const { passed, due } = await paces.pass({ id, interval, tolerance }, at);
    if (!passed) throw tooFast(pace, caller, (due - tolerance) / 1e6 - at.getTime() / 1e3);
  };

  return {
    ofAddress: async ({ ip }) => {
      const pace = configuration.get().deployment.limits.requests;
      if (pace) await pass(pace, AN_ADDRESS, `address:${networkOf(ip)}`);
    },
    ofUser: async (appId, userId) => {
      const pace = configuration.get().index.app(appId)?.limits?.requests;
      if (pace) await pass(pace, A_USER, `user:${appId}:${userId ?? ''}`);
    },
  };
};

/** Whose pace it is, in the words of a refusal. */
interface Caller {
  readonly name: string;
  readonly whose: string;
  readonly field: string;
}

const AN_ADDRESS: Caller = { name: 'requests', whose: 'an address', field: 'address' };
const A_USER: Caller = { name: 'app_requests', whose: 'a user of this app', field: 'app_id' };

/** draft-ietf-httpapi-ratelimit-headers: what passes at once, and the seconds in which all of it comes back. */
const tooFast = ({ per_second, burst }: Pace, { name, whose, field }: Caller, wait: number) => {
  const retryAfter = Math.max(1, Math.ceil(wait));
  const window = Math.max(1, Math.ceil((burst + 1) / per_second));
  return new OAuthError('too_many_requests', `the limit of ${name} is reached`, {
    retryAfter,
    headers: {
      'RateLimit-Policy': `"${name}";q=${burst + 1};w=${window}`,
      RateLimit: `"${name}";r=0;t=${retryAfter}`,
    },
    violations: [
      {
        field,
        rule: name,
        message: `${per_second} a second, and ${burst} more at once, is the limit for ${whose}`,
        remedy: `wait ${retryAfter} s, and ask more evenly`,
      },
    ],
  });
};
