import type { StorageCall } from '../support/pausing-storage.ts';

/** Where an upload's bytes may lie. */
export type Place = 'staging' | 'final' | 'apart';
export type Kind = 'honest' | 'lie' | 'malware' | 'nothing';

/** A moment in the life of an upload at which the broker is killed. */
export interface Step {
  readonly name: string;
  readonly kind: Kind;
  /** What has been done to it before: it has settled, and the desk has taken it away. */
  readonly first?: 'settled' | 'taken';
  /** Who then sets it in motion; left out, its uploader by saying that it is complete. */
  readonly by?: 'time' | 'quarantine' | 'release' | 'delete';
  /** The call to the storage, or the step in the ledger, in which the broker stands still and is killed. */
  readonly in: (Pick<StorageCall, 'method' | 'when'> & { readonly of: Place }) | string;
  /** What is on record, and where its bytes lie, when it has been killed. */
  readonly status: string;
  readonly bytes: readonly Place[];
  readonly end: 'available' | 'rejected' | 'quarantined' | 'expired' | 'deleted';
}

const call = (method: StorageCall['method'], of: Place, when: StorageCall['when']) => ({
  method,
  of,
  when,
});

const HONEST = { kind: 'honest', bytes: ['staging'], end: 'available' } as const;
const LIE = { kind: 'lie', bytes: ['staging'], end: 'rejected' } as const;
const MALWARE = { kind: 'malware', bytes: ['staging'], end: 'quarantined' } as const;

/** How many steps, one after another in `STEPS`, a kill interrupts: each is reached while those before it stand still. */
export const AT_ONCE = 2;

/**
 * In pairs: one that the poller takes, or waits in, and one that a request or a validation takes. What is not on record was
 * not decided.
 */
export const STEPS: readonly Step[] = [
  {
    ...HONEST,
    name: 'announced, not looked for',
    in: call('HEAD', 'staging', 'before'),
    status: 'pending',
  },
  {
    ...HONEST,
    name: 'inspected, not copied',
    in: call('PUT', 'final', 'before'),
    status: 'validating',
  },

  { ...HONEST, name: 'found, not on record', in: 'uploaded', status: 'pending' },
  {
    ...HONEST,
    name: 'leased, bytes on their way',
    in: call('GET', 'staging', 'after'),
    status: 'validating',
  },

  { ...HONEST, name: 'uploaded, not leased', in: 'validating', status: 'uploaded' },
  {
    kind: 'honest',
    name: 'to be taken away, not on record',
    first: 'settled',
    by: 'quarantine',
    in: 'quarantined',
    status: 'available',
    bytes: ['final', 'staging'],
    end: 'available',
  },

  { ...LIE, name: 'rejected, not moved', in: call('PUT', 'apart', 'before'), status: 'rejected' },
  {
    ...HONEST,
    name: 'copied, and the answer not heard',
    in: call('PUT', 'final', 'after'),
    status: 'validating',
    bytes: ['final', 'staging'],
  },

  {
    ...LIE,
    name: 'rejected, copied apart and not on record',
    in: call('PUT', 'apart', 'after'),
    status: 'rejected',
    bytes: ['apart', 'staging'],
  },
  {
    ...HONEST,
    name: 'copied, not released',
    in: 'available',
    status: 'validating',
    bytes: ['final', 'staging'],
  },

  {
    ...LIE,
    name: 'rejected, final key not cleared',
    in: call('DELETE', 'final', 'before'),
    status: 'rejected',
    bytes: ['apart', 'staging'],
  },
  {
    kind: 'honest',
    name: 'taken away, not moved',
    first: 'settled',
    by: 'quarantine',
    in: call('PUT', 'apart', 'before'),
    status: 'quarantined',
    bytes: ['final', 'staging'],
    end: 'quarantined',
  },

  {
    ...MALWARE,
    name: 'malware, not moved',
    in: call('PUT', 'apart', 'before'),
    status: 'quarantined',
  },
  { ...LIE, name: 'a lie, not on record', in: 'rejected', status: 'validating' },

  {
    ...MALWARE,
    name: 'malware, copied apart and not on record',
    in: call('DELETE', 'final', 'after'),
    status: 'quarantined',
    bytes: ['apart', 'staging'],
  },
  { ...MALWARE, name: 'malware, not on record', in: 'quarantined', status: 'validating' },

  {
    ...HONEST,
    name: 'available, staging not cleared',
    first: 'settled',
    by: 'time',
    in: call('DELETE', 'staging', 'before'),
    status: 'available',
    bytes: ['final', 'staging'],
  },
  {
    kind: 'honest',
    name: 'taken away, copied and still where it was',
    first: 'settled',
    by: 'quarantine',
    in: call('DELETE', 'final', 'before'),
    status: 'quarantined',
    bytes: ['apart', 'final', 'staging'],
    end: 'quarantined',
  },

  {
    ...HONEST,
    name: 'available, staging cleared and not on record',
    first: 'settled',
    by: 'time',
    in: call('DELETE', 'staging', 'after'),
    status: 'available',
    bytes: ['final'],
  },
  {
    kind: 'honest',
    name: 'release, bytes not home',
    first: 'taken',
    by: 'release',
    in: call('PUT', 'final', 'before'),
    status: 'quarantined',
    bytes: ['apart', 'staging'],
    end: 'quarantined',
  },

  {
    kind: 'nothing',
    name: 'never made, not on record',
    by: 'time',
    in: 'expired',
    status: 'pending',
    bytes: [],
    end: 'expired',
  },
  {
    kind: 'honest',
    name: 'release, bytes home and not heard',
    first: 'taken',
    by: 'release',
    in: call('PUT', 'final', 'after'),
    status: 'quarantined',
    bytes: ['apart', 'final', 'staging'],
    end: 'quarantined',
  },

  {
    kind: 'nothing',
    name: 'expired, staging not cleared',
    by: 'time',
    in: call('DELETE', 'staging', 'before'),
    status: 'expired',
    bytes: [],
    end: 'expired',
  },
  {
    kind: 'honest',
    name: 'deleted, its bytes still apart',
    first: 'taken',
    by: 'delete',
    in: call('DELETE', 'apart', 'before'),
    status: 'deleted',
    bytes: ['apart', 'staging'],
    end: 'deleted',
  },
];
