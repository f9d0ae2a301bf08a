import type { AppSessions } from '../app-sessions.ts';
import { insertAudit } from './audit-trail.ts';
import type { Database } from './client.ts';
import { orUnavailable, promptly } from './failure.ts';
import { Prisma } from './generated/client.ts';

export const createAppSessions = (database: Database): AppSessions => ({
  begin: ({ sid, appId, tenantId, userId, sessionId, expiresAt }) =>
    promptly(async () => {
      await database.$executeRaw`
        INSERT INTO app_session (sid, app_id, tenant_id, user_id, session_id, expires_at, attempts)
        VALUES (${sid}, ${appId}, ${tenantId}, ${userId}, ${sessionId ?? null}, ${expiresAt}, 0)
        ON CONFLICT (sid, app_id) DO UPDATE SET expires_at = greatest(app_session.expires_at, EXCLUDED.expires_at)`;
    }),

  take: (now, leaseUntil, { limit, perApp, except }) =>
    orUnavailable(async () => {
      const rows = await database.$queryRaw<Row[]>`
        UPDATE app_session AS s SET tell_at = ${leaseUntil}::timestamptz, attempts = s.attempts + 1
        FROM (
          SELECT sid, app_id FROM app_session WHERE tell_at <= ${now}::timestamptz
            AND (sid, app_id) IN (
              SELECT sid, app_id FROM (
                SELECT sid, app_id, tell_at, row_number() OVER (PARTITION BY app_id ORDER BY tell_at) AS place
                FROM app_session
                WHERE tell_at <= ${now}::timestamptz AND app_id <> ALL (${[...except]}::text[])
              ) AS queue WHERE place <= ${perApp} ORDER BY place, tell_at LIMIT ${limit}
            )
          FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE s.sid = due.sid AND s.app_id = due.app_id
        RETURNING s.sid, s.app_id, s.tenant_id, s.user_id, s.attempts`;
      return rows.map((row) => ({
        sid: row.sid,
        appId: row.app_id,
        tenantId: row.tenant_id,
        userId: row.user_id,
        attempts: row.attempts,
      }));
    }),

  settle: ({ sid, appId }, again, audit) =>
    orUnavailable(async () => {
      const update = Prisma.sql`
        UPDATE app_session SET tell_at = ${again ?? null}::timestamptz
        WHERE sid = ${sid} AND app_id = ${appId}`;
      await database.$executeRaw(
        audit ? Prisma.sql`WITH settled AS (${update}) ${insertAudit(audit)}` : update,
      );
    }),
});

interface Row {
  readonly sid: string;
  readonly app_id: string;
  readonly tenant_id: string;
  readonly user_id: string;
  readonly attempts: number;
}
