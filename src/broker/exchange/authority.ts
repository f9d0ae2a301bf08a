import type { App } from '../../config/deployment.ts';
import type { Issuance } from '../../ledger/ledger.ts';
import type {
  Authorization,
  LockTarget,
  Root,
  SeenProof,
  TokenRecord,
} from '../../ledger/records.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import type { Actor, Attributes, MayAct, SignIn } from '../../protocol/principal.ts';
import { deviceIdOf, grantIdOf, sessionIdOf } from '../identifiers.ts';

/**
 * What an exchange may draw on: a proven sign-in, a Daypass token, or a client acting for itself.
 * Nothing issued from it is wider, lives longer or is bound to less.
 */
export interface Authority {
  readonly subject: string;
  readonly tenantId: string;
  readonly user: AuthorityUser | undefined;
  /** Undefined for a client: its registration has no end of its own here. */
  readonly expiresAt: Date | undefined;
  readonly root: Root | undefined;
  /** One authorization, whatever comes of it; undefined for a client, which asks for itself each time. */
  readonly grantId: string | undefined;
  /** Set where the authority is a token: what it holds, and what its holder must prove. */
  readonly held: TokenRecord | undefined;
  /** What it is limited to, where it is a token or something a person agreed to. */
  readonly within: Limit | undefined;
  /** The sign-in here that somebody agreed after. */
  readonly signedInHere: SignIn | undefined;
  /** Everything whose revocation kills what is issued. */
  readonly lineage: readonly LockTarget[];
  readonly authorities: Issuance['authorities'];
  readonly seen: readonly SeenProof[];
  readonly signIn: SignIn | undefined;
  /** Who acts for the subject, newest first (RFC 8693 §4.1). */
  readonly actors: readonly Actor[];
  /** Who may come to act; undefined where that is policy's alone. */
  readonly mayAct: MayAct | undefined;
  /** The part of `lineage` that came with the actor. */
  readonly actorLineage: readonly LockTarget[];
}

/** One resource, and what may be done there. */
export type Limit = Pick<
  TokenRecord,
  'resource' | 'scopes' | 'authorizationDetails' | 'lawfulBasis'
>;

export interface AuthorityUser {
  readonly userId: string;
  readonly issuerId: string;
  readonly issuer: string;
  readonly attributes: Attributes;
}

/** Any lock on a token, a grant or a session kills it, whatever the moment: none is ever given again. */
const ALWAYS = new Date(0);
const NEVER_AGAIN = /^(?:token|grant|session):/;

export const fromSignIn = (signIn: SignIn): Authority => {
  const people: LockTarget[] = [
    `user:${signIn.userId}`,
    `issuer:${signIn.issuerId}`,
    `tenant:${signIn.tenant}`,
  ];
  const since = new Date(signIn.issuedAt * 1000);
  const grantId = grantIdOf(signIn.tokenHash);
  const once: LockTarget[] = [`grant:${grantId}`];
  if (signIn.sessionId !== undefined) {
    once.push(`session:${sessionIdOf(signIn.issuer, signIn.sessionId)}`);
  }
  return {
    subject: signIn.subject,
    tenantId: signIn.tenant,
    user: signIn,
    expiresAt: new Date(signIn.expiresAt * 1000),
    root: {
      tokenHash: signIn.tokenHash,
      sessionId: signIn.sessionId,
      expiresAt: new Date(signIn.expiresAt * 1000),
    },
    grantId,
    held: undefined,
    within: undefined,
    signedInHere: undefined,
    lineage: [...people, ...once],
    // Revoking a person, an issuer or a tenant ends the sign-ins before it too. Leans closed: an ID
    // token of the very second of the revocation is refused.
    authorities: [
      ...people.map((key) => ({ key, since })),
      ...once.map((key) => ({ key, since: ALWAYS })),
    ],
    seen: [],
    signIn,
    actors: [],
    mayAct: signIn.mayAct,
    actorLineage: [],
  };
};

/** One authorization at `/authorize`, and until when something may come of it. */
export interface Granted extends Pick<Authorization, 'signIn' | 'authorizedAt'> {
  /** Undefined while it is being asked for. */
  readonly limit: Limit | undefined;
  readonly grantId: string;
  readonly appId: string;
  readonly expiresAt: Date;
  /** The key that every use proves, where one is bound to it. */
  readonly thumbprint: string | undefined;
}

/**
 * What a person agreed to after signing in here. It dies with the sign-in, whichever app that came through, and
 * with the authorization itself; and with its app, even where later ones may be given again.
 */
export const fromAuthorization = (granted: Granted): Authority => {
  const { signIn, grantId, appId, expiresAt, authorizedAt, thumbprint } = granted;
  const { lineage, authorities, ...authority } = fromSignIn(signIn);
  const grant: LockTarget = `grant:${grantId}`;
  const since = new Date(authorizedAt * 1000);
  const own: LockTarget[] = [`app:${appId}`];
  if (thumbprint !== undefined) own.push(`device:${deviceIdOf(thumbprint)}`);
  return {
    ...authority,
    expiresAt,
    root: { tokenHash: signIn.tokenHash, sessionId: signIn.sessionId, expiresAt },
    grantId,
    within: granted.limit,
    signedInHere: signIn,
    lineage: [...lineage, grant],
    authorities: [
      ...authorities,
      { key: grant, since: ALWAYS },
      ...own.map((key) => ({ key, since })),
    ],
    // The ID token behind it was for us, and is tied to no app and no key.
    signIn: undefined,
  };
};

export const fromToken = (token: TokenRecord): Authority => ({
  subject: token.subject,
  tenantId: token.tenantId,
  user:
    token.userId === undefined || token.issuerId === undefined || token.issuer === undefined
      ? undefined
      : {
          userId: token.userId,
          issuerId: token.issuerId,
          issuer: token.issuer,
          attributes: token.attributes,
        },
  expiresAt: token.expiresAt,
  root: token.root,
  grantId: token.grantId,
  held: token,
  within: token,
  signedInHere: undefined,
  lineage: token.lineage,
  authorities: authoritiesOf(token),
  seen: [],
  signIn: undefined,
  actors: token.actors,
  mayAct: token.mayAct,
  actorLineage: [],
});

export const fromClient = (app: App): Authority => ({
  subject: app.id,
  tenantId: app.tenant,
  user: undefined,
  expiresAt: undefined,
  root: undefined,
  grantId: undefined,
  held: undefined,
  within: undefined,
  signedInHere: undefined,
  lineage: [`tenant:${app.tenant}`],
  authorities: [],
  seen: [],
  signIn: undefined,
  actors: [],
  mayAct: undefined,
  actorLineage: [],
});

/** What must not have been revoked since a token was issued, for the token to be good for anything. */
export const authoritiesOf = ({ lineage, issuedAt }: TokenRecord): Issuance['authorities'] =>
  lineage.map((key) => ({ key, since: NEVER_AGAIN.test(key) ? ALWAYS : issuedAt }));

export const heldDetails = (authority: Authority): readonly StorageDetail[] | undefined =>
  authority.within?.authorizationDetails;
