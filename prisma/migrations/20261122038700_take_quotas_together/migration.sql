-- ── take_quotas_2 ─────────────────────────────────────────────────────────────────────────────
-- As take_quotas_1, for several who ask at once: [{claims, at}], one call, one commit. Each takes from all of its
-- counters or from none, in their order, and sees what those before it took. Who shares a counter with everybody, as
-- with a bucket's limit, waits for one commit and not for a queue of them.
--
-- The first statement locks every counter of the batch, in the order of their ids, as everywhere else.
CREATE FUNCTION take_quotas_2(batch jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  asked record;
  answers jsonb := '[]';
BEGIN
  INSERT INTO quota_counter AS q (id, window_start, used, before, expires_at)
  SELECT DISTINCT ON (c.id COLLATE "C") c.id, c.window_start, 0, 0, c.expires_at
  FROM jsonb_to_recordset(batch) AS b(claims jsonb),
    jsonb_to_recordset(b.claims) AS c(id text, window_start timestamptz, expires_at timestamptz)
  ORDER BY c.id COLLATE "C", c.window_start
  ON CONFLICT (id) DO UPDATE SET expires_at = greatest(q.expires_at, excluded.expires_at);

  FOR asked IN
    SELECT b.claims, b.at
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (claims jsonb, at timestamptz)) WITH ORDINALITY AS b(claims, at, n)
    ORDER BY b.n
  LOOP
    answers := answers || jsonb_build_array(take_quotas_1(asked.claims, asked.at));
  END LOOP;
  RETURN answers;
END
$$;
