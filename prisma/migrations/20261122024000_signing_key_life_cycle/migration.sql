-- The life cycle of signing keys: when each step was taken, how long the public half stays published, who
-- holds the private half, and that at most one key of an algorithm is next and at most one active.
-- Only adds: the previous release inserts its first key and reads its ring as before.
ALTER TABLE "signing_key"
  ADD COLUMN "custody" TEXT NOT NULL DEFAULT 'local',
  ADD COLUMN "retiring_at" TIMESTAMPTZ(3),
  ADD COLUMN "publish_until" TIMESTAMPTZ(3),
  ADD COLUMN "revoked_at" TIMESTAMPTZ(3),
  ADD COLUMN "rotation_asked_at" TIMESTAMPTZ(3);

-- A key that is retiring, retired or revoked has left its place to another.
CREATE UNIQUE INDEX "signing_key_place" ON "signing_key" ("alg", "state") WHERE "state" IN ('next', 'active');
