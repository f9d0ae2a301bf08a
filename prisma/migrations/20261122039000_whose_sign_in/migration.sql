-- Whose sign-in a revocation has ended. What came of a sign-in is named by no column of a token, and is counted among
-- the tokens of its person. NULL is what the previous version writes: then it is counted as that version counts.
ALTER TABLE "lock" ADD COLUMN "user_id" TEXT;
