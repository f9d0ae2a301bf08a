import type { Deployment } from '../../config/deployment.ts';
import { adminId, type Change } from '../../config/plan.ts';
import type { AuditRecord } from '../../ledger/records.ts';

/** Who changes what, from what to what. */
export interface Changing {
  readonly changes: readonly Change[];
  readonly before: Deployment | undefined;
  readonly after: Deployment;
  /** The event, but for what was changed; its tenant is that of who changes it. */
  readonly event: AuditRecord;
}

/**
 * Each tenant reads of what was changed of its own, and by whom, and of nothing of others. Whoever changes more than one
 * thing's tenant has an event of their own too: what of it is the whole deployment's, and how many changes others read of.
 */
export const onRecord = ({ changes, before, after, event }: Changing): readonly AuditRecord[] => {
  const owners = ownersIn([...(before ? [before] : []), after]);
  const ownersOf = ({ kind, id }: Change): ReadonlySet<string> =>
    owners.get(keyOf(kind, id)) ?? NONE;
  const tenants = new Set(changes.flatMap((change) => [...ownersOf(change)]));
  const says = (tenantId: string | undefined, told: readonly Change[], more = {}): AuditRecord => ({
    ...event,
    tenantId,
    detail: { ...event.detail, changes: told, ...more },
  });
  const ofTenant = (tenant: string) => changes.filter((change) => ownersOf(change).has(tenant));
  const ofAll = changes.filter((change) => ownersOf(change).size === 0);
  const others = [...tenants].filter((tenant) => tenant !== event.tenantId);
  const told = others.map((tenant) => says(tenant, ofTenant(tenant)));
  if (told.length === 1 && tenants.size === 1 && ofAll.length === 0) return told;
  const own = event.tenantId === undefined ? [] : ofTenant(event.tenantId);
  const seen = [...ofAll, ...own];
  const elsewhere = changes.length - seen.length;
  return [says(event.tenantId, seen, elsewhere > 0 ? { elsewhere } : {}), ...told];
};

const NONE: ReadonlySet<string> = new Set();

const keyOf = (kind: Change['kind'], id: string): string => JSON.stringify([kind, id]);

/** Whose each thing is; what moves is that of both. Limits and keys are nobody's: they are the deployment's. */
const ownersIn = (deployments: readonly Deployment[]): ReadonlyMap<string, ReadonlySet<string>> => {
  const owners = new Map<string, Set<string>>();
  for (const [key, tenant] of deployments.flatMap(owned))
    owners.set(key, (owners.get(key) ?? new Set()).add(tenant));
  return owners;
};

type Owned = readonly [key: string, tenant: string];

const owned = (deployment: Deployment): readonly Owned[] => {
  const { tenants, issuers, admins, apps, buckets, resource_servers } = deployment;
  const tenantOf = new Map(issuers.map(({ id, tenant }) => [id, tenant]));
  const all =
    (kind: Change['kind']) =>
    ({ id, tenant = id }: { readonly id: string; readonly tenant?: string }): Owned => [
      keyOf(kind, id),
      tenant,
    ];
  return [
    ...tenants.map(({ id }) => all('tenant')({ id })),
    ...issuers.map(all('issuer')),
    // A role is given to people of an issuer, and names it.
    ...admins.map((rule) =>
      all('admin')({ id: adminId(rule), tenant: tenantOf.get(rule.issuer) ?? '' }),
    ),
    ...apps.map(all('app')),
    ...buckets.map(all('bucket')),
    ...resource_servers.map(all('resource_server')),
  ];
};
