-- Uploads that are under way, for limits on how many there may be at once: a row for each upload and counter.
-- One counts until `until`, and for as long as its object is not settled; so what a crash left behind goes by itself.
CREATE TABLE "quota_hold" (
  "object_id" TEXT NOT NULL,
  "counter_id" TEXT NOT NULL,
  "until" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "quota_hold_pkey" PRIMARY KEY ("object_id", "counter_id")
);
CREATE INDEX "quota_hold_counter_id_idx" ON "quota_hold"("counter_id");

GRANT SELECT, INSERT, UPDATE, DELETE ON quota_hold TO daypass_app;

-- Takes from all of these counters, or from none and says which do not have it: [{place, used, before, free_at}].
--
-- A claim is {place, id, limit, amount, window_start, expires_at, share}: of a window twice as long as it slides.
-- With object_id and until it is no window but a hold. Each id at most once.
--
-- The first statement locks every counter, in the order of their ids, as `refund` and the settling of objects do:
-- nobody waits for one who waits. What follows sees all that was taken before the locks came.
CREATE FUNCTION take_quotas_1(claims jsonb, at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  short jsonb;
  full_up jsonb;
BEGIN
  WITH slid AS (
    INSERT INTO quota_counter AS q (id, window_start, used, before, expires_at)
    SELECT c.id, c.window_start, 0, 0, c.expires_at
    FROM jsonb_to_recordset(claims) AS c(id text, window_start timestamptz, expires_at timestamptz)
    ORDER BY c.id COLLATE "C"
    ON CONFLICT (id) DO UPDATE SET
      used = CASE WHEN q.window_start >= excluded.window_start THEN q.used ELSE 0 END,
      before = CASE WHEN q.window_start >= excluded.window_start THEN q.before
        WHEN q.window_start = excluded.window_start - (excluded.expires_at - excluded.window_start) / 2 THEN q.used
        ELSE 0 END,
      window_start = greatest(q.window_start, excluded.window_start),
      expires_at = greatest(q.expires_at, excluded.expires_at)
    RETURNING q.id, q.used, q.before
  )
  SELECT jsonb_agg(jsonb_build_object('place', c.place, 'used', slid.used, 'before', slid.before)) INTO short
  FROM jsonb_to_recordset(claims) AS c(place int, id text, amount bigint, "limit" bigint, share float8, object_id text)
  JOIN slid ON slid.id = c.id
  WHERE c.object_id IS NULL AND c.amount + slid.used + slid.before * c.share > c."limit";

  SELECT jsonb_agg(jsonb_build_object('place', held.place, 'used', held.used, 'before', 0, 'free_at', held.free_at))
  INTO full_up
  FROM (
    SELECT c.place, c."limit", count(*) AS used, min(h.until) AS free_at
    FROM jsonb_to_recordset(claims) AS c(place int, id text, "limit" bigint, object_id text)
    JOIN quota_hold AS h ON h.counter_id = c.id
    WHERE c.object_id IS NOT NULL AND (h.until > at OR EXISTS (
      SELECT FROM stored_object AS o
      WHERE o.object_id = h.object_id AND o.status IN ('pending', 'uploaded', 'validating')))
    GROUP BY c.place, c."limit"
  ) AS held
  WHERE held.used >= held."limit";

  IF short IS NOT NULL OR full_up IS NOT NULL THEN
    RETURN coalesce(short, '[]') || coalesce(full_up, '[]');
  END IF;

  UPDATE quota_counter AS q SET used = q.used + c.amount
  FROM jsonb_to_recordset(claims) AS c(id text, amount bigint, object_id text)
  WHERE q.id = c.id AND c.object_id IS NULL;
  INSERT INTO quota_hold (object_id, counter_id, until)
  SELECT c.object_id, c.id, c.until
  FROM jsonb_to_recordset(claims) AS c(id text, object_id text, until timestamptz)
  WHERE c.object_id IS NOT NULL;
  RETURN '[]';
END
$$;
