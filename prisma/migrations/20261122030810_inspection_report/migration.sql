-- What inspection found, and where bytes lie that nobody may read. The release before this one leaves all of it NULL:
-- what it rejects is moved by this one.
ALTER TABLE "stored_object" ADD COLUMN "apart_at" TIMESTAMPTZ(3),
ADD COLUMN "attempts" INTEGER,
ADD COLUMN "bytes_gone_at" TIMESTAMPTZ(3),
ADD COLUMN "report" JSONB;

-- What was rejected and cleared away long ago is not looked for again.
UPDATE "stored_object" SET "bytes_gone_at" = "staging_gone_at", "apart_at" = "staging_gone_at"
WHERE "status" = 'rejected' AND "staging_gone_at" IS NOT NULL;

-- CreateIndex
CREATE INDEX "stored_object_status_bytes_gone_at_apart_at_idx" ON "stored_object"("status", "bytes_gone_at", "apart_at");

-- CreateIndex
CREATE INDEX "stored_object_tenant_id_object_id_idx" ON "stored_object"("tenant_id", "object_id");
