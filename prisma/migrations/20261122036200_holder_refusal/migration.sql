-- Whether somebody who was proven when a request began still holds: waits for revocations under way, then looks. One
-- statement for whoever asks, where a transaction takes four.
CREATE FUNCTION holder_refusal_1(keys text[], authorities jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(k)
  FROM (SELECT DISTINCT hashtextextended(target, 0) AS k FROM unnest(keys) AS target ORDER BY 1) AS sorted;
  -- A statement of its own: its snapshot is taken after the locks were granted.
  RETURN (
    SELECT CASE
      WHEN EXISTS (
        SELECT FROM lock AS l WHERE l.target = ANY (keys) AND l.block AND l.lifted_at IS NULL
      ) THEN 'blocked'
      WHEN EXISTS (
        SELECT FROM jsonb_to_recordset(authorities) AS a(key text, since timestamptz)
        JOIN lock AS l ON l.target = a.key AND l.effective_at >= a.since
      ) THEN 'revoked'
    END
  );
END
$$;
