-- What schema.prisma cannot say: the statements that must be atomic, and who may do what.
-- A function is never changed once released: a new version gets a new name, so that the
-- previous release keeps running beside the new one.

-- ── record_issuance_1 ─────────────────────────────────────────────────────────────────────────
-- Records a batch of credentials, each with its audit event, or refuses it. One call, one commit.
--
-- Each element of `batch`:
--   position       0-based place in the batch
--   configuration  the configuration version the decision was made under
--   keys           lock targets that must not be blocked: app:…, user:…, token:… and so on
--   authorities    [{key, since}]: dead if a lock on `key` took effect at or after `since`
--   proofs         [{id, keep_until, kind}]: seen once, or refused as `replayed_<kind>`
--   sign_in        {token_hash, thumbprint, expires_at}: an ID token stays with its first key
--   person, device, token, ancestors, object, ticket, audit: rows to insert, null where none
--
-- Law 3: a snapshot alone is not enough, for a revocation may commit and be acknowledged between a
-- statement's snapshot and its commit. So the shared advisory locks come first, in sorted order, and
-- each later statement of this (volatile) function sees a snapshot taken after they were granted.
CREATE FUNCTION record_issuance_1(batch jsonb)
RETURNS TABLE (place int, refusal text)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  in_force int;
  refusals text[];
BEGIN
  PERFORM pg_advisory_xact_lock_shared(k) FROM (
    SELECT DISTINCT hashtextextended(key, 0) AS k
    FROM jsonb_to_recordset(batch) AS r(keys text[]), unnest(r.keys || 'configuration'::text) AS key
    ORDER BY 1
  ) AS sorted;

  SELECT max(version) INTO in_force FROM configuration;

  SELECT array_agg(
    CASE
      WHEN r.configuration IS DISTINCT FROM in_force THEN 'stale_configuration'
      WHEN EXISTS (
        SELECT FROM lock AS l WHERE l.target = ANY (r.keys) AND l.block AND l.lifted_at IS NULL
      ) THEN 'blocked'
      WHEN EXISTS (
        SELECT FROM jsonb_to_recordset(r.authorities) AS a(key text, since timestamptz)
        JOIN lock AS l ON l.target = a.key AND l.effective_at >= a.since
      ) THEN 'revoked'
    END ORDER BY r.position)
  INTO refusals
  FROM jsonb_to_recordset(batch)
    AS r(position int, configuration int, keys text[], authorities jsonb);

  -- Sorted inserts: two batches that want the same rows wait for each other in one direction only.
  INSERT INTO sign_in_binding (token_hash, thumbprint, expires_at)
  SELECT DISTINCT ON (s.token_hash) s.token_hash, s.thumbprint, s.expires_at
  FROM jsonb_to_recordset(batch) AS r(position int, sign_in jsonb),
    jsonb_to_record(r.sign_in) AS s(token_hash text, thumbprint text, expires_at timestamptz)
  WHERE refusals[r.position + 1] IS NULL AND s.thumbprint IS NOT NULL
  ORDER BY s.token_hash, r.position
  ON CONFLICT DO NOTHING;

  SELECT array_agg(
    coalesce(refusals[r.position + 1], CASE WHEN EXISTS (
      SELECT FROM sign_in_binding AS b
      WHERE b.token_hash = r.sign_in ->> 'token_hash'
        AND b.thumbprint IS DISTINCT FROM r.sign_in ->> 'thumbprint'
    ) THEN 'bound_to_another_key' END) ORDER BY r.position)
  INTO refusals
  FROM jsonb_to_recordset(batch) AS r(position int, sign_in jsonb);

  WITH wanted AS (
    SELECT DISTINCT ON (p.id) p.id, p.keep_until, r.position
    FROM jsonb_to_recordset(batch) AS r(position int, proofs jsonb),
      jsonb_to_recordset(r.proofs) AS p(id text, keep_until timestamptz)
    WHERE refusals[r.position + 1] IS NULL
    ORDER BY p.id, r.position
  ), claimed AS (
    INSERT INTO replay (id, expires_at)
    SELECT id, keep_until FROM wanted ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id
  ), won AS (
    SELECT w.id, w.position FROM wanted AS w JOIN claimed AS c USING (id)
  )
  SELECT array_agg(
    coalesce(refusals[r.position + 1], (
      SELECT 'replayed_' || p.kind FROM jsonb_to_recordset(r.proofs) AS p(id text, kind text)
      WHERE NOT EXISTS (SELECT FROM won AS w WHERE w.id = p.id AND w.position = r.position)
      LIMIT 1
    )) ORDER BY r.position)
  INTO refusals
  FROM jsonb_to_recordset(batch) AS r(position int, proofs jsonb);

  INSERT INTO person
  SELECT DISTINCT ON (t.user_id) t.*
  FROM jsonb_to_recordset(batch) AS r(position int, person jsonb),
    jsonb_populate_record(NULL::person, r.person) AS t
  WHERE refusals[r.position + 1] IS NULL AND t.user_id IS NOT NULL
  ORDER BY t.user_id
  ON CONFLICT DO NOTHING;

  INSERT INTO device
  SELECT DISTINCT ON (t.device_id) t.*
  FROM jsonb_to_recordset(batch) AS r(position int, device jsonb),
    jsonb_populate_record(NULL::device, r.device) AS t
  WHERE refusals[r.position + 1] IS NULL AND t.device_id IS NOT NULL
  ORDER BY t.device_id
  ON CONFLICT DO NOTHING;

  INSERT INTO issued_token
  SELECT t.*
  FROM jsonb_to_recordset(batch) AS r(position int, token jsonb),
    jsonb_populate_record(NULL::issued_token, r.token) AS t
  WHERE refusals[r.position + 1] IS NULL AND t.token_id IS NOT NULL;

  INSERT INTO derivation (child_id, ancestor_id, via)
  SELECT a.child_id, a.ancestor_id, a.via
  FROM jsonb_to_recordset(batch) AS r(position int, ancestors jsonb),
    jsonb_to_recordset(r.ancestors) AS a(child_id text, ancestor_id text, via text)
  WHERE refusals[r.position + 1] IS NULL;

  INSERT INTO stored_object
  SELECT t.*
  FROM jsonb_to_recordset(batch) AS r(position int, object jsonb),
    jsonb_populate_record(NULL::stored_object, r.object) AS t
  WHERE refusals[r.position + 1] IS NULL AND t.object_id IS NOT NULL;

  INSERT INTO ticket
  SELECT t.*
  FROM jsonb_to_recordset(batch) AS r(position int, ticket jsonb),
    jsonb_populate_record(NULL::ticket, r.ticket) AS t
  WHERE refusals[r.position + 1] IS NULL AND t.ticket_id IS NOT NULL;

  INSERT INTO audit_event
  SELECT t.*
  FROM jsonb_to_recordset(batch) AS r(position int, audit jsonb),
    jsonb_populate_record(
      NULL::audit_event, r.audit || jsonb_build_object('xid', pg_current_xact_id()::text)
    ) AS t
  WHERE refusals[r.position + 1] IS NULL;

  RETURN QUERY SELECT n - 1, refusals[n] FROM generate_subscripts(refusals, 1) AS n;
