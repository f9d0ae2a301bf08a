import { createHash } from 'node:crypto';
import {
  type Deployment,
  type DeploymentDocument,
  deploymentFromObject,
  storedDeployment,
} from '../../config/deployment.ts';
import { type Change, planChanges } from '../../config/plan.ts';
import type { ConfigurationEntity, Configurations, Holder } from '../../ledger/ledger.ts';
import type { AuditRecord } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';

/** Who applies a configuration, and from where. */
export interface Applicant {
  readonly by: string;
  readonly source: string;
  readonly known?: Partial<AuditRecord>;
  readonly holder?: Holder;
  /** The version they were let in under; what is in force where nobody had to be. */
  readonly judgedUnder?: number;
}

export interface ConfigureDependencies {
  readonly configurations: Configurations;
  readonly production: boolean;
  readonly now: () => Date;
}

export interface Configure {
  /** What applying would change. @throws ConfigurationError with every problem */
  plan(document: unknown): Promise<readonly Change[]>;
  /** Replaces the configuration as a whole, or leaves all of it. Applying what is in force changes nothing. */
  apply(
    document: unknown,
    applicant: Applicant,
  ): Promise<{ version: number; changes: readonly Change[] }>;
}

export const createConfigure = ({
  configurations,
  production,
  now,
}: ConfigureDependencies): Configure => {
  const compare = async (document: unknown) => {
    mustSaySomething(document);
    const after = deploymentFromObject(document, {
      production,
      now: now(),
      source: 'the configuration',
    });
    const applied = await configurations.current();
    const before =
      applied && storedDeployment(applied.document, { production, source: 'the database' });
    return { after, applied, changes: planChanges(before, after) };
  };

  return {
    plan: async (document) => (await compare(document)).changes,

    apply: async (document, { by, source, known, holder, judgedUnder }) => {
      const { after, applied, changes } = await compare(document);
      if (applied && changes.length === 0) return { version: applied.version, changes };
      const at = now();
      const { limits, keys, admins } = document as DeploymentDocument;
      const version = await configurations.apply({
        // Whoever was let in under rules that have ended meanwhile changes nothing by them.
        expected: judgedUnder ?? applied?.version ?? 0,
        holder,
        digest: digestOf(document),
        settings: { ...(limits && { limits }), ...(keys && { keys }), ...(admins && { admins }) },
        plan: changes,
        source,
        by,
        at,
        entities: entitiesOf(document as DeploymentDocument, after),
        audit: {
          ...known,
          at,
          action: 'configuration.apply',
          outcome: 'granted',
          detail: { by, source, changes },
        },
      });
      return { version, changes };
    },
  };
};

/** Replacing a whole configuration by nothing is a slip: an empty file, a variable that was not set. */
const mustSaySomething = (document: unknown): void => {
  const tenants = (document as DeploymentDocument | null)?.tenants;
  if (tenants && tenants.length > 0) return;
  throw new OAuthError('invalid_request', 'the configuration has no tenant', {
    violations: [
      {
        field: 'tenants',
        rule: 'required',
        message: 'a configuration without a tenant would delete everything',
        remedy: 'list at least one tenant; to stop an app, disable it',
      },
    ],
  });
};

const entitiesOf = (
  document: DeploymentDocument,
  { tenants, issuers, apps, buckets, resource_servers }: Deployment,
) => {
  const tenantOf = new Map(
    [...issuers, ...apps, ...buckets, ...resource_servers].map(
      (entity) => [entity, entity.tenant] as const,
    ),
  );
  const rows = (
    kind: ConfigurationEntity['kind'],
    parsed: readonly { readonly id: string }[],
    written: readonly object[] | undefined,
  ): ConfigurationEntity[] =>
    parsed.map((entity, position) => ({
      kind,
      id: entity.id,
      tenantId: tenantOf.get(entity as never) ?? entity.id,
      definition: written?.[position] ?? {},
    }));
  return [
    ...rows('tenant', tenants, document.tenants),
    ...rows('issuer', issuers, document.issuers),
    ...rows('app', apps, document.apps),
    ...rows('bucket', buckets, document.buckets),
    ...rows('resource_server', resource_servers, document.resource_servers),
  ];
};

const digestOf = (document: unknown): string =>
  `sha256:${createHash('sha256').update(JSON.stringify(document)).digest('hex')}`;
