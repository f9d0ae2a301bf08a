import type { StorageCall } from '../support/pausing-storage.ts';
import type { LedgerStep } from './standstill.ts';

/** Where an upload's bytes may lie. */
export type Place = 'staging' | 'final' | 'apart';
/** `parts`: in one part, which has arrived. */
export type Kind = 'honest' | 'lie' | 'malware' | 'nothing' | 'parts';

/** A call to the storage in which the broker stands still: of the object, or of its upload in parts. */
export interface Call {
  readonly call: StorageCall['method'];
  readonly of: Place;
  readonly when: StorageCall['when'];
  readonly inParts?: 'uploads' | 'uploadId';
}

/** A step in the ledger in which it stands still; `unheard`, the step is taken, and the broker does not learn of it. */
export type InLedger = LedgerStep | { readonly unheard: LedgerStep };

/** A moment in the life of an upload at which the broker is killed. */
export interface Step {
  readonly name: string;
  readonly kind: Kind;
  /** What has been done to it before: it has settled; the desk has taken it away; and has released it again. */
  readonly first?: 'settled' | 'taken' | 'released';
  /** Who then sets it in motion; left out, its uploader by saying that it is complete. */
  readonly by?:
    | 'request'
    | 'more parts'
    | 'removal'
    | 'loss'
    | 'revocation'
    | 'time'
    | 'age'
    | 'quarantine'
    | 'release'
    | 'delete';
  readonly in: Call | InLedger;
  /** What is on record, and where its bytes lie, when the broker has been killed. */
  readonly status: string | undefined;
  readonly bytes: readonly Place[];
  readonly end: 'available' | 'rejected' | 'gone' | 'quarantined' | 'expired' | 'deleted' | 'never';
}

const before = (call: Call['call'], of: Place, inParts?: Call['inParts']): Call => ({
  call,
  of,
  when: 'before',
  ...(inParts && { inParts }),
});
const after = (...which: Parameters<typeof before>): Call => ({
  ...before(...which),
  when: 'after',
});

const HONEST = { kind: 'honest', bytes: ['staging'], end: 'available' } as const;
const LIE = { kind: 'lie', bytes: ['staging'], end: 'rejected' } as const;
const MALWARE = { kind: 'malware', bytes: ['staging'], end: 'quarantined' } as const;
const PARTS = { kind: 'parts', status: 'pending', bytes: [], end: 'expired' } as const;

const ASKED: readonly Step[] = [
  {
    name: 'asked: limits taken, not on record',
    kind: 'nothing',
    by: 'request',
    in: 'pending',
    status: undefined,
    bytes: [],
    end: 'never',
  },
  {
    name: 'asked: on record, not answered',
    kind: 'nothing',
    by: 'request',
    in: { unheard: 'pending' },
    status: 'pending',
    bytes: [],
    end: 'expired',
  },
  { ...PARTS, name: 'asked in parts: on record, not planned', by: 'request', in: 'planned' },
  {
    ...PARTS,
    name: 'asked in parts: planned, not begun',
    by: 'request',
    in: before('POST', 'staging', 'uploads'),
  },
  {
    ...PARTS,
    name: 'asked in parts: begun, and its name not heard',
    by: 'request',
    in: after('POST', 'staging', 'uploads'),
  },
  { ...PARTS, name: 'asked in parts: begun, its name not on record', by: 'request', in: 'named' },
  { ...PARTS, name: 'more parts: not on record', by: 'more parts', in: 'extended' },
];

const COMPLETED: readonly Step[] = [
  {
    ...HONEST,
    name: 'announced, not looked for',
    in: before('HEAD', 'staging'),
    status: 'pending',
  },
  { ...HONEST, name: 'found, not on record', in: 'uploaded', status: 'pending' },
  { ...HONEST, name: 'uploaded, not leased', in: 'validating', status: 'uploaded' },
  {
    ...PARTS,
    name: 'parts: there, not put together',
    in: before('POST', 'staging', 'uploadId'),
  },
  {
    ...PARTS,
    name: 'parts: put together, and not heard',
    in: after('POST', 'staging', 'uploadId'),
    bytes: ['staging'],
    end: 'available',
  },
  {
    ...PARTS,
    name: 'parts: put together, not on record',
    in: 'uploaded',
    bytes: ['staging'],
    end: 'available',
  },
];

