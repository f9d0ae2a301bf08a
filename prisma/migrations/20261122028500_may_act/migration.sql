-- Who may come to act for the subject of a token (RFC 8693 §4.4). Absent where that is left to policy.
ALTER TABLE "issued_token" ADD COLUMN "may_act" JSONB;
