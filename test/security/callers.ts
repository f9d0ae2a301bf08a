import { describedRoutes } from '../../src/http/route-table.ts';
import type { CallOptions } from '../support/client.ts';
import { newKey } from '../support/client.ts';
import { SECRET } from './deployment.ts';
import { basic, type Held, type Stage } from './stage.ts';

/** Whoever may come in at a route: what is refused beyond that is refused for what was said. */

export const ROUTES = describedRoutes();
export type Route = (typeof ROUTES)[number];

export const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string =>
  `${method} ${path}`;

export const callersOf = async (stage: Stage) => {
  const admins = new Map<string, Held>();
  const held = await stage.tokenOf();

  const adminFor = async (role: string): Promise<Held> => {
    const groups =
      { security: 'security', platform: 'platform', auditor: 'auditors' }[role] ?? role;
    const known = admins.get(groups) ?? (await stage.adminOf([groups]));
    admins.set(groups, known);
    return known;
  };

  return {
    held,
    /** Options of a call that passes the door of `route`; whether the caller is known by then. */
    of: async ({ authentication }: Route): Promise<{ options: CallOptions; known: boolean }> => {
      if (authentication === 'none') return { options: {}, known: false };
      if (authentication === 'client') {
        return {
          options: { headers: { authorization: basic('orders-api', SECRET) } },
          known: false,
        };
      }
      if (authentication === 'credential') {
        const options = { token: stage.idToken(), key: newKey(), bound: false };
        return { options, known: true };
      }
      const { token, key } =
        authentication === 'token' ? held : await adminFor(authentication.roles[0] ?? '');
      return { options: { token, key }, known: true };
    },
  };
};
