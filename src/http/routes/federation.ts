import { z } from 'zod';
import type { LogoutInbox } from '../../federation/logout-inbox.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';

export interface FederationRoutes {
  readonly logouts: Pick<LogoutInbox, 'receive'>;
}

/** Members of other names are the IdP's business (OpenID Connect Back-Channel Logout 1.0 §2.5). */
const logoutBody = z.looseObject({ logout_token: z.string().min(1).max(16_384) });

/** For the company's IdPs. */
export const federationRoutes = (broker: FederationRoutes): Route[] => [
  route({
    method: 'POST',
    path: '/backchannel-logout/{issuerId}',
    summary: 'A session at the company has ended: whatever it issued here dies',
    description:
      'OpenID Connect Back-Channel Logout 1.0; register it at the IdP, with `issuerId` as the configuration has it. Where the logout token cannot be verified yet, the answer is 503 and it is carried out as soon as it can be.',
    authentication: 'none',
    encoding: 'form',
    body: logoutBody,
    answer: { status: 200, description: 'All of it is dead' },
    handle: async ({ body, params }) => {
      await broker.logouts.receive(params.issuerId ?? '', body.logout_token);
      return { status: 200, headers: NO_STORE };
    },
  }),
];
