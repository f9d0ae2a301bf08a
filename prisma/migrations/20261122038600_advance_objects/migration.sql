-- ── advance_objects_1 ─────────────────────────────────────────────────────────────────────────
-- Steps of the life cycle of uploads, each conditional on the state before it and with its audit event; one call,
-- one commit, where a transaction for each took four statements.
--
-- Each element of `batch`, absent members being NULL:
--   object_id, expected   which object, and the states the step may be taken from
--   status, at, reason    the state after it, when, and why
--   size, sha256, content_type, revision, report: what inspection found; what is NULL stays
--   keys, authorities     what whoever asks for the step acts by, as for `holder_refusal_1`
--   despite_revocation    to `available` although what it came from was revoked
--   audit                 the event; with `inherits`, class, basis and place are those its token was issued under
--
-- `objects` are all the objects of the batch, and `holders` all its keys, each once.
--
-- Returns, for each element in its place, NULL where the step was taken and why not otherwise.
--
-- Law 3: the shared advisory locks come first, in sorted order, and each later statement of this (volatile) function
-- sees a snapshot taken after they were granted. Then objects and counters, each sorted as everywhere: two batches
-- wait for each other in one direction only.
CREATE FUNCTION advance_objects_1(batch jsonb, objects text[], holders text[]) RETURNS text[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  step record;
  took record;
  counters text[];
  refusals text[] := array_fill(NULL::text, ARRAY[jsonb_array_length(batch)]);
BEGIN
  PERFORM pg_advisory_xact_lock_shared(k) FROM (
    SELECT DISTINCT hashtextextended(target, 0) AS k
    FROM (
      SELECT unnest(lineage) AS target FROM stored_object WHERE object_id = ANY (objects)
      UNION SELECT unnest(holders)
    ) AS named
    ORDER BY 1
  ) AS sorted;

  PERFORM FROM stored_object WHERE object_id = ANY (objects) ORDER BY object_id FOR NO KEY UPDATE;

  IF batch @? '$[*] ? (@.status == "expired" || @.status == "rejected")' THEN
    SELECT array_agg(r.id) INTO counters
    FROM stored_object AS o, jsonb_to_recordset(o.reserved) AS r(id text)
    WHERE o.object_id = ANY (objects);
    PERFORM FROM quota_counter WHERE id = ANY (counters) ORDER BY id COLLATE "C" FOR UPDATE;
  END IF;

  FOR step IN
    SELECT * FROM ROWS FROM (jsonb_to_recordset(batch) AS (
      object_id text, expected text[], status text, at timestamptz, reason text, size bigint, sha256 text,
      content_type text, revision text, report jsonb, keys text[], authorities jsonb, despite_revocation boolean,
      audit jsonb, inherits boolean)) WITH ORDINALITY AS s(
      object_id, expected, status, at, reason, size, sha256, content_type, revision, report, keys, authorities,
      despite_revocation, audit, inherits, n)
  LOOP
    IF step.keys IS NOT NULL THEN
      refusals[step.n] := holder_refusal_1(step.keys, step.authorities);
      CONTINUE WHEN refusals[step.n] IS NOT NULL;
    END IF;

    UPDATE stored_object AS o SET
      status = step.status,
      reason = step.reason,
      size = coalesce(step.size, o.size),
      sha256 = coalesce(step.sha256, o.sha256),
      content_type = coalesce(step.content_type, o.content_type),
      revision = coalesce(step.revision, o.revision),
      report = coalesce(step.report, o.report),
      attempts = CASE WHEN step.status IN ('pending', 'uploaded', 'validating') THEN o.attempts END,
      apart_at = CASE WHEN step.status = 'quarantined' THEN NULL
        WHEN step.status IN ('available', 'deleted') AND o.status IN ('quarantined', 'rejected')
          THEN coalesce(o.apart_at, step.at)
        ELSE o.apart_at END,
      lease_until = CASE WHEN step.status = 'validating' THEN o.lease_until END,
      settled_at = CASE WHEN step.status IN ('pending', 'uploaded', 'validating') THEN o.settled_at ELSE step.at END
    WHERE o.object_id = step.object_id AND o.status = ANY (step.expected)
      AND (step.status <> 'available' OR coalesce(step.despite_revocation, false) OR NOT EXISTS (
        SELECT FROM lock AS l WHERE l.target = ANY (o.lineage)
          AND (l.target LIKE 'token:%' OR l.effective_at >= o.created_at)))
    RETURNING o.reserved, o.created_at INTO took;
    IF NOT FOUND THEN
      refusals[step.n] := 'moved_on';
      CONTINUE;
    END IF;

    IF step.status IN ('expired', 'rejected') THEN
      UPDATE quota_counter AS q SET
        used = CASE WHEN took.created_at >= q.window_start THEN greatest(0, q.used - r.amount) ELSE q.used END,
        before = CASE WHEN took.created_at >= q.window_start THEN q.before ELSE greatest(0, q.before - r.amount) END
      FROM jsonb_to_recordset(took.reserved) AS r(id text, window_seconds int, amount bigint)
      WHERE q.id = r.id AND took.created_at >= q.window_start - make_interval(secs => r.window_seconds);
    END IF;
    IF step.status NOT IN ('pending', 'uploaded', 'validating') THEN
      DELETE FROM quota_hold WHERE object_id = step.object_id;
    END IF;

    INSERT INTO audit_event
    SELECT t.* FROM jsonb_populate_record(NULL::audit_event,
      coalesce((
        SELECT jsonb_strip_nulls(jsonb_build_object(
          'classification', i.classification, 'lawful_basis', i.lawful_basis, 'residency', i.residency))
        FROM issued_token AS i WHERE step.inherits AND i.token_id = step.audit ->> 'token_id'), '{}')
      || step.audit || jsonb_build_object('xid', pg_current_xact_id()::text)) AS t;
  END LOOP;
  RETURN refusals;
END
$$;
