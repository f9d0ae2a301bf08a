import { OAuthError } from '../../protocol/oauth-error.ts';
import type {
  AppliedConfiguration,
  ConfigurationChange,
  ConfigurationEntity,
  Configurations,
} from '../ledger.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { Prisma } from './generated/client.ts';
import { mustStillHold, OPERATOR } from './holder.ts';

type Transaction = Parameters<Parameters<Database['$transaction']>[0]>[0];

export const createConfigurations = (database: Database): Configurations => ({
  version: () =>
    promptly(async () => {
      const { _max } = await database.configuration.aggregate({ _max: { version: true } });
      return _max.version ?? 0;
    }),

  current: () =>
    promptly(() =>
      // One snapshot: entities of one application are never read beside settings of another.
      database.$transaction((transaction) => read(transaction), {
        isolationLevel: 'RepeatableRead',
      }),
    ),

  apply: (change) =>
    orUnavailable(() =>
      database.$transaction((transaction) => apply(transaction, change), { timeout: 10_000 }),
    ),

  inTurn: async (work) => {
    let begun: ReturnType<typeof work> | undefined;
    const begin = () => {
      begun ??= work();
      return begun;
    };
    const turn = async (transaction: Transaction): Promise<void> => {
      await transaction.$executeRaw(BOUND);
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('configuration turn', 0))`;
      await begin().catch(() => undefined);
    };
    // Whatever becomes of the turn: the work is done, and what came of it is what counts.
    await database.$transaction(turn, { timeout: TURN }).catch(() => undefined);
    return begin();
  },
});

/** Milliseconds. Above all that others in front of it take, unless one of them hangs. */
const TURN = 15_000;

/** Kept by the database, as is how long a turn is waited for: an instance that hangs in its own holds up nobody for long. */
const BOUND = Prisma.sql`SELECT set_config('idle_in_transaction_session_timeout', '20s', true)`;

const read = async (transaction: Transaction): Promise<AppliedConfiguration | undefined> => {
  const latest = await transaction.configuration.findFirst({ orderBy: { version: 'desc' } });
  if (latest === null) return undefined;
  const byId = { orderBy: { id: 'asc' } } as const;
  const document = {
    ...(latest.settings as Prisma.JsonObject),
    tenants: (await transaction.tenant.findMany(byId)).map(({ definition }) => definition),
    issuers: (await transaction.issuer.findMany(byId)).map(({ definition }) => definition),
    apps: (await transaction.app.findMany(byId)).map(({ definition }) => definition),
    buckets: (await transaction.bucket.findMany(byId)).map(({ definition }) => definition),
    resource_servers: (await transaction.resourceServer.findMany(byId)).map(
      ({ definition }) => definition,
    ),
  };
  const { version, digest, appliedBy, appliedAt, source } = latest;
  return { version, digest, document, appliedBy, appliedAt, source };
};

const apply = async (transaction: Transaction, change: ConfigurationChange): Promise<number> => {
  // Waits for issuances decided under the version that ends here; later ones see the next version.
  await mustStillHold(transaction, change.holder ?? OPERATOR, 'configuration');
  const { _max } = await transaction.configuration.aggregate({ _max: { version: true } });
  if ((_max.version ?? 0) !== change.expected) {
    throw new OAuthError('conflict', 'the configuration was changed by someone else meanwhile');
  }
  const { version } = await transaction.configuration.create({
    data: {
      digest: change.digest,
      settings: change.settings as Prisma.InputJsonObject,
      plan: change.plan as Prisma.InputJsonArray,
      source: change.source,
      appliedBy: change.by,
      appliedAt: change.at,
    },
  });
  await replaceEntities(transaction, change, version);
  for (const event of change.audit) await transaction.$executeRaw(insertAudit(event));
  return version;
};

const replaceEntities = async (
  transaction: Transaction,
  { entities }: ConfigurationChange,
  version: number,
): Promise<void> => {
  const rows = (kind: ConfigurationEntity['kind']) =>
    entities
      .filter((entity) => entity.kind === kind)
      .map(({ id, tenantId, definition }) => ({
        id,
        tenantId,
        definition: definition as Prisma.InputJsonObject,
        version,
      }));
  await transaction.tenant.deleteMany();
  await transaction.tenant.createMany({
    data: rows('tenant').map(({ tenantId: _, ...row }) => row),
  });
  await transaction.issuer.deleteMany();
  await transaction.issuer.createMany({ data: rows('issuer') });
  await transaction.app.deleteMany();
  await transaction.app.createMany({ data: rows('app') });
  await transaction.bucket.deleteMany();
  await transaction.bucket.createMany({ data: rows('bucket') });
  await transaction.resourceServer.deleteMany();
  await transaction.resourceServer.createMany({ data: rows('resource_server') });
};
