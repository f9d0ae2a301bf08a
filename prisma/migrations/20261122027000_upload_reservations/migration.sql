-- What an upload took from the limits of its app, as [{id, window_seconds, amount}]. The release before this
-- one leaves it NULL, and gives nothing back.
ALTER TABLE "stored_object" ADD COLUMN "reserved" JSONB;
