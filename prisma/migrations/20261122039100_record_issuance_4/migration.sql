-- ── record_issuance_4 ─────────────────────────────────────────────────────────────────────────
-- As record_issuance_3, which the previous release goes on calling: records a batch of credentials, each
-- with its audit event, or refuses it; one call, one commit. It looks at what nothing stands against once
-- for the whole batch, and at single elements only where something does.
--
-- Each element of `batch`, absent members being NULL:
--   configuration  the configuration version the decision was made under
--   keys           lock targets that must not be blocked: app:…, user:…, token:… and so on
--   issued_at      dead from the start if a lock on one of `keys` took effect then or later: it is decided again
--   authorities    [{since, keys}]: dead if a lock on one of `keys` took effect at or after `since`
--   proofs         [{id, keep_until, kind}]: seen once, or refused as `replayed_<kind>`
--   sign_in        {token_hash, thumbprint, expires_at}: an ID token stays with its first key
--   person, device, token, ancestors, object, ticket, credential: rows to insert
--   audit          the event; what it does not say, `token` says under the same name
-- `versions`, `locks` and `sign_ins` are all the configurations, lock targets (of keys and authorities) and
-- ID token hashes in the batch, each once.
--
-- Returns, for each element in its place, NULL where it was recorded and why not otherwise.
--
-- Law 3: a snapshot alone is not enough, for a revocation may commit and be acknowledged between a
-- statement's snapshot and its commit. So the shared advisory locks come first, in sorted order, and
-- each later statement of this (volatile) function sees a snapshot taken after they were granted.
CREATE FUNCTION record_issuance_4(batch jsonb, versions int[], locks text[], sign_ins text[])
RETURNS text[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  in_force int;
  refusals text[] := array_fill(NULL::text, ARRAY[jsonb_array_length(batch)]);
BEGIN
  PERFORM pg_advisory_xact_lock_shared(k) FROM (
    SELECT DISTINCT hashtextextended(key, 0) AS k FROM unnest(locks || 'configuration'::text) AS key
    ORDER BY 1
  ) AS sorted;

  SELECT max(version) INTO in_force FROM configuration;

  IF in_force IS NULL OR in_force <> ANY (versions)
    OR EXISTS (SELECT FROM lock WHERE target = ANY (locks))
  THEN
    SELECT array_agg(
      CASE
        WHEN r.configuration IS DISTINCT FROM in_force THEN 'stale_configuration'
        WHEN EXISTS (
          SELECT FROM lock AS l WHERE l.target = ANY (r.keys) AND l.block AND l.lifted_at IS NULL
        ) THEN 'blocked'
        WHEN EXISTS (
          SELECT FROM jsonb_to_recordset(r.authorities) AS a(since timestamptz, keys text[])
          JOIN lock AS l ON l.target = ANY (a.keys) AND l.effective_at >= a.since
        ) THEN 'revoked'
        WHEN EXISTS (
          SELECT FROM lock AS l WHERE l.target = ANY (r.keys) AND l.effective_at >= r.issued_at
        ) THEN 'overtaken'
      END ORDER BY r.n)
    INTO refusals
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (configuration int, keys text[], issued_at timestamptz, authorities jsonb))
      WITH ORDINALITY AS r(configuration, keys, issued_at, authorities, n);
  END IF;

  -- Sorted inserts: two batches that want the same rows wait for each other in one direction only.
  IF batch @? '$[*].sign_in.thumbprint' THEN
    INSERT INTO sign_in_binding (token_hash, thumbprint, expires_at)
    SELECT DISTINCT ON (s.token_hash) s.token_hash, s.thumbprint, s.expires_at
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (sign_in jsonb)) WITH ORDINALITY AS r(sign_in, n),
      jsonb_to_record(r.sign_in) AS s(token_hash text, thumbprint text, expires_at timestamptz)
    WHERE refusals[r.n] IS NULL AND s.thumbprint IS NOT NULL
    ORDER BY s.token_hash, r.n
    ON CONFLICT DO NOTHING;
  END IF;

  IF EXISTS (SELECT FROM sign_in_binding WHERE token_hash = ANY (sign_ins)) THEN
    SELECT array_agg(
      coalesce(refusals[r.n], CASE WHEN EXISTS (
        SELECT FROM sign_in_binding AS b
        WHERE b.token_hash = r.sign_in ->> 'token_hash'
          AND b.thumbprint IS DISTINCT FROM r.sign_in ->> 'thumbprint'
      ) THEN 'bound_to_another_key' END) ORDER BY r.n)
    INTO refusals
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (sign_in jsonb)) WITH ORDINALITY AS r(sign_in, n);
  END IF;

  IF batch @? '$[*].proofs[*]' THEN
    WITH wanted AS (
      SELECT DISTINCT ON (p.id) p.id, p.keep_until, r.n
      FROM ROWS FROM (jsonb_to_recordset(batch) AS (proofs jsonb)) WITH ORDINALITY AS r(proofs, n),
        jsonb_to_recordset(r.proofs) AS p(id text, keep_until timestamptz)
      WHERE refusals[r.n] IS NULL
      ORDER BY p.id, r.n
    ), claimed AS (
      INSERT INTO replay (id, expires_at)
      SELECT id, keep_until FROM wanted ORDER BY id
      ON CONFLICT DO NOTHING
      RETURNING id
    ), won AS (
      SELECT w.id, w.n FROM wanted AS w JOIN claimed AS c USING (id)
    )
    SELECT array_agg(
      coalesce(refusals[r.n], (
        SELECT 'replayed_' || p.kind FROM jsonb_to_recordset(r.proofs) AS p(id text, kind text)
        WHERE NOT EXISTS (SELECT FROM won AS w WHERE w.id = p.id AND w.n = r.n)
        LIMIT 1
      )) ORDER BY r.n)
    INTO refusals
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (proofs jsonb)) WITH ORDINALITY AS r(proofs, n);
  END IF;

  INSERT INTO person
  SELECT DISTINCT ON (t.user_id) t.*
  FROM ROWS FROM (jsonb_to_recordset(batch) AS (person jsonb)) WITH ORDINALITY AS r(person, n),
    jsonb_populate_record(NULL::person, r.person) AS t
  WHERE refusals[r.n] IS NULL AND r.person IS NOT NULL
  ORDER BY t.user_id
  ON CONFLICT DO NOTHING;

  IF batch @? '$[*].device' THEN
    INSERT INTO device
    SELECT DISTINCT ON (t.device_id) t.*
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (device jsonb)) WITH ORDINALITY AS r(device, n),
      jsonb_populate_record(NULL::device, r.device) AS t
    WHERE refusals[r.n] IS NULL AND r.device IS NOT NULL
    ORDER BY t.device_id
    ON CONFLICT DO NOTHING;
  END IF;

  INSERT INTO issued_token
  SELECT t.*
  FROM ROWS FROM (jsonb_to_recordset(batch) AS (token jsonb)) WITH ORDINALITY AS r(token, n),
    jsonb_populate_record(NULL::issued_token, r.token) AS t
  WHERE refusals[r.n] IS NULL AND r.token IS NOT NULL;

  IF batch @? '$[*].ancestors[*]' THEN
    INSERT INTO derivation (child_id, ancestor_id, via)
    SELECT a.child_id, a.ancestor_id, a.via
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (ancestors jsonb)) WITH ORDINALITY AS r(ancestors, n),
      jsonb_to_recordset(r.ancestors) AS a(child_id text, ancestor_id text, via text)
    WHERE refusals[r.n] IS NULL;
  END IF;

  IF batch @? '$[*].object' THEN
    INSERT INTO stored_object
    SELECT t.*
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (object jsonb)) WITH ORDINALITY AS r(object, n),
      jsonb_populate_record(NULL::stored_object, r.object) AS t
    WHERE refusals[r.n] IS NULL AND r.object IS NOT NULL;
  END IF;

  IF batch @? '$[*].ticket' THEN
    INSERT INTO ticket
    SELECT t.*
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (ticket jsonb)) WITH ORDINALITY AS r(ticket, n),
      jsonb_populate_record(NULL::ticket, r.ticket) AS t
    WHERE refusals[r.n] IS NULL AND r.ticket IS NOT NULL;
  END IF;

  IF batch @? '$[*].credential' THEN
    INSERT INTO cloud_credential
    SELECT t.*
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (credential jsonb)) WITH ORDINALITY AS r(credential, n),
      jsonb_populate_record(NULL::cloud_credential, r.credential) AS t
    WHERE refusals[r.n] IS NULL AND r.credential IS NOT NULL;
  END IF;

  INSERT INTO audit_event
  SELECT t.*
  FROM ROWS FROM (jsonb_to_recordset(batch) AS (token jsonb, audit jsonb))
      WITH ORDINALITY AS r(token, audit, n),
    jsonb_populate_record(
      NULL::audit_event,
      coalesce(r.token, '{}') || r.audit || jsonb_build_object('xid', pg_current_xact_id()::text)
    ) AS t
  WHERE refusals[r.n] IS NULL;

  RETURN refusals;
END
$$;
