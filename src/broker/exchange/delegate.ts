import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Actor, MayAct } from '../../protocol/principal.ts';
import type { Authority } from './authority.ts';

/** Who wants to act, proven as completely as a subject. */
export interface ProvenActor {
  readonly authority: Authority;
  /** The app its token was issued to. */
  readonly clientId: string;
}

/**
 * The authority of a subject, exercised by an actor (RFC 8693 §1.1, §4.1): what the subject holds, for as long
 * as both last, and dead with either.
 *
 * How long the chain may be, and whether it may cross tenants, is policy's to say.
 *
 * @param issuer ours: who speaks for a client that acts for itself.
 * @throws {OAuthError} `invalid_request` naming the rule the chain would break.
 */
export const delegate = (
  subject: Authority,
  { authority: actor, clientId }: ProvenActor,
  issuer: string,
): Authority => {
  const newest = nameOf(actor, issuer);
  // A chain inside an actor token would have to be either forgotten or told as part of this one.
  if (actor.actors.length > 0) throw DELEGATED();
  if (isSame(newest, nameOf(subject, issuer))) throw ITSELF();
  if (subject.actors.some((one) => isSame(one, newest))) throw TWICE();
  mustBeAllowed(subject, { ...newest, clientId }, issuer);
  return {
    ...subject,
    expiresAt: earlier(subject.expiresAt, actor.expiresAt),
    // What is derived from the token, a ticket or a URL, ends with both sign-ins as well.
    root: subject.root && {
      ...subject.root,
      expiresAt: earlier(subject.root.expiresAt, actor.root?.expiresAt ?? actor.expiresAt),
    },
    lineage: [...new Set([...subject.lineage, ...actor.lineage])],
    authorities: [...subject.authorities, ...actor.authorities],
    seen: [...subject.seen, ...actor.seen],
    actors: [newest, ...subject.actors],
    actorLineage: actor.lineage,
  };
};

const nameOf = ({ user, subject }: Authority, issuer: string): Actor => ({
  issuer: user?.issuer ?? issuer,
  subject,
});

const isSame = (one: Actor, other: Actor): boolean =>
  one.issuer === other.issuer && one.subject === other.subject;

/**
 * RFC 8693 §4.4. Without `iss` the claim means someone the subject's own issuer knows, or a client of ours. It holds
 * for whoever joins the chain later too: it was said of the subject.
 */
const mustBeAllowed = (
  { mayAct, user }: Authority,
  actor: Actor & { readonly clientId: string },
  issuer: string,
): void => {
  if (mayAct === undefined) return;
  const issuers = mayAct.issuer === undefined ? [user?.issuer, issuer] : [mayAct.issuer];
  const isNamed =
    names(mayAct) &&
    issuers.includes(actor.issuer) &&
    (mayAct.subject ?? actor.subject) === actor.subject &&
    (mayAct.clientId ?? actor.clientId) === actor.clientId;
  if (!isNamed) throw NOT_NAMED();
};

const names = ({ subject, clientId }: MayAct): boolean =>
  subject !== undefined || clientId !== undefined;

const earlier = <Moment extends Date | undefined>(one: Moment, other: Date | undefined): Moment =>
  other !== undefined && (one === undefined || other < one) ? (other as Moment) : one;

const refusal = (rule: string, message: string, remedy: string) => (): OAuthError =>
  new OAuthError('invalid_request', message, {
    detail: `delegation: ${rule}`,
    violations: [{ field: 'actor_token', rule, message, remedy }],
  });

const DELEGATED = refusal(
  'own_token',
  'somebody else acts with the actor token already',
  'present a token that the actor holds for itself',
);

const ITSELF = refusal(
  'not_itself',
  'the actor is the subject itself',
  'leave actor_token out: nobody acts for another here',
);

const TWICE = refusal(
  'once_in_chain',
  'the actor acts in this chain already',
  'narrow the token without an actor, or exchange one nearer to the person',
);

const NOT_NAMED = refusal(
  'may_act',
  'the subject does not let this actor act',
  'have the issuer of the sign-in name the actor in may_act (RFC 8693 §4.4)',
);
