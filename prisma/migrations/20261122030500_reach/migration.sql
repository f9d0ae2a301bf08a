-- What a revocation reaches beyond what a column names: those who act by an ID token, and other tenants. The
-- release before this one runs beside it; the trigger speaks for its revocations too.

-- A key of a service lives for months, its tokens for minutes: what is alive is found without the rest.
-- DropIndex
DROP INDEX "issued_token_device_id_idx";

-- CreateIndex
CREATE INDEX "issued_token_device_id_expires_at_idx" ON "issued_token"("device_id", "expires_at" DESC);

-- What `contain_objects` quarantines.
-- CreateIndex
CREATE INDEX "stored_object_lineage_idx" ON "stored_object" USING GIN ("lineage");

-- Few tokens are delegated, and issuing the others costs nothing here. Partial: schema.prisma cannot say it.
CREATE INDEX issued_token_delegated_idx ON issued_token (expires_at) WHERE actors <> '[]';

-- Whether somebody of another tenant acts: then lineage names both.
CREATE FUNCTION crosses_tenants_1(lineage text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT count(*) > 1 FROM unnest(lineage) AS key WHERE key LIKE 'tenant:%' $$;

CREATE INDEX issued_token_crossing_idx ON issued_token (expires_at)
WHERE actors <> '[]' AND crosses_tenants_1(lineage);

-- ── The feed ──────────────────────────────────────────────────────────────────────────────────
-- As tell_of_revocation_1, and one event for each tenant that has something alive to lose: a key may be used in
-- several, and so may somebody who acts. A lifting is told to whoever was told of the revocation.
CREATE FUNCTION tell_of_revocation_2() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  told text[];
  newest bigint;
BEGIN
  IF NEW.lifted_at IS NULL THEN
    SELECT array_agg(tenant_id) INTO told FROM (
      SELECT NEW.tenant_id
      UNION
      SELECT tenant_id FROM issued_token
      WHERE NEW.target LIKE 'device:%' AND device_id = substr(NEW.target, length('device:') + 1)
        AND expires_at > NEW.effective_at
      UNION
      SELECT tenant_id FROM issued_token
      WHERE actors <> '[]' AND crosses_tenants_1(lineage) AND expires_at > NEW.effective_at
        AND NEW.target = ANY (lineage)
    ) AS reached;
  ELSE
    SELECT array_agg(tenant_id) INTO told FROM (
      SELECT NEW.tenant_id
      UNION
      SELECT tenant_id FROM revocation_event WHERE revocation_id = NEW.revocation_id AND NOT lifted
    ) AS told_before;
  END IF;

  PERFORM pg_advisory_xact_lock(hashtextextended('revocation feed', 0));
  -- A statement of its own: its snapshot is taken after the lock was granted.
  SELECT coalesce(max(position), 0) INTO newest FROM revocation_event;
  INSERT INTO revocation_event (position, revocation_id, target, tenant_id, block, effective_at, lifted)
  SELECT newest + place, NEW.revocation_id, NEW.target, tenant, NEW.block, NEW.effective_at, NEW.lifted_at IS NOT NULL
  FROM unnest(told) WITH ORDINALITY AS each(tenant, place);
  PERFORM pg_notify('daypass_revocation', (newest + cardinality(told))::text);
  RETURN NULL;
END
$$;

DROP TRIGGER tell_of_revocation ON lock;
CREATE CONSTRAINT TRIGGER tell_of_revocation
AFTER INSERT ON lock DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION tell_of_revocation_2();

DROP TRIGGER tell_of_lifting ON lock;
CREATE CONSTRAINT TRIGGER tell_of_lifting
AFTER UPDATE OF lifted_at ON lock DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL)
EXECUTE FUNCTION tell_of_revocation_2();
