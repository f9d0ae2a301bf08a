-- Which apps were told of which sign-in, and which of them still have to hear that it has ended.
CREATE TABLE "app_session" (
  "sid" TEXT NOT NULL,
  "app_id" TEXT NOT NULL,
  "tenant_id" TEXT NOT NULL,
  "user_id" TEXT NOT NULL,
  "session_id" TEXT,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "ended_at" TIMESTAMPTZ(3),
  "tell_at" TIMESTAMPTZ(3),
  "attempts" INTEGER NOT NULL,
  CONSTRAINT "app_session_pkey" PRIMARY KEY ("sid", "app_id")
);
CREATE INDEX "app_session_user_id_idx" ON "app_session"("user_id");
CREATE INDEX "app_session_session_id_idx" ON "app_session"("session_id");
CREATE INDEX "app_session_tell_at_idx" ON "app_session"("tell_at");
CREATE INDEX "app_session_expires_at_idx" ON "app_session"("expires_at");

-- Whatever ends a sign-in is a lock, whoever places it: in the same transaction, so that none is missed. Those
-- of an app, an issuer or a tenant end no sign-in of one person, and may reach too many rows to wait for.
CREATE FUNCTION end_app_sessions_1() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF NEW.target LIKE 'grant:%' THEN
    UPDATE app_session SET ended_at = NEW.effective_at, tell_at = NEW.effective_at
    WHERE sid = substr(NEW.target, 7) AND ended_at IS NULL;
  ELSIF NEW.target LIKE 'session:%' THEN
    UPDATE app_session SET ended_at = NEW.effective_at, tell_at = NEW.effective_at
    WHERE session_id = substr(NEW.target, 9) AND ended_at IS NULL;
  ELSIF NEW.target LIKE 'user:%' THEN
    UPDATE app_session SET ended_at = NEW.effective_at, tell_at = NEW.effective_at
    WHERE user_id = substr(NEW.target, 6) AND ended_at IS NULL;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER end_app_sessions
AFTER INSERT ON lock
FOR EACH ROW EXECUTE FUNCTION end_app_sessions_1();

GRANT SELECT, INSERT, UPDATE, DELETE ON app_session TO daypass_app;
