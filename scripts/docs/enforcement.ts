import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED, type Generator, table } from './generator.ts';

type Who = 'storage' | 'broker' | 'nobody';

/** What the contract tests observed; they fail where it is not what they observe. */
const OBSERVED = join(import.meta.dirname, '../../test/contract/enforcement.json');

const COLUMNS = {
  local: 'local',
  s3rver: 'S3: s3rver 5',
  ceph: 'S3: Ceph 16',
  azure: 'Azure: Azurite 3.37',
  gcs: 'GCS: stand-in',
} as const;

const TEXT = `
Each cell was observed: the contract tests break one part of a grant at a time, at each store, and write down who refused it. A test
fails where its store does otherwise than this page (\`test/contract/enforcement.ts\`).

- **storage**: the upload is refused, and nothing is stored.
- **broker**: the storage takes it; the broker's inspection refuses it, and nobody can read it in between.
- **nobody**: it passes. With \`sniff: false\`, where a token or a grant limits \`content_types\` and nobody would hold an upload to
  that, policy refuses the upload (\`upload_enforceable\`); a bucket's owner accepts it by leaving the limit out.
`;

const NOTES = `
s3rver ignores preconditions and checksums, Ceph 16 checksums: of S3-compatible servers we claim only what the signature itself pins. AWS
acts on \`If-None-Match\` and \`x-amz-checksum-sha256\`, so there both are claimed as \`storage\` (from its documentation: no
account was tried). Azurite stands for Azure with a user delegation key and with an account key alike; on a real account
\`pin_headers\` may move the declared content type to \`storage\` ([ADR 0012](adr/0012-what-a-cloud-cannot-enforce.md)). No emulator of Google Cloud Storage verifies
signatures; our stand-in does, and acts on the signed headers as Google documents them.

The answer of \`/request-upload\` says the same of each upload, in \`enforcement\`.
`;

export const enforcement: Generator = {
  path: 'docs/enforcement.md',
  render: () => {
    const observed: Record<string, Record<string, Who | undefined>> = JSON.parse(
      readFileSync(OBSERVED, 'utf8'),
    );
    const columns = Object.entries(COLUMNS);
    const rows = Object.entries(observed).map(([constraint, row]) => [
      constraint,
      ...columns.map(([column]) => row[column] ?? ''),
    ]);
    const head = ['broken', ...columns.map(([, title]) => title)];
    return `${GENERATED}\n\n# Who holds an upload to its grant\n${TEXT}\n${table(head, rows)}\n${NOTES}`;
  },
};
