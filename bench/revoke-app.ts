import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../src/ledger/postgres/migrate.ts';
import { openPostgresLedger } from '../src/ledger/postgres/postgres-ledger.ts';
import type { LockTarget } from '../src/ledger/records.ts';
import { fill } from './fill.ts';

/** One revocation among many live tokens, until its receipt is counted. */
export interface LargeRevocation {
  readonly title: string;
  readonly milliseconds: number;
  /** Live tokens it ended: named by the target, and derived from those. */
  readonly killed: number;
}

export interface LargeRevocationOptions {
  /** An empty database of its own. */
  readonly databaseUrl: string;
  readonly tokens: number;
  readonly ofOneApp: number;
  readonly say: (text: string) => void;
}

const token = (number: number): LockTarget => `token:tk_${String(number).padStart(26, '0')}`;

/**
 * How long a revocation takes by what it ends, through the ledger (the admin door adds milliseconds). Each is
 * in force long before: what takes time is the receipt's counting.
 */
export const measureLargeRevocations = async (
  options: LargeRevocationOptions,
): Promise<LargeRevocation[]> => {
  const { databaseUrl: url, tokens, ofOneApp, say } = options;
  await migrate(url, join(import.meta.dirname, '../prisma/migrations'));
  const owner = new pg.Pool({ connectionString: url, max: 3 });
  try {
    await fill(owner, { tokens, ofOneApp, auditEvents: 0, revocations: 5_000 }, say);
  } finally {
    await owner.end();
  }
  const ledger = openPostgresLedger({
    url,
    onConnectionError: () => undefined,
    localTime: () => performance.timeOrigin + performance.now(),
  });
  const revoke = async (title: string, target: LockTarget): Promise<LargeRevocation> => {
    say(`revoking ${title}`);
    const at = ledger.clock.now();
    const started = performance.now();
    const { killed } = await ledger.revocations.revoke({
      revocationId: `rv_of_${target}`,
      target,
      tenantId: 'acme',
      block: true,
      reason: 'bench',
      containObjects: false,
      holder: { keys: [], authorities: [] },
      by: 'u',
      audit: { at, action: 'revocation.create', outcome: 'granted' },
    });
    const milliseconds = performance.now() - started;
    return { title, milliseconds, killed: killed.tokens + killed.derived };
  };
  try {
    await ledger.clock.synchronise();
    await revoke('a token, so that connections are there', token(ofOneApp + 1));
    return [
      await revoke('one token', token(ofOneApp + 3)),
      await revoke('a person', `user:u_${String(4_000).padStart(26, '0')}`),
      await revoke('an app', 'app:app0'),
      await revoke('an issuer', 'issuer:corp'),
    ];
  } finally {
    await ledger.close();
  }
};
