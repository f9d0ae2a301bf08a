-- Uploads in parts: how an object is divided, and what the storage calls its upload until the parts are one.
CREATE TABLE "part_upload" (
  "object_id" TEXT NOT NULL,
  "upload_id" TEXT,
  "part_size" BIGINT NOT NULL,
  "parts" INTEGER NOT NULL,
  "begun_at" TIMESTAMPTZ(3) NOT NULL,
  "ended_at" TIMESTAMPTZ(3),
  CONSTRAINT "part_upload_pkey" PRIMARY KEY ("object_id")
);
CREATE INDEX "part_upload_ended_at_begun_at_idx" ON "part_upload"("ended_at", "begun_at");

GRANT SELECT, INSERT, UPDATE, DELETE ON part_upload TO daypass_app;
