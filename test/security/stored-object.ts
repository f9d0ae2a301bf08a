import { randomBytes } from 'node:crypto';
import type { Held, Stage } from './stage.ts';

/** An object that is there for readers, as an upload of this token would have left it; its bytes are not. */
export const putObject = async (
  { query, now }: Stage,
  { id }: Pick<Held, 'id'>,
  key: string,
): Promise<string> => {
  // Ids sort by when they were made, as the broker's do.
  sequence += 1;
  const objectId = `ob_${String(sequence).padStart(6, '0')}${randomBytes(10).toString('hex')}`;
  await query(
    `INSERT INTO stored_object (object_id, tenant_id, bucket_id, app_id, user_id, token_id, lineage,
       staging_key, key, file_name, content_type, size, status, created_at, upload_expires_at, staging_gone_at)
     SELECT $1, tenant_id, 'project-123', app_id, user_id, token_id, lineage,
       '.daypass-staging/' || $1, $2, 'a.png', 'image/png', 70, 'available', $4, $4, $4
     FROM issued_token WHERE token_id = $3`,
    [objectId, key, id, new Date(now() * 1000)],
  );
  return objectId;
};

let sequence = 0;
