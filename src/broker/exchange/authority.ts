import type { App } from '../../config/deployment.ts';
import type { Issuance } from '../../ledger/ledger.ts';
import type { LockTarget, Root, SeenProof, TokenRecord } from '../../ledger/records.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import type { Actor, Attributes, MayAct, SignIn } from '../../protocol/principal.ts';
import { grantIdOf, sessionIdOf } from '../identifiers.ts';

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
  authority.held?.authorizationDetails;
