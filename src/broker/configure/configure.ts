import { createHash } from 'node:crypto';
import {
  type Deployment,
  type DeploymentDocument,
  deploymentFromObject,
  storedDeployment,
} from '../../config/deployment.ts';
import { type Change, planChanges } from '../../config/plan.ts';
import { ConfigurationError, type Problem } from '../../config/problem.ts';
import { schemaProblem } from '../../inspection/table-schema.ts';
import type {
  AppliedConfiguration,
  ConfigurationEntity,
  Configurations,
  Holder,
} from '../../ledger/ledger.ts';
import type { AuditRecord } from '../../ledger/records.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { type Conditions, mustHold } from './entity-tag.ts';
import { onRecord } from './on-record.ts';

/** Who applies a configuration, and from where. */
export interface Applicant {
  readonly by: string;
  readonly source: string;
  readonly known?: Partial<AuditRecord>;
  readonly holder?: Holder;
  /** The version they were let in under; what is in force where nobody had to be. */
  readonly judgedUnder?: number;
  /** The one tenant that they may hear of; absent: all. */
  readonly reach?: string | undefined;
}

export interface ConfigureDependencies {
  readonly configurations: Configurations;
  readonly production: boolean;
  readonly now: () => Date;
}

export interface Applied {
  readonly version: number;
  readonly changes: readonly Change[];
}

export interface Edited {
  readonly document: DeploymentDocument;
  /** The apps that were written: whether they have expired is looked at, the others were accepted before. */
  readonly written: readonly string[];
}

export interface Configure {
  /** What applying would change. @throws ConfigurationError with every problem */
  plan(document: unknown): Promise<readonly Change[]>;
  /**
   * Replaces the configuration as a whole, or leaves all of it. Applying what is in force changes nothing.
   *
   * @throws {OAuthError} `precondition_failed` where `conditions` do not hold for what is in force.
   */
  apply(document: unknown, applicant: Applicant, conditions?: Conditions): Promise<Applied>;
  /**
   * Replaces it by what `edit` makes of what is in force; undefined where that is no longer what the applicant
   * was judged under.
   *
   * @throws whatever `edit` throws; ConfigurationError with every problem of what it made.
   */
  edit(
    edit: (document: DeploymentDocument) => Edited,
    applicant: Applicant & { readonly judgedUnder: number },
  ): Promise<Applied | undefined>;
  /** All that is wrong with what `edit` made, or with part of it. */
  problemsOf(edited: Edited): readonly Problem[];
}

/** The entity tag of a configuration as a whole. */
export const versionTag = (version: number): string => `"${version}"`;

export const createConfigure = ({
  configurations,
  production,
  now,
}: ConfigureDependencies): Configure => {
  const read = (document: unknown, written?: readonly string[]): Deployment => {
    mustSaySomething(document);
    const after = deploymentFromObject(document, {
      production,
      now: now(),
      source: 'the configuration',
      ...(written && { written }),
    });
    mustHoldSchemas(after);
    return after;
  };

  const compare = (
    document: unknown,
    applied: AppliedConfiguration | undefined,
    written?: readonly string[],
  ) => {
    const after = read(document, written);
    const before =
      applied && storedDeployment(applied.document, { production, source: 'the database' });
    return { before, after, changes: planChanges(before, after) };
  };

  const commit = (
    document: DeploymentDocument,
    { before, after, changes }: ReturnType<typeof compare>,
    expected: number,
    { by, source, known, holder }: Applicant,
  ): Promise<number> => {
    const at = now();
    const { limits, keys, admins } = document;
    return configurations.apply({
      expected,
      holder,
      digest: digestOf(document),
      settings: { ...(limits && { limits }), ...(keys && { keys }), ...(admins && { admins }) },
      plan: changes,
      source,
      by,
      at,
      entities: entitiesOf(document, after),
      audit: onRecord({
        changes,
        before,
        after,
        event: {
          ...known,
          at,
          action: 'configuration.apply',
          outcome: 'granted',
          detail: { by, source },
        },
      }),
    });
  };

  return {
    plan: async (document) => compare(document, await configurations.current()).changes,

    apply: async (document, applicant, conditions = {}) => {
      const applied = await configurations.current();
      mustHold(conditions, applied && versionTag(applied.version));
      const compared = compare(document, applied);
      const { changes } = compared;
      if (applied && changes.length === 0) return { version: applied.version, changes };
      // Whoever was let in under rules that have ended meanwhile changes nothing by them.
      const expected = applicant.judgedUnder ?? applied?.version ?? 0;
      const version = await commit(document as DeploymentDocument, compared, expected, applicant);
      return { version, changes };
    },

    edit: async (edit, applicant) => {
      const { judgedUnder } = applicant;
      const applied = await configurations.current().catch(() => configurations.current());
      if (applied?.version !== judgedUnder) return undefined;
      const { document, written } = edit(applied.document as DeploymentDocument);
      const compared = compare(document, applied, written);
      const { changes } = compared;
      if (changes.length === 0) return { version: applied.version, changes };
      try {
        return { version: await commit(document, compared, judgedUnder, applicant), changes };
      } catch (error) {
        if (error instanceof OAuthError && error.code === 'conflict') return undefined;
        throw error;
      }
    },

    problemsOf: ({ document, written }) => {
      try {
        read(document, written);
        return [];
      } catch (error) {
        if (error instanceof ConfigurationError) return error.problems;
        throw error;
      }
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

/** Whoever applies it over the network has no files here; and what cannot be compiled would let nothing pass. */
const mustHoldSchemas = ({ buckets }: Deployment): void => {
  const problems = buckets.flatMap(({ validate }, at) =>
    Object.entries(validate.schema ?? {}).flatMap(([type, schema]) => {
      const message = typeof schema === 'string' ? NOT_READ : schemaProblem(type, schema);
      const path = `buckets[${at}].validate.schema.${type}`;
      const remedy = 'give a JSON Schema (draft-07 or 2020-12) as an object';
      return message === undefined ? [] : [{ path, rule: 'schema', message, remedy }];
    }),
  );
  if (problems.length > 0) throw new ConfigurationError('the configuration', problems);
};

const NOT_READ = 'names a file, and files are read only by `daypass apply` and at start';

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