END
$$;

-- ── use_ticket_1 ──────────────────────────────────────────────────────────────────────────────
-- The one use of a download ticket. No row where it is unknown, used, expired or revoked.
CREATE FUNCTION use_ticket_1(hash bytea, at timestamptz)
RETURNS SETOF ticket
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  found_lineage text[];
BEGIN
  SELECT lineage INTO found_lineage FROM ticket WHERE token_hash = hash;
  IF found_lineage IS NULL THEN RETURN; END IF;

  PERFORM pg_advisory_xact_lock_shared(k) FROM (
    SELECT DISTINCT hashtextextended(key, 0) AS k FROM unnest(found_lineage) AS key ORDER BY 1
  ) AS sorted;

  RETURN QUERY
  UPDATE ticket AS t SET used_at = at
  WHERE t.token_hash = hash AND t.used_at IS NULL AND t.expires_at > at
    AND NOT EXISTS (
      SELECT FROM lock AS l
      WHERE l.target = ANY (t.lineage)
        AND (l.effective_at >= t.issued_at OR l.target LIKE 'token:%')
    )
  RETURNING t.*;
END
$$;

-- ── Roles ─────────────────────────────────────────────────────────────────────────────────────
-- The broker works as daypass_app: it cannot change or delete an audit event, nor alter a table.
DO $$
BEGIN
  CREATE ROLE daypass_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- roles belong to the cluster: another database of it made this one
END
$$;

DO $$
BEGIN
  EXECUTE format('GRANT daypass_app TO %I', current_user);
EXCEPTION WHEN OTHERS THEN
  RAISE NOTICE 'could not make % a member of daypass_app: %', current_user, SQLERRM;
END
$$;

GRANT USAGE ON SCHEMA public TO daypass_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
  configuration, tenant, issuer, app, bucket, resource_server, person, device, sign_in_binding,
  issued_token, derivation, stored_object, ticket, lock, replay, oidc_artifact, signing_key, quota_counter
  TO daypass_app;
GRANT USAGE ON SEQUENCE configuration_version_seq TO daypass_app;
GRANT SELECT, INSERT ON audit_event TO daypass_app;
REVOKE ALL ON audit_event FROM PUBLIC;
