import type { SignIns } from '../sign-ins.ts';
import type { Database } from './client.ts';
import { promptly } from './failure.ts';

export const createSignIns = (database: Database): SignIns => ({
  tie: ({ tokenHash, thumbprint, expiresAt }) =>
    promptly(async () => {
      if (thumbprint !== undefined) {
        await database.$executeRaw`
          INSERT INTO sign_in_binding (token_hash, thumbprint, expires_at)
          VALUES (${tokenHash}, ${thumbprint}, ${expiresAt}) ON CONFLICT DO NOTHING`;
      }
      // Whoever came first has committed by now: the insert above waited for it.
      const rows = await database.$queryRaw<{ thumbprint: string }[]>`
        SELECT thumbprint FROM sign_in_binding WHERE token_hash = ${tokenHash}`;
      return rows[0]?.thumbprint;
    }),

  meet: ({ userId, issuer, subject, issuerId, tenantId }, at) =>
    promptly(async () => {
      await database.$executeRaw`
        INSERT INTO person (user_id, issuer, subject, issuer_id, tenant_id, first_seen_at)
        VALUES (${userId}, ${issuer}, ${subject}, ${issuerId}, ${tenantId}, ${at}) ON CONFLICT DO NOTHING`;
    }),
});