const INSPECTED: readonly Step[] = [
  {
    ...HONEST,
    name: 'leased, bytes on their way',
    in: after('GET', 'staging'),
    status: 'validating',
  },
  { ...HONEST, name: 'inspected, not copied', in: before('PUT', 'final'), status: 'validating' },
  {
    ...HONEST,
    name: 'copied, and the answer not heard',
    in: after('PUT', 'final'),
    status: 'validating',
    bytes: ['final', 'staging'],
  },
  {
    ...HONEST,
    name: 'copied, not available',
    in: 'available',
    status: 'validating',
    bytes: ['final', 'staging'],
  },
  {
    ...HONEST,
    name: 'copied, revoked meanwhile, not on record',
    by: 'revocation',
    in: 'quarantined',
    status: 'validating',
    bytes: ['final', 'staging'],
    end: 'quarantined',
  },
  {
    name: 'leased, and nothing there: not on record',
    kind: 'nothing',
    by: 'loss',
    in: 'pending',
    status: 'validating',
    bytes: [],
    end: 'expired',
  },
  { ...LIE, name: 'a lie, not on record', in: 'rejected', status: 'validating' },
  { ...MALWARE, name: 'malware, not on record', in: 'quarantined', status: 'validating' },
];

const MOVED_APART: readonly Step[] = [
  { ...LIE, name: 'rejected, not moved', in: before('PUT', 'apart'), status: 'rejected' },
  {
    ...LIE,
    name: 'rejected, copied apart and not on record',
    in: after('PUT', 'apart'),
    status: 'rejected',
    bytes: ['apart', 'staging'],
  },
  {
    ...LIE,
    name: 'rejected, final key not cleared',
    in: before('DELETE', 'final'),
    status: 'rejected',
    bytes: ['apart', 'staging'],
  },
  {
    ...LIE,
    name: 'rejected long ago, still apart',
    first: 'settled',
    by: 'age',
    in: before('DELETE', 'apart'),
    status: 'rejected',
    bytes: ['apart', 'staging'],
    end: 'gone',
  },
  { ...MALWARE, name: 'malware, not moved', in: before('PUT', 'apart'), status: 'quarantined' },
  {
    ...MALWARE,
    name: 'malware, copied apart and not on record',
    in: after('DELETE', 'final'),
    status: 'quarantined',
    bytes: ['apart', 'staging'],
  },
];

const TAKEN = { ...HONEST, first: 'settled', by: 'quarantine', end: 'quarantined' } as const;
const RELEASED = { ...HONEST, first: 'taken', by: 'release', end: 'quarantined' } as const;

const AT_THE_DESK: readonly Step[] = [
  {
    ...TAKEN,
    name: 'to be taken away, not on record',
    in: 'quarantined',
    status: 'available',
    bytes: ['final', 'staging'],
    end: 'available',
  },
  {
    ...TAKEN,
    name: 'taken away, not moved',
    in: before('PUT', 'apart'),
    status: 'quarantined',
    bytes: ['final', 'staging'],
  },
  {
    ...TAKEN,
    name: 'taken away, copied and still where it was',
    in: before('DELETE', 'final'),
    status: 'quarantined',
    bytes: ['apart', 'final', 'staging'],
  },
  {
    ...RELEASED,
    name: 'release, bytes not home',
    in: before('PUT', 'final'),
    status: 'quarantined',
    bytes: ['apart', 'staging'],
  },
  {
    ...RELEASED,
    name: 'release, bytes home and not heard',
    in: after('PUT', 'final'),
    status: 'quarantined',
    bytes: ['apart', 'final', 'staging'],
  },
  {
    ...RELEASED,
    name: 'release, bytes home and not on record',
    in: 'available',
    status: 'quarantined',
    bytes: ['apart', 'final', 'staging'],
  },
  {
    ...HONEST,
    name: 'released, and still apart too',
    first: 'released',
    by: 'age',
    in: before('DELETE', 'apart'),
    status: 'available',
    bytes: ['apart', 'final', 'staging'],
  },
  {
    ...HONEST,
    name: 'to be deleted by the desk, not on record',
    first: 'taken',
    by: 'delete',
    in: 'deleted',
    status: 'quarantined',
    bytes: ['apart', 'staging'],
    end: 'quarantined',
  },
  {
    ...HONEST,
    name: 'deleted by the desk, its bytes still apart',
    first: 'taken',
    by: 'delete',
    in: before('DELETE', 'apart'),
    status: 'deleted',
    bytes: ['apart', 'staging'],
    end: 'deleted',
  },
];

