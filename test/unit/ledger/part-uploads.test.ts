import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { PartUploads } from '../../../src/ledger/part-uploads.ts';
import { type Database, openDatabase } from '../../../src/ledger/postgres/client.ts';
import { createPartUploads } from '../../../src/ledger/postgres/part-uploads.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';

let server: TestDatabase;
let database: Database;
let owner: pg.Client;
let partUploads: PartUploads;
beforeAll(async () => {
  server = await freshDatabase();
  owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
  database = openDatabase({ url: server.url, onConnectionError: () => undefined });
  partUploads = createPartUploads(database);
}, 60_000);
afterAll(async () => {
  await owner.end();
  await database.$disconnect();
  await server.drop();
});

const NOW = new Date(1_790_035_200_000);
const stagingKeyOf = (objectId: string): string => `.daypass-staging/${objectId}/0123`;

/** An upload in parts that the storage is about to be asked to begin. */
const planned = async (objectId: string): Promise<void> => {
  await owner.query(
    `INSERT INTO stored_object (object_id, tenant_id, bucket_id, app_id, token_id, lineage, staging_key, key,
       file_name, content_type, size, status, created_at, upload_expires_at)
     VALUES ($1, 'acme', 'menus', 'where2eat', 'tk_1', $2, $3, 'k/' || $1, 'a.png', 'image/png', 10, 'pending', $4, $4)`,
    [objectId, [`token:of-${objectId}`], stagingKeyOf(objectId), NOW],
  );
  await partUploads.plan({ objectId, uploadId: undefined, partSize: 16, parts: 1 }, NOW);
};

describe('an upload in parts', () => {
  it('is given no name once what it came from is revoked: whoever began it aborts it', async () => {
    await planned('ob_waited_for');
    await planned('ob_revoked');
    await owner.query(
      `INSERT INTO lock (revocation_id, target, tenant_id, block, reason, killed, residual, effective_at, revoked_by)
       VALUES ('rv_1', 'token:of-ob_revoked', 'acme', false, 'a test', '{}', '[]', $1, 'u')`,
      [NOW],
    );
    expect(await partUploads.name('ob_waited_for', 'u1')).toBe(true);
    expect(await partUploads.name('ob_revoked', 'u2')).toBe(false);
    expect((await partUploads.find('ob_revoked'))?.uploadId).toBeUndefined();
  });

  it('that has ended is not waited for: what is left under its key, too, belongs to nobody', async () => {
    await planned('ob_under_way');
    await planned('ob_ended');
    await partUploads.end('ob_ended', NOW);
    const left = ['ob_under_way', 'ob_ended', 'ob_of_nobody'].map(stagingKeyOf);
    expect(await partUploads.unknown(left)).toEqual(['ob_ended', 'ob_of_nobody'].map(stagingKeyOf));
  });
});
