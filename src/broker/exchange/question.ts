import type { Grant as PolicyGrant, Question } from '../../policy/engine.ts';
import type { Constraints, StorageDetail } from '../../protocol/authorization-details.ts';
import type { InForce } from '../configuration.ts';
import { bindingOf } from './binding.ts';
import type { Exchange } from './exchange.ts';
import type { Settled } from './settle.ts';
import { chainInQuestion } from './standing.ts';
import { policyResource } from './target.ts';

/** One question for each part of a request that has its own limits. */
export const toQuestions = (
  exchange: Exchange,
  settled: Settled,
  inForce: InForce,
  left: number,
): readonly Question[] => {
  const { app, authority } = exchange;
  const { ceiling } = inForce.deployment.limits.ttl;
  const common = {
    action: 'exchange' as const,
    ...(authority.user && { user: policyUser(authority.user, authority.tenantId) }),
    app: { id: app.id, tenant: app.tenant, type: app.type, owner: app.owner },
    resource: policyResource(settled.target, authority.tenantId, inForce),
    ttl: settled.ttl,
    ttlCeiling: Math.floor(Math.min(ceiling, left)),
    bound: bindingOf(exchange) !== undefined,
    ...(settled.lawfulBasis === undefined ? {} : { lawfulBasis: settled.lawfulBasis }),
    ...chainInQuestion(authority.actors, inForce),
  };
  if (settled.parts.length === 0) {
    const grant = settled.grant && { actions: settled.grant.actions, ...ttlOf(settled.grant) };
    return [{ ...common, actions: settled.scopes, constraints: {}, ...(grant && { grant }) }];
  }
  return settled.parts.map(({ detail, grant }) => ({
    ...common,
    actions: detail.actions,
    constraints: constraintsOf(detail),
    grant: {
      actions: grant.actions,
      ...constraintsOf(grant),
      ...ttlOf(settled.grant),
    } satisfies PolicyGrant,
  }));
};

export const policyUser = (
  user: {
    userId: string;
    issuerId: string;
    attributes: NonNullable<Question['user']>['attributes'];
  },
  tenant: string,
): NonNullable<Question['user']> => ({
  id: user.userId,
  tenant,
  issuer: user.issuerId,
  attributes: user.attributes,
});

export const constraintsOf = ({ prefix, max_size, content_types }: StorageDetail): Constraints => ({
  ...(prefix === undefined ? {} : { prefix }),
  ...(max_size === undefined ? {} : { max_size }),
  ...(content_types === undefined ? {} : { content_types }),
});

const ttlOf = (grant: { readonly max_ttl?: number } | undefined): { max_ttl?: number } =>
  grant?.max_ttl === undefined ? {} : { max_ttl: grant.max_ttl };
