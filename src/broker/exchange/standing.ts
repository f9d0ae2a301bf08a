import { hasExpired } from '../../config/expiry.ts';
import type { ActorInQuestion } from '../../policy/engine.ts';
import { unproven } from '../../protocol/oauth-error.ts';
import type { Actor } from '../../protocol/principal.ts';
import type { InForce } from '../configuration.ts';

/**
 * Someone in a chain of delegation as the configuration in force knows them: a person by their issuer, a
 * service by its registration. Undefined where it knows them no more.
 */
export const actorIn = ({ issuer, subject }: Actor, { index }: InForce): Standing | undefined => {
  const sso = index.issuerByUrl(issuer);
  if (sso) return { issuer, subject, tenant: sso.tenant, kind: 'person', isInService: sso.enabled };
  const app = index.app(subject);
  return app && { issuer, subject, tenant: app.tenant, kind: 'service', isInService: app.enabled };
};

interface Standing extends ActorInQuestion {
  readonly isInService: boolean;
}

/**
 * A chain is as good as everyone in it: an actor whose issuer is believed no more, or whose app is out of
 * service, acts no more. Leans closed: what was done in the name of all of them ends with one of them.
 *
 * @throws {OAuthError} `invalid_token`.
 */
export const mustAllStand = (actors: readonly Actor[], inForce: InForce, now: Date): void => {
  for (const actor of actors) {
    const standing = actorIn(actor, inForce);
    if (!standing?.isInService) throw unproven('an actor is out of service');
    const app = standing.kind === 'service' ? inForce.index.app(actor.subject) : undefined;
    if (app && hasExpired(app, now)) throw unproven('the registration of an actor has expired');
  }
};

/** What policy knows of a chain: how many, how many may be, and who acts now. */
export const chainInQuestion = (actors: readonly Actor[], inForce: InForce) => {
  const { max_actors: maxActors } = inForce.deployment.limits;
  const standing = actors[0] && actorIn(actors[0], inForce);
  if (!standing) return { actors: actors.length, maxActors };
  const { isInService: _, ...actor } = standing;
  return { actors: actors.length, maxActors, actor };
};
