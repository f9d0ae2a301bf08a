-- Refresh tokens: a family for each authorization, and each token of it by its hash.
CREATE TABLE "refresh_family" (
  "family_id" TEXT NOT NULL,
  "grant_id" TEXT NOT NULL,
  "tenant_id" TEXT NOT NULL,
  "app_id" TEXT NOT NULL,
  "issuer_id" TEXT NOT NULL,
  "user_id" TEXT NOT NULL,
  "thumbprint" TEXT,
  "lineage" TEXT[],
  "authorization" JSONB NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "refresh_family_pkey" PRIMARY KEY ("family_id")
);
CREATE INDEX "refresh_family_lineage_idx" ON "refresh_family" USING GIN ("lineage");
CREATE INDEX "refresh_family_expires_at_idx" ON "refresh_family"("expires_at");

CREATE TABLE "refresh_token" (
  "token_hash" BYTEA NOT NULL,
  "family_id" TEXT NOT NULL,
  "issued_at" TIMESTAMPTZ(3) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  "successor" BYTEA,
  CONSTRAINT "refresh_token_pkey" PRIMARY KEY ("token_hash")
);
CREATE INDEX "refresh_token_family_id_idx" ON "refresh_token"("family_id");

GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_family, refresh_token TO daypass_app;
