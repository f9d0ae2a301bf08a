-- How fast requests may come (GCRA): for each key the time when the next one is due. A row says nothing once that is past.
--
-- Unlogged, so that a request waits for no disk: what a crash or a failover forgets is one burst.
-- No index on "due": each request moves it, and so stays within its page (HOT). What purges reads all of a small table.
CREATE UNLOGGED TABLE "request_pace" (
  "id" TEXT NOT NULL,
  "due" TIMESTAMPTZ(6) NOT NULL,
  CONSTRAINT "request_pace_pkey" PRIMARY KEY ("id")
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON request_pace TO daypass_app;

-- Lets one more pass unless it comes more than `tolerance` before it is due. All in microseconds, of which a float8 holds
-- every whole number until the year 2255.
--
-- Many at once wait for each other at the row, and each is judged by what the one before has left. What is refused
-- changes nothing.
CREATE FUNCTION pass_pace_1(
  key text, step float8, tolerance float8, at timestamptz, OUT passed boolean, OUT due float8
) LANGUAGE plpgsql AS $$
DECLARE
  next_due timestamptz;
BEGIN
  INSERT INTO request_pace AS p (id, due) VALUES (key, at + step * interval '1 microsecond')
  ON CONFLICT (id) DO UPDATE SET due = greatest(p.due, at) + step * interval '1 microsecond'
  WHERE p.due - tolerance * interval '1 microsecond' <= at
  RETURNING p.due INTO next_due;
  passed := FOUND;
  IF NOT passed THEN
    SELECT p.due INTO next_due FROM request_pace AS p WHERE p.id = key;
  END IF;
  -- Purged in between: then it was not long.
  due := extract(epoch FROM coalesce(next_due, at)) * 1000000;
END
$$;
