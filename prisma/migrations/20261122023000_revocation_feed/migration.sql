-- What a revocation reaches (grants, and places in status lists), and how everybody hears of it.
-- The release before this one runs beside it: what it inserts has NULL in the new columns, and the
-- triggers below speak for its revocations too.

-- AlterTable
ALTER TABLE "issued_token" ADD COLUMN "grant_id" TEXT,
ADD COLUMN "status_index" BIGINT;

-- CreateTable
CREATE TABLE "revocation_event" (
    "position" BIGINT NOT NULL,
    "revocation_id" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "block" BOOLEAN NOT NULL,
    "effective_at" TIMESTAMPTZ(3) NOT NULL,
    "lifted" BOOLEAN NOT NULL,

    CONSTRAINT "revocation_event_pkey" PRIMARY KEY ("position")
);

-- CreateIndex
CREATE INDEX "issued_token_grant_id_idx" ON "issued_token"("grant_id");

-- CreateIndex
CREATE UNIQUE INDEX "issued_token_status_index_key" ON "issued_token"("status_index");

-- CreateIndex
CREATE INDEX "issued_token_issued_at_idx" ON "issued_token"("issued_at");

-- CreateIndex
CREATE INDEX "revocation_event_revocation_id_idx" ON "revocation_event"("revocation_id");

-- CreateIndex
CREATE INDEX "revocation_event_target_idx" ON "revocation_event"("target");

-- A revocation counts what is alive: an app's tokens of last year are none of its business.
-- DropIndex
DROP INDEX "issued_token_app_id_issued_at_idx";

-- CreateIndex
CREATE INDEX "issued_token_app_id_expires_at_idx" ON "issued_token"("app_id", "expires_at" DESC);

-- ── Places in status lists ────────────────────────────────────────────────────────────────────
-- Instances take blocks of it: issuing asks for none.
CREATE SEQUENCE status_index_block AS bigint MINVALUE 0 START 0;

-- ── The feed ──────────────────────────────────────────────────────────────────────────────────
-- One event for each revocation and each lifting, numbered in the order of commits and without gaps:
-- whoever has read up to a position has missed nothing before it. The number is taken as the last thing
-- a transaction does (the trigger is deferred), under a lock that is held until it has committed.
CREATE FUNCTION tell_of_revocation_1() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  next bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('revocation feed', 0));
  -- A statement of its own: its snapshot is taken after the lock was granted.
  SELECT coalesce(max(position), 0) + 1 INTO next FROM revocation_event;
  INSERT INTO revocation_event (position, revocation_id, target, tenant_id, block, effective_at, lifted)
  VALUES (next, NEW.revocation_id, NEW.target, NEW.tenant_id, NEW.block, NEW.effective_at, NEW.lifted_at IS NOT NULL);
  PERFORM pg_notify('daypass_revocation', next::text);
  RETURN NULL;
END
$$;

INSERT INTO revocation_event (position, revocation_id, target, tenant_id, block, effective_at, lifted)
SELECT row_number() OVER (ORDER BY at, lifted, revocation_id), revocation_id, target, tenant_id, block, effective_at, lifted
FROM (
  SELECT effective_at AS at, false AS lifted, revocation_id, target, tenant_id, block, effective_at FROM lock
  UNION ALL
  SELECT lifted_at, true, revocation_id, target, tenant_id, block, effective_at FROM lock WHERE lifted_at IS NOT NULL
) AS happened;

CREATE CONSTRAINT TRIGGER tell_of_revocation
AFTER INSERT ON lock DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION tell_of_revocation_1();

CREATE CONSTRAINT TRIGGER tell_of_lifting
AFTER UPDATE OF lifted_at ON lock DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL)
EXECUTE FUNCTION tell_of_revocation_1();

-- ── Configuration ─────────────────────────────────────────────────────────────────────────────
CREATE FUNCTION tell_of_configuration_1() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_notify('daypass_configuration', NEW.version::text);
  RETURN NULL;
END
$$;

CREATE TRIGGER tell_of_configuration
AFTER INSERT ON configuration
FOR EACH ROW EXECUTE FUNCTION tell_of_configuration_1();

-- ── Roles ─────────────────────────────────────────────────────────────────────────────────────
-- What happened stays as it happened: events are added and read.
GRANT SELECT, INSERT ON revocation_event TO daypass_app;
GRANT USAGE ON SEQUENCE status_index_block TO daypass_app;
