import type { AdminRule, App, Deployment } from '../../config/deployment.ts';
import type { SeenProof } from '../../ledger/records.ts';
import { type Attributes, NOBODY, type SignIn } from '../../protocol/principal.ts';

/** The client behind `daypass login` and the console: built in, registered nowhere. */
export const ADMIN_CLIENT = 'daypass-cli';

/** Seconds since the sign-in within which it opens the admin door, once. */
export const ADMIN_SIGN_IN_AGE = 300;

/**
 * Seconds since the sign-in within which an admin may change things (RFC 9470): all that is not only read. Who has left
 * a desk since then has not left the deployment with it.
 */
export const ADMIN_CHANGE_AGE = 900;

export const adminClientFor = (tenant: string): App => ({
  id: ADMIN_CLIENT,
  tenant,
  owner: 'daypass',
  purpose: 'administration',
  expires: '9999-12-31',
  type: 'native',
  dpop: 'required',
  // Any port (RFC 8252 §7.3): `daypass login` listens on a free one.
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
  post_logout_redirect_uris: [],
  trusted: false,
  refresh: false,
  origins: [],
  subject_audiences: [],
  grants: [],
  enabled: true,
});

/** What a sign-in that opens the admin door leaves behind: it opens it once, whichever way it came. */
export const opensOnce = ({ tokenHash, expiresAt }: SignIn): SeenProof => ({
  kind: 'sign_in',
  id: `admin:${tokenHash}`,
  keepUntil: new Date((expiresAt + 60) * 1000),
});

/**
 * A sign-in as an app gets it: without the claims that admin rules look at, and with nobody acting for an
 * admin unless the sign-in says who (security.md T12).
 */
export const forApps = (signIn: SignIn, { admins }: Pick<Deployment, 'admins'>): SignIn => {
  const isAdmin = rightsOf(admins, signIn.issuerId, signIn.attributes).roles.size > 0;
  return {
    ...signIn,
    attributes: mappedAttributes(signIn.attributes),
    mayAct: signIn.mayAct ?? (isAdmin ? NOBODY : undefined),
  };
};

/** Raw claims that admin rules look at travel as attributes under this name, beside the mapped ones. */
export const claimAttribute = (claim: string): string => `claim:${claim}`;

/** Attributes for policy: what the issuer's `claims` map, without what only admin rules look at. */
const mappedAttributes = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith('claim:')));

export type Role = AdminRule['role'];

export interface AdminRights {
  readonly roles: ReadonlySet<Role>;
  /** Whether any of them reaches beyond the admin's tenant. */
  readonly deployment: ReadonlySet<Role>;
}

/** The roles that the rules in force give: no role is ever kept in a token. */
export const rightsOf = (
  rules: readonly AdminRule[],
  issuerId: string,
  attributes: SignIn['attributes'],
): AdminRights => {
  const matching = rules.filter(({ issuer, claim, value }) => {
    const held = attributes[claimAttribute(claim)];
    return (
      issuer === issuerId && (typeof held === 'string' ? held === value : held?.includes(value))
    );
  });
  return {
    roles: new Set(matching.map(({ role }) => role)),
    deployment: new Set(
      matching.filter(({ scope }) => scope === 'deployment').map(({ role }) => role),
    ),
  };
};
