import { isPublicType } from '../app-type.ts';
import { nearest } from '../nearest.ts';
import type { Draft, Entry, Section } from './draft.ts';
import type { Finding } from './finding.ts';

/** A name for which there is no entry, with the name that was probably meant. */
export const dangling = (
  path: readonly PropertyKey[],
  kind: string,
  name: string,
  known: Iterable<string>,
): Finding => {
  const meant = nearest(name, known);
  return {
    path,
    rule: 'reference',
    message: `there is no ${kind} "${name}"`,
    remedy:
      meant === undefined
        ? `add the ${kind}, or name one that is listed`
        : `did you mean ${meant}?`,
  };
};

/** Nothing crosses tenants. Silent about a tenant that is unknown: that is reported where it is written. */
export const sameTenant = (
  { tenants: { byId } }: Draft,
  path: readonly PropertyKey[],
  kind: string,
  named: { readonly id: string; readonly tenant: string },
  tenant: string,
): Finding[] =>
  named.tenant === tenant || !byId.has(named.tenant) || !byId.has(tenant)
    ? []
    : [
        {
          path,
          rule: 'same_tenant',
          message: `${kind} "${named.id}" belongs to tenant ${named.tenant}, not to ${tenant}`,
          remedy: `name a ${kind} of ${tenant}, or move one of the two`,
        },
      ];

const tenantExists = (draft: Draft): Finding[] => {
  const owned: readonly Section<{ readonly tenant: string }>[] = [
    draft.issuers,
    draft.apps,
    draft.buckets,
    draft.resource_servers,
  ];
  return owned
    .flatMap(({ entries }): readonly Entry<{ readonly tenant: string }>[] => entries)
    .filter(({ value }) => !draft.tenants.byId.has(value.tenant))
    .map(({ path, value }) =>
      dangling([...path, 'tenant'], 'tenant', value.tenant, draft.tenants.byId.keys()),
    );
};

const adminRules = ({ admins, issuers }: Draft): Finding[] =>
  admins.entries.flatMap(({ path, value }): Finding[] => {
    const at = [...path, 'issuer'];
    if (!issuers.byId.has(value.issuer))
      return [dangling(at, 'issuer', value.issuer, issuers.byId.keys())];
    const issuer = issuers.byId.get(value.issuer);
    if (issuer === undefined || issuer.sign_in !== undefined) return [];
    // Both doors of the admin API take only ID tokens of the issuer's sign_in client.
    return [
      {
        path: at,
        rule: 'takes_effect',
        message: `issuer "${value.issuer}" has no sign_in, so nobody can sign in as this admin`,
        remedy: 'give the issuer a sign_in, or remove this rule',
      },
    ];
  });

const repeatedAdminRules = ({ admins }: Draft): Finding[] => {
  const seen = new Set<string>();
  return admins.entries.flatMap(({ path, value }): Finding[] => {
    const key = JSON.stringify([value.issuer, value.claim, value.value, value.role]);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      {
        path,
        rule: 'distinct',
        message: 'gives the same role for the same claim as an entry above',
        remedy: 'remove one of the two',
      },
    ];
  });
};

const introspectionClient = (
  draft: Draft,
  path: readonly PropertyKey[],
  name: string,
  tenant: string,
): Finding[] => {
  if (!draft.apps.byId.has(name)) return [dangling(path, 'app', name, draft.apps.byId.keys())];
  const app = draft.apps.byId.get(name);
  if (app === undefined) return [];
  if (app.tenant !== tenant || !isPublicType(app.type))
    return sameTenant(draft, path, 'app', app, tenant);
  return [
    {
      path,
      rule: 'takes_effect',
      message: `"${name}" is a ${app.type} app and cannot authenticate, so it can never introspect`,
      remedy: 'name a web or service app',
    },
  ];
};

const introspectionClients = (draft: Draft): Finding[] =>
  draft.resource_servers.entries.flatMap(({ path, value }) =>
    value.introspection_clients.flatMap((name, index) =>
      introspectionClient(draft, [...path, 'introspection_clients', index], name, value.tenant),
    ),
  );

/** Every name in the document names an entry of it, of the same tenant. */
export const checkReferences = (draft: Draft): Finding[] => [
  ...tenantExists(draft),
  ...adminRules(draft),
  ...repeatedAdminRules(draft),
  ...introspectionClients(draft),
];
