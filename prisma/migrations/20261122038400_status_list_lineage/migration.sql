-- Which of the JWTs that are verified offline descend from what has just been revoked: found by what they descend from,
-- whatever it is, and not by reading all that are alive. Partial: schema.prisma cannot say it.
--
-- What is pending is small: some issuance has to put it in its place, and looking anything up reads it.
CREATE INDEX issued_token_status_lineage_idx ON issued_token USING gin (lineage) WITH (gin_pending_list_limit = 256)
WHERE status_index IS NOT NULL;