const OVER: readonly Step[] = [
  {
    ...HONEST,
    name: 'to be deleted by its app, not on record',
    first: 'settled',
    by: 'removal',
    in: 'deleted',
    status: 'available',
    bytes: ['final', 'staging'],
  },
  {
    ...HONEST,
    name: 'deleted by its app, its bytes still there',
    first: 'settled',
    by: 'removal',
    in: before('DELETE', 'final'),
    status: 'deleted',
    bytes: ['final', 'staging'],
    end: 'deleted',
  },
  {
    ...HONEST,
    name: 'available, staging not cleared',
    first: 'settled',
    by: 'time',
    in: before('DELETE', 'staging'),
    status: 'available',
    bytes: ['final', 'staging'],
  },
  {
    ...HONEST,
    name: 'available, staging cleared and not on record',
    first: 'settled',
    by: 'time',
    in: after('DELETE', 'staging'),
    status: 'available',
    bytes: ['final'],
  },
  {
    name: 'never made, not on record',
    kind: 'nothing',
    by: 'time',
    in: 'expired',
    status: 'pending',
    bytes: [],
    end: 'expired',
  },
  {
    name: 'expired, staging not cleared',
    kind: 'nothing',
    by: 'time',
    in: before('DELETE', 'staging'),
    status: 'expired',
    bytes: [],
    end: 'expired',
  },
  {
    ...PARTS,
    name: 'expired in parts, not aborted',
    by: 'time',
    in: before('DELETE', 'staging', 'uploadId'),
    status: 'expired',
  },
  {
    ...PARTS,
    name: 'expired in parts, aborted and not on record',
    by: 'time',
    in: after('DELETE', 'staging', 'uploadId'),
    status: 'expired',
  },
];

export const STEPS = [
  ...ASKED,
  ...COMPLETED,
  ...INSPECTED,
  ...MOVED_APART,
  ...AT_THE_DESK,
  ...OVER,
] as const;

/**
 * What one kill interrupts: each of these is reached while those before it stand still. One of them holds the poller up,
 * after those that need it, and before what the poller, too, would do; those that stand in the ledger come last, for its
 * statements do not wait for ever.
 */
const ROUNDS: readonly (readonly string[])[] = [
  [
    'inspected, not copied',
    'announced, not looked for',
    'to be taken away, not on record',
    'asked: limits taken, not on record',
  ],
  [
    'leased, bytes on their way',
    'available, staging not cleared',
    'found, not on record',
    'asked: on record, not answered',
  ],
  [
    'copied, and the answer not heard',
    'asked in parts: planned, not begun',
    'rejected, not moved',
    'to be deleted by its app, not on record',
  ],
  [
    'release, bytes not home',
    'asked in parts: begun, and its name not heard',
    'rejected, copied apart and not on record',
    'copied, not available',
  ],
  [
    'rejected, final key not cleared',
    'taken away, not moved',
    'parts: there, not put together',
    'a lie, not on record',
  ],
  [
    'malware, not moved',
    'deleted by its app, its bytes still there',
    'parts: put together, and not heard',
    'asked in parts: begun, its name not on record',
  ],
  [
    'release, bytes home and not heard',
    'malware, copied apart and not on record',
    'malware, not on record',
    'more parts: not on record',
  ],
  [
    'available, staging cleared and not on record',
    'taken away, copied and still where it was',
    'release, bytes home and not on record',
    'asked in parts: on record, not planned',
  ],
  ['never made, not on record', 'leased, and nothing there: not on record'],
  [
    'expired in parts, not aborted',
    'rejected long ago, still apart',
    'to be deleted by the desk, not on record',
    'uploaded, not leased',
  ],
  [
    'expired in parts, aborted and not on record',
    'released, and still apart too',
    'deleted by the desk, its bytes still apart',
    'parts: put together, not on record',
  ],
  ['copied, revoked meanwhile, not on record', 'expired, staging not cleared'],
];

/** Every step in one of them. */
export const KILLS: readonly (readonly Step[])[] = ROUNDS.map((names) =>
  names.map((name) => {
    const step = STEPS.find((one) => one.name === name);
    if (!step) throw new Error(`no step is called: ${name}`);
    return step;
  }),
);
