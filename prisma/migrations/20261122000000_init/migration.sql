-- CreateTable
CREATE TABLE "configuration" (
    "version" SERIAL NOT NULL,
    "digest" TEXT NOT NULL,
    "settings" JSONB NOT NULL,
    "plan" JSONB NOT NULL,
    "source" TEXT NOT NULL,
    "applied_by" TEXT NOT NULL,
    "applied_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "configuration_pkey" PRIMARY KEY ("version")
);

-- CreateTable
CREATE TABLE "tenant" (
    "id" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "version" INTEGER NOT NULL,

    CONSTRAINT "tenant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issuer" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "version" INTEGER NOT NULL,

    CONSTRAINT "issuer_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "app" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "version" INTEGER NOT NULL,

    CONSTRAINT "app_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "bucket" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "version" INTEGER NOT NULL,

    CONSTRAINT "bucket_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "resource_server" (
    "id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "version" INTEGER NOT NULL,

    CONSTRAINT "resource_server_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "person" (
    "user_id" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "issuer_id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "person_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "device" (
    "device_id" TEXT NOT NULL,
    "thumbprint" TEXT NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "device_pkey" PRIMARY KEY ("device_id")
);

-- CreateTable
CREATE TABLE "sign_in_binding" (
    "token_hash" TEXT NOT NULL,
    "thumbprint" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sign_in_binding_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "issued_token" (
    "token_id" TEXT NOT NULL,
    "token_hash" BYTEA,
    "format" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "issuer_id" TEXT,
    "issuer" TEXT,
    "subject" TEXT NOT NULL,
    "user_id" TEXT,
    "device_id" TEXT,
    "actors" JSONB NOT NULL,
    "attributes" JSONB NOT NULL,
    "resource" TEXT NOT NULL,
    "scopes" TEXT[],
    "authorization_details" JSONB NOT NULL,
    "binding_method" TEXT,
    "thumbprint" TEXT,
    "parent_id" TEXT,
    "root_id" TEXT NOT NULL,
    "root_hash" TEXT,
    "session_id" TEXT,
    "root_expires_at" TIMESTAMPTZ(3),
    "lineage" TEXT[],
    "policy_digest" TEXT NOT NULL,
    "policies" TEXT[],
    "classification" TEXT,
    "lawful_basis" TEXT,
    "residency" TEXT,
    "signing_key" TEXT,
    "ip" TEXT,
    "trace_id" TEXT,
    "request_id" TEXT NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "issued_token_pkey" PRIMARY KEY ("token_id")
);

-- CreateTable
CREATE TABLE "derivation" (
    "child_id" TEXT NOT NULL,
    "ancestor_id" TEXT NOT NULL,
    "via" TEXT NOT NULL,

    CONSTRAINT "derivation_pkey" PRIMARY KEY ("child_id","ancestor_id")
);

-- CreateTable
CREATE TABLE "stored_object" (
    "object_id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "bucket_id" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "user_id" TEXT,
    "token_id" TEXT NOT NULL,
    "lineage" TEXT[],
    "staging_key" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "file_name" TEXT NOT NULL,
    "content_type" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "sha256" TEXT,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "revision" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "upload_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "settled_at" TIMESTAMPTZ(3),
    "staging_gone_at" TIMESTAMPTZ(3),

    CONSTRAINT "stored_object_pkey" PRIMARY KEY ("object_id")
);

-- CreateTable
CREATE TABLE "ticket" (
    "ticket_id" TEXT NOT NULL,
    "token_hash" BYTEA,
    "delivery" TEXT NOT NULL,
    "object_id" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "user_id" TEXT,
    "device_id" TEXT,
    "token_id" TEXT NOT NULL,
    "lineage" TEXT[],
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "ticket_pkey" PRIMARY KEY ("ticket_id")
);

-- CreateTable
CREATE TABLE "lock" (
    "revocation_id" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "block" BOOLEAN NOT NULL,
    "reason" TEXT NOT NULL,
    "killed" JSONB NOT NULL,
    "residual" JSONB NOT NULL,
    "effective_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_by" TEXT NOT NULL,
    "lifted_at" TIMESTAMPTZ(3),
    "lifted_by" TEXT,

    CONSTRAINT "lock_pkey" PRIMARY KEY ("revocation_id")
);

-- CreateTable
CREATE TABLE "replay" (
    "id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "replay_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_event" (
    "event_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "action" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "reason" TEXT,
    "tenant_id" TEXT,
    "token_id" TEXT,
    "issuer" TEXT,
    "user_id" TEXT,
    "app_id" TEXT,
    "device_id" TEXT,
    "actors" JSONB,
    "scopes" TEXT[],
    "resource" TEXT,
    "object_id" TEXT,
    "classification" TEXT,
    "lawful_basis" TEXT,
    "residency" TEXT,
    "policy_digest" TEXT,
    "policies" TEXT[],
    "ip" TEXT,
    "trace_id" TEXT,
    "request_id" TEXT,
    "detail" JSONB,

    CONSTRAINT "audit_event_pkey" PRIMARY KEY ("event_id")
);

-- CreateTable
CREATE TABLE "oidc_artifact" (
    "model" TEXT NOT NULL,
    "id_hash" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "grant_id" TEXT,
    "uid" TEXT,
    "user_code" TEXT,
    "consumed_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "oidc_artifact_pkey" PRIMARY KEY ("model","id_hash")
);

-- CreateTable
CREATE TABLE "signing_key" (
    "kid" TEXT NOT NULL,
    "alg" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "sealed" BYTEA NOT NULL,
    "state" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "active_at" TIMESTAMPTZ(3),
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "signing_key_pkey" PRIMARY KEY ("kid")
);

-- CreateTable
CREATE TABLE "quota_counter" (
    "id" TEXT NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "used" BIGINT NOT NULL,
    "before" BIGINT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "quota_counter_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "person_issuer_subject_key" ON "person"("issuer", "subject");

-- CreateIndex
CREATE UNIQUE INDEX "device_thumbprint_key" ON "device"("thumbprint");

-- CreateIndex
CREATE INDEX "sign_in_binding_expires_at_idx" ON "sign_in_binding"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "issued_token_token_hash_key" ON "issued_token"("token_hash");

-- CreateIndex
CREATE INDEX "issued_token_tenant_id_issued_at_idx" ON "issued_token"("tenant_id", "issued_at" DESC);

-- CreateIndex
CREATE INDEX "issued_token_app_id_issued_at_idx" ON "issued_token"("app_id", "issued_at" DESC);

-- CreateIndex
CREATE INDEX "issued_token_user_id_issued_at_idx" ON "issued_token"("user_id", "issued_at" DESC);

-- CreateIndex
CREATE INDEX "issued_token_device_id_idx" ON "issued_token"("device_id");

-- CreateIndex
CREATE INDEX "derivation_ancestor_id_idx" ON "derivation"("ancestor_id");

-- CreateIndex
CREATE INDEX "stored_object_bucket_id_status_object_id_idx" ON "stored_object"("bucket_id", "status", "object_id");

-- CreateIndex
CREATE INDEX "stored_object_status_upload_expires_at_idx" ON "stored_object"("status", "upload_expires_at");

-- CreateIndex
CREATE INDEX "stored_object_app_id_idx" ON "stored_object"("app_id");

-- CreateIndex
CREATE INDEX "stored_object_user_id_idx" ON "stored_object"("user_id");

-- CreateIndex
CREATE INDEX "stored_object_token_id_idx" ON "stored_object"("token_id");

-- CreateIndex
CREATE UNIQUE INDEX "stored_object_bucket_id_key_key" ON "stored_object"("bucket_id", "key");

-- CreateIndex
CREATE UNIQUE INDEX "ticket_token_hash_key" ON "ticket"("token_hash");

-- CreateIndex
CREATE INDEX "ticket_token_id_idx" ON "ticket"("token_id");

-- CreateIndex
CREATE INDEX "ticket_app_id_idx" ON "ticket"("app_id");

-- CreateIndex
CREATE INDEX "ticket_user_id_idx" ON "ticket"("user_id");

-- CreateIndex
CREATE INDEX "ticket_object_id_idx" ON "ticket"("object_id");

-- CreateIndex
CREATE INDEX "ticket_expires_at_idx" ON "ticket"("expires_at");

-- CreateIndex
CREATE INDEX "lock_target_idx" ON "lock"("target");

-- CreateIndex
CREATE INDEX "lock_tenant_id_effective_at_idx" ON "lock"("tenant_id", "effective_at" DESC);

-- CreateIndex
CREATE INDEX "replay_expires_at_idx" ON "replay"("expires_at");

-- CreateIndex
CREATE INDEX "audit_event_tenant_id_at_idx" ON "audit_event"("tenant_id", "at" DESC);

-- CreateIndex
CREATE INDEX "audit_event_token_id_idx" ON "audit_event"("token_id");

-- CreateIndex
CREATE INDEX "audit_event_user_id_at_idx" ON "audit_event"("user_id", "at" DESC);

-- CreateIndex
CREATE INDEX "audit_event_app_id_at_idx" ON "audit_event"("app_id", "at" DESC);

-- CreateIndex
CREATE INDEX "oidc_artifact_grant_id_idx" ON "oidc_artifact"("grant_id");

-- CreateIndex
CREATE INDEX "oidc_artifact_model_uid_idx" ON "oidc_artifact"("model", "uid");

-- CreateIndex
CREATE INDEX "oidc_artifact_model_user_code_idx" ON "oidc_artifact"("model", "user_code");

-- CreateIndex
CREATE INDEX "oidc_artifact_expires_at_idx" ON "oidc_artifact"("expires_at");

-- CreateIndex
CREATE INDEX "quota_counter_expires_at_idx" ON "quota_counter"("expires_at");
