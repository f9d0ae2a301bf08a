/**
 * The rooms of `src/`: the one table behind the import rules (.dependency-cruiser.js) and behind
 * docs/architecture.md. A folder of `src/` that is not listed here fails the check.
 */
export interface Room {
  /** The folder under `src/`. */
  readonly name: string;
  readonly question: string;
  /**
   * The files other rooms may import; `any` for vocabulary and for use cases, which are doors by themselves.
   */
  readonly doors: 'any' | readonly string[];
  /** The rooms whose doors it may import; `any` for those that put the others together. */
  readonly rooms: 'any' | readonly string[];
  /** Packages, besides `node:*`; those of an adapter in its folder only. */
  readonly packages:
    | 'any'
    | readonly { readonly names: readonly string[]; readonly only?: string }[];
  /** Files at the top of `src/` it may import, which are otherwise for main alone. */
  readonly top?: readonly string[];
}

const everywhere = (...names: string[]) => ({ names });
const only = (folder: string, ...names: string[]) => ({ names, only: folder });

export const ROOMS: readonly Room[] = [
  {
    name: 'protocol',
    question: 'What do the RFCs call it?',
    doors: 'any',
    rooms: [],
    packages: [],
  },
  {
    name: 'scope',
    question: 'Is this inside that?',
    doors: 'any',
    rooms: ['protocol'],
    packages: [],
  },
  {
    name: 'keys',
    question: 'Who signs, with what?',
    doors: ['signer.ts', 'custody.ts'],
    rooms: ['protocol', 'scope'],
    packages: [everywhere('jose')],
  },
  {
    name: 'egress',
    question: 'May we call out there?',
    doors: ['fetch.ts', 'egress-error.ts'],
    rooms: ['protocol', 'scope'],
    packages: [everywhere('undici')],
  },
  {
    name: 'config',
    question: 'What were we told?',
    doors: [
      'app-type.ts',
      'config.ts',
      'demo-deployment.ts',
      'deployment-index.ts',
      'deployment.ts',
      'expiry.ts',
      'issue-words.ts',
      'missing-variables.ts',
      'nearest.ts',
      'not-yet.ts',
      'plan.ts',
      'problem.ts',
      'read-entry.ts',
      'schema-files.ts',
      'secret.ts',
      'standing-keys.ts',
    ],
    rooms: ['protocol', 'scope'],
    packages: [everywhere('zod', 'yaml', 'pino')],
  },
  {
    name: 'identity',
    question: 'Whom does a presented token, proof or device speak for?',
    doors: [
      'verifier.ts',
      'dpop.ts',
      'attestation.ts',
      'access-token.ts',
      'client-certificate.ts',
      'logout-token.ts',
      'event-token.ts',
      'sns-message.ts',
    ],
    rooms: ['protocol', 'scope'],
    packages: [everywhere('jose', 'lru-cache')],
  },
  {
    name: 'policy',
    question: 'May this be done?',
    doors: ['engine.ts', 'explain.ts', 'memo.ts', 'gate/gate.ts'],
    rooms: ['protocol', 'scope'],
    packages: [only('cedar', '@cedar-policy/cedar-wasm'), only('gate', '@cedar-policy/cedar-wasm')],
  },
  {
    name: 'storage',
    question: 'One URL or credential, one place, a short while: which?',
    doors: [
      'object-store.ts',
      'bucket-settings.ts',
      'grant.ts',
      'multipart.ts',
      'cloud-credentials.ts',
    ],
    rooms: ['protocol', 'scope'],
    packages: [
      only('s3', '@aws-sdk/client-s3', '@aws-sdk/client-sts'),
      only('azure', '@azure/identity', '@azure/storage-blob'),
      only('gcs', 'google-auth-library'),
    ],
  },
  {
    name: 'inspection',
    question: 'Is this upload what it claims to be?',
    doors: ['inspector.ts', 'table-schema.ts'],
    rooms: ['protocol', 'scope'],
    packages: [
      only('sniff', 'file-type'),
      only('image', 'sharp'),
      only('archive', 'yauzl'),
      only('table', 'ajv', 'csv-parse', '@streamparser/json'),
    ],
  },
  {
    name: 'ledger',
    question: 'What outlives a request?',
    doors: [
      'ledger.ts',
      'part-uploads.ts',
      'records.ts',
      'app-sessions.ts',
      'artifacts.ts',
      'placements.ts',
      'refresh-tokens.ts',
      'revocation-feed.ts',
      'sign-ins.ts',
      'signing-keys.ts',
      'status-lists.ts',
    ],
    rooms: ['protocol', 'scope'],
    packages: [
      only(
        'postgres',
        '@prisma/adapter-pg',
        '@prisma/client',
        '@prisma/driver-adapter-utils',
        '@prisma/schema-engine-wasm',
        'pg',
      ),
    ],
  },
  {
    name: 'federation',
    question: 'Who is at the browser, says the company?',
    doors: ['federation.ts', 'logout-inbox.ts'],
    rooms: ['protocol', 'scope', 'egress', 'identity', 'ledger'],
    packages: [everywhere('openid-client', 'jose')],
  },
  {
    name: 'broker',
    question: 'Every decision is made here: what is issued, to whom, until when?',
    doors: 'any',
    rooms: [
      'protocol',
      'scope',
      'keys',
      'egress',
      'config',
      'identity',
      'policy',
      'storage',
      'inspection',
      'ledger',
    ],
    packages: [everywhere('ulid', 'lru-cache')],
  },
  {
    name: 'watch',
    question: 'Is something going wrong, and what do we do about it? Not built yet.',
    doors: ['detector.ts', 'responder.ts'],
    rooms: ['protocol', 'scope', 'ledger', 'broker'],
    packages: [],
  },
  {
    name: 'oauth',
    question: 'How does an OAuth client ask? The only room, but demo, that knows oidc-provider.',
    doors: ['provider.ts'],
    rooms: ['protocol', 'scope', 'config', 'identity', 'federation', 'ledger', 'broker'],
    packages: [everywhere('oidc-provider')],
  },
  {
    name: 'http',
    question: 'How does an answer travel? The only room that knows sockets, and the wire schemas.',
    doors: ['app.ts', 'route-table.ts', 'openapi.ts'],
    rooms: ['protocol', 'scope', 'config', 'identity', 'federation', 'ledger', 'broker'],
    packages: [
      everywhere(
        'zod',
        '@asteasolutions/zod-to-openapi',
        '@opentelemetry/api',
        '@opentelemetry/exporter-prometheus',
        '@opentelemetry/sdk-metrics',
        'swagger-ui-dist',
      ),
    ],
  },
  {
    name: 'compose',
    question: 'Which adapter stands behind which door? With compose.ts, the only place that knows.',
    doors: 'any',
    rooms: 'any',
    packages: 'any',
  },
  {
    name: 'cli',
    question: 'What does the command line ask for?',
    doors: ['daypass.ts'],
    rooms: ['protocol', 'scope', 'config', 'compose'],
    packages: [everywhere('commander')],
    top: ['compose.ts'],
  },
  {
    name: 'demo',
    question: 'What is it like without a company? Loaded by compose outside production only.',
    doors: 'any',
    rooms: 'any',
    packages: 'any',
    top: ['compose.ts', 'main.ts'],
  },
];

/** The only files that name concrete adapters, and that own the process: they may import all. */
export const TOP: readonly string[] = ['compose.ts', 'main.ts'];
