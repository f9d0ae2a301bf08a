-- Whatever an upload takes is a row of its own until the upload is settled, also what it takes from a window: a broker
-- that dies between the taking and the record leaves the rows, and they are given back once `until` has passed. What
-- is on record gives back by "stored_object"."reserved", as before.
ALTER TABLE "quota_hold" ADD COLUMN "amount" BIGINT,
  ADD COLUMN "window_seconds" INTEGER,
  ADD COLUMN "taken_at" TIMESTAMPTZ(3);

-- ── take_quotas_3 ─────────────────────────────────────────────────────────────────────────────
-- As take_quotas_2, and a claim of a window with held_for, window_seconds and until leaves a hold for that object.
CREATE FUNCTION take_quotas_3(batch jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  asked record;
  answer jsonb;
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
    answer := take_quotas_1(asked.claims, asked.at);
    IF answer = '[]' THEN
      INSERT INTO quota_hold (object_id, counter_id, until, amount, window_seconds, taken_at)
      SELECT c.held_for, c.id, c.until, c.amount, c.window_seconds, asked.at
      FROM jsonb_to_recordset(asked.claims)
        AS c(held_for text, id text, until timestamptz, amount bigint, window_seconds int)
      WHERE c.held_for IS NOT NULL;
    END IF;
    answers := answers || jsonb_build_array(answer);
  END LOOP;
  RETURN answers;
END
$$;
