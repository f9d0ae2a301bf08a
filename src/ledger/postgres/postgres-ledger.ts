import type { AppSessions } from '../app-sessions.ts';
import type { Artifacts } from '../artifacts.ts';
import type { Ledger } from '../ledger.ts';
import type { Paces } from '../paces.ts';
import type { PartUploads } from '../part-uploads.ts';
import type { RefreshTokens } from '../refresh-tokens.ts';
import type { SignIns } from '../sign-ins.ts';
import type { SigningKeys } from '../signing-keys.ts';
import type { StatusLists, StatusPlaces } from '../status-lists.ts';
import { createAppSessions } from './app-sessions.ts';
import { createArtifacts } from './artifacts.ts';
import { createAuditTrail } from './audit-trail.ts';
import { type DatabaseOptions, openDatabase } from './client.ts';
import { createClock, type LedgerClock } from './clock.ts';
import { createConfigurations } from './configurations.ts';
import { orUnavailable, promptly } from './failure.ts';
import { createIssuances } from './issuances.ts';
import { PATIENT } from './killed.ts';
import { createListener } from './listener.ts';
import { createObjects } from './objects.ts';
import { createPaces } from './paces.ts';
import { createPartUploads } from './part-uploads.ts';
import { purgeExpired } from './purge.ts';
import { createQuotas } from './quotas.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createRevocationFeed, type LocalRevocationFeed } from './revocation-feed.ts';
import { createRevocations } from './revocations.ts';
import { createRevokedPlaces } from './revoked-places.ts';
import { createSignIns } from './sign-ins.ts';
import { createSigningKeys } from './signing-keys.ts';
import { openStatements } from './statements.ts';
import { createStatusLists } from './status-lists.ts';
import { createStatusPlaces } from './status-places.ts';
import { createTickets } from './tickets.ts';
import { createTokens } from './tokens.ts';

export interface PostgresLedger extends Ledger {
  readonly paces: Paces;
  readonly partUploads: PartUploads;
  readonly artifacts: Artifacts;
  readonly appSessions: AppSessions;
  readonly signingKeys: SigningKeys;
  readonly signIns: SignIns;
  readonly refreshTokens: RefreshTokens;
  readonly feed: LocalRevocationFeed;
  readonly statusLists: StatusLists;
  readonly statusPlaces: StatusPlaces;
  readonly clock: LedgerClock;
  /** Rejects with `temporarily_unavailable` unless the database answers now. */
  ping(): Promise<void>;
  purge(): Promise<number>;
  /** What the role we work as may do to audit events beyond adding and reading them. */
  excessPrivileges(): Promise<readonly string[]>;
  /**
   * Makes ready to issue, and from then on hears of revocations and configurations as soon as another instance
   * has committed one. Answers how to stop hearing.
   */
  listen(onConfiguration: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface PostgresLedgerOptions extends DatabaseOptions {
  /** This process's own time in epoch milliseconds: the ledger's clock corrects it. */
  readonly localTime: () => number;
  /** Milliseconds by which tests move time. */
  readonly shift?: () => number;
}

export const openPostgresLedger = (options: PostgresLedgerOptions): PostgresLedger => {
  const database = openDatabase(options);
  const statements = openStatements(options);
  const patient = openDatabase({ ...options, maxConnections: 2, patience: PATIENT });
  const clock = createClock(database, options.localTime, options.shift ?? (() => 0));
  const elapsed = (): number => performance.now() + (options.shift?.() ?? 0);
  const statusPlaces = createStatusPlaces(database);
  const feed = createRevocationFeed(database, { elapsed });
  return {
    issuances: createIssuances(statements),
    tokens: createTokens(database, statements),
    audit: createAuditTrail(database),
    objects: createObjects(database, statements),
    tickets: createTickets(database),
    revocations: createRevocations(database, patient, clock.now),
    configurations: createConfigurations(database),
    quotas: createQuotas(database, statements),
    paces: createPaces(database),
    partUploads: createPartUploads(database),
    artifacts: createArtifacts(database),
    appSessions: createAppSessions(database),
    signingKeys: createSigningKeys(database),
    signIns: createSignIns(database),
    refreshTokens: createRefreshTokens(database),
    feed,
    statusLists: createStatusLists({ feed, places: createRevokedPlaces(database), now: clock.now }),
    statusPlaces,
    clock,
    ping: () =>
      promptly(async () => {
        await database.$queryRaw`SELECT 1`;
      }),
    excessPrivileges: () =>
      orUnavailable(async () => {
        const rows = await database.$queryRaw<{ privilege: string }[]>`
          SELECT privilege FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
          WHERE has_table_privilege('audit_event', privilege)`;
        return rows.map(({ privilege }) => privilege);
      }),
    purge: () => purgeExpired(database, clock.now()),
    listen: async (onConfiguration) => {
      const listener = createListener({
        ...options,
        channels: {
          // A round that fails is followed by the next: only the timer's failures are told of.
          daypass_revocation: () => void feed.poll().catch(() => undefined),
          daypass_configuration: onConfiguration,
        },
      });
      await Promise.all([feed.poll(), statusPlaces.refill()]);
      await listener.start();
      return listener.stop;
    },
    close: async () => {
      await statements.close();
      await patient.$disconnect();
      await database.$disconnect();
    },
  };
};
