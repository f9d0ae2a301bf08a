import type { StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import type { Constraints } from '../../protocol/authorization-details.ts';
import { admits } from '../../scope/media-range.ts';
import type {
  ActorInQuestion,
  App,
  Grant,
  ObjectInQuestion,
  Question,
  Resource,
  User,
} from '../engine.ts';
import { ancestors } from './canonical-path.ts';
import { count, entity, type Facts, flag, given, member, present, text, texts } from './fact.ts';
import { rangesOf } from './media-range.ts';

export type CedarRequest = Pick<
  StatefulAuthorizationCall,
  'principal' | 'action' | 'resource' | 'context' | 'entities'
>;

/** The default of `limits.max_actors`. */
const MAX_ACTORS = 3;

const KIND = { bucket: 'Bucket', api: 'Api', admin: 'Admin' } as const;

/**
 * The question in the shape of `policies/schema.cedarschema`: everything in the context, since an entity costs more; only
 * a user with attributes is one.
 *
 * @throws {TypeError} for a value of the wrong type, a negative number, a path that is not canonical.
 */
export const cedarRequest = (question: Question): CedarRequest => {
  const { user, app, resource } = question;
  return {
    principal: user ? entity('User', user.id) : entity('App', app.id),
    action: entity('Action', question.action),
    resource: entity(typeOf(resource.kind), resource.id),
    context: present({
      user: given(user, ({ tenant, issuer }) => ({ tenant: text(tenant), issuer: text(issuer) })),
      app: appFacts(app),
      resource: resourceFacts(resource),
      actions: texts(question.actions),
      constraints: constraintFacts(question.constraints, question.grant),
      grant: given(question.grant, grantFacts),
      ttl: count(question.ttl),
      ttlCeiling: count(question.ttlCeiling),
      bound: flag(question.bound),
      lawfulBasis: given(question.lawfulBasis, text),
      object: given(question.object, objectFacts),
      unenforceable: given(question.unenforceable, texts),
      checkedAfterwards: given(question.checkedAfterwards, texts),
      actors: count(question.actors),
      maxActors: count(question.maxActors ?? MAX_ACTORS),
      actor: given(question.actor, actorFacts),
      approval: given(question.approval, text),
    }),
    entities: user ? attributes(user) : [],
  };
};

/** A kind nobody knows would be a resource that no forbid about kinds matches. */
const typeOf = (kind: Resource['kind']): string => {
  if (Object.hasOwn(KIND, kind)) return KIND[kind];
  throw new TypeError('no kind of resource');
};

const appFacts = ({ id, tenant, type, owner }: App): Facts => ({
  id: text(id),
  tenant: text(tenant),
  type: member('AppType', type),
  owner: text(owner),
});

const actorFacts = ({ issuer, subject, tenant, kind }: ActorInQuestion): Facts => ({
  issuer: text(issuer),
  subject: text(subject),
  tenant: text(tenant),
  kind: member('ActorKind', kind),
});

const resourceFacts = (resource: Resource): Facts =>
  present({
    tenant: text(resource.tenant),
    residency: given(resource.residency, text),
    classification: given(resource.classification, (name) => member('Classification', name)),
    retentionLocked: flag(resource.retentionLocked ?? false),
    tenantResidency: given(resource.tenantResidency, text),
  });

const constraintFacts = (held: Constraints, grant: Grant | undefined): Facts => {
  const { prefix, content_types: types } = held;
  const granted = grant?.content_types;
  return present({
    prefix: given(prefix, text),
    prefixAncestors: prefix === undefined ? [] : [...ancestors(prefix)],
    max_size: given(held.max_size, count),
    content_types: given(types, texts),
    // Cedar has no "for all": which types are too wide is found here, what follows from it is policy.
    contentTypesBeyondGrant:
      types && granted ? texts(types).filter((type) => !admits(granted, type)) : [],
  });
};

const grantFacts = (grant: Grant): Facts =>
  present({
    actions: texts(grant.actions),
    prefix: given(grant.prefix, canonical),
    max_size: given(grant.max_size, count),
    content_types: given(grant.content_types, texts),
    max_ttl: given(grant.max_ttl, count),
  });

const objectFacts = ({ key, size, contentType, overwrites }: ObjectInQuestion): Facts => {
  const path = text(key).startsWith('/') ? key : `/${key}`;
  return present({
    key: path,
    ancestors: [...ancestors(path)],
    size: given(size, count),
    contentRanges: given(contentType, (type) => [...rangesOf(text(type))]),
    overwrites: flag(overwrites ?? false),
  });
};

const canonical = (prefix: string): string => {
  ancestors(prefix); // throws where it is not
  return prefix;
};

/** A user's attributes are tags, each a set of texts: a claim may have any name, and one value or several. */
const attributes = ({ id, attributes: claims }: User): CedarRequest['entities'] => {
  const tags = Object.entries(claims).map(([name, value]) => [
    text(name),
    typeof value === 'string' ? [text(value)] : texts(value),
  ]);
  if (tags.length === 0) return [];
  return [{ uid: entity('User', id), attrs: {}, parents: [], tags: Object.fromEntries(tags) }];
};
