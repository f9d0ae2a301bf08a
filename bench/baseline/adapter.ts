import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import type { Pool } from 'pg';

/**
 * oidc-provider's adapter as one would write it in an afternoon: one table, one row for each artefact, one
 * prepared statement for each operation.
 */
export const createArtifactTable = (pool: Pool): Promise<unknown> =>
  pool.query(`
    CREATE TABLE IF NOT EXISTS artifact (
      model text NOT NULL,
      id text NOT NULL,
      payload jsonb NOT NULL,
      grant_id text,
      uid text,
      user_code text,
      expires_at timestamptz,
      PRIMARY KEY (model, id)
    );
    CREATE INDEX IF NOT EXISTS artifact_grant ON artifact (grant_id);
    CREATE INDEX IF NOT EXISTS artifact_expiry ON artifact (expires_at)`);

export const pgAdapter =
  (pool: Pool): AdapterFactory =>
  (model): Adapter => {
    const findBy = async (column: 'id' | 'uid' | 'user_code', value: string) => {
      const { rows } = await pool.query<{ payload: AdapterPayload }>({
        name: `find-by-${column}`,
        text: `SELECT payload FROM artifact
          WHERE model = $1 AND ${column} = $2 AND (expires_at IS NULL OR expires_at > now())`,
        values: [model, value],
      });
      return rows[0]?.payload;
    };
    return {
      upsert: async (id, payload, expiresIn) => {
        const expires = expiresIn === undefined ? null : new Date(Date.now() + expiresIn * 1000);
        await pool.query({
          name: 'upsert',
          text: `INSERT INTO artifact (model, id, payload, grant_id, uid, user_code, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (model, id) DO UPDATE SET payload = $3, expires_at = $7`,
          values: [
            model,
            id,
            payload,
            payload.grantId ?? null,
            payload.uid ?? null,
            payload.userCode ?? null,
            expires,
          ],
        });
      },
      find: (id) => findBy('id', id),
      findByUid: (uid) => findBy('uid', uid),
      findByUserCode: (userCode) => findBy('user_code', userCode),
      consume: async (id) => {
        await pool.query({
          name: 'consume',
          text: `UPDATE artifact SET payload = payload || jsonb_build_object('consumed', $3::bigint)
            WHERE model = $1 AND id = $2`,
          values: [model, id, Math.floor(Date.now() / 1000)],
        });
      },
      destroy: async (id) => {
        await pool.query({
          name: 'destroy',
          text: 'DELETE FROM artifact WHERE model = $1 AND id = $2',
          values: [model, id],
        });
      },
      revokeByGrantId: async (grantId) => {
        await pool.query({
          name: 'revoke-by-grant',
          text: 'DELETE FROM artifact WHERE grant_id = $1',
          values: [grantId],
        });
      },
    };
  };
