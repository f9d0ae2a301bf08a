-- Events of revocations older than anything that is alive are deleted in batches (src/ledger/postgres/purge.ts).
GRANT DELETE ON revocation_event TO daypass_app;
