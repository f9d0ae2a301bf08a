/** What an archive, with all archives in it, may come to. */
const MOST = {
  entries: 10_000,
  /** 1 GiB unpacked. */
  bytes: 1024 ** 3,
  /** Unpacked to packed, once there is more than a little of it: text packs 20 to 1, and a bomb 1,000 to 1. */
  ratio: 200,
  ratioFrom: 16 * 1024 ** 2,
  depth: 3,
  /** An archive within one is held in memory while it is read. */
  nested: 32 * 1024 ** 2,
};

export class BadArchive extends Error {
  override readonly name = 'BadArchive';
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

export type Budget = ReturnType<typeof createBudget>;

/** One for a file, whatever is nested in it: bombs are built of layers that are harmless one by one. */
export const createBudget = () => {
  let entries = 0;
  let bytes = 0;
  return {
    used: () => ({ entries, bytes }),
    enter: (count: number): void => {
      entries += count;
      if (entries > MOST.entries)
        throw new BadArchive(
          'archive_entries',
          `the archive has more than ${MOST.entries} entries`,
        );
    },
    unpack: (length: number): void => {
      bytes += length;
      mustBeBearable(bytes);
    },
    mustBeFlat: (depth: number): void => {
      if (depth > MOST.depth)
        throw new BadArchive(
          'archive_depth',
          `archives lie more than ${MOST.depth} deep in one another`,
        );
    },
    mustBeHeld: (size: number): void => {
      if (size > MOST.nested)
        throw new BadArchive(
          'archive_size',
          `an archive inside it is larger than ${MOST.nested} bytes`,
        );
    },
  };
};

const mustBeBearable = (bytes: number): void => {
  if (bytes > MOST.bytes)
    throw new BadArchive('archive_size', `the archive unpacks to more than ${MOST.bytes} bytes`);
};

/** Before anything is unpacked: what the archive says of itself. */
export const mustBePlausible = (packed: number, unpacked: number): void => {
  mustBeBearable(unpacked);
  if (unpacked > MOST.ratioFrom && unpacked > packed * MOST.ratio)
    throw new BadArchive(
      'archive_ratio',
      `the archive unpacks to more than ${MOST.ratio} times its size`,
    );
};
