import { describe, expect, it } from '@jest/globals';
import { assemble } from '../../../src/broker/upload/parts.ts';
import type { ObjectRecord } from '../../../src/ledger/records.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';
import { PartsUnderWay } from '../../../src/storage/multipart.ts';
import { ObjectNotFound } from '../../../src/storage/object-store.ts';

/** What becomes of one of several calls that put the same parts together. */

const KEY = '.daypass-staging/ob_1/0123';
const object = { objectId: 'ob_1', stagingKey: KEY, size: 10 } as ObjectRecord;
const upload = { objectId: 'ob_1', uploadId: 'u', partSize: 16, parts: 1 };

/** A storage that answers `complete` so in turn; whether the object is there, by how often it was looked for. */
const assembleWith = async (
  answers: readonly (Error | undefined)[],
  isThere: (looks: number) => boolean,
) => {
  const left = [...answers];
  let completed = 0;
  let looks = 0;
  const store = {
    head: async () => {
      looks += 1;
      return isThere(looks) ? { size: 10, version: 'v', contentType: 'text/plain' } : undefined;
    },
    listParts: async () => [{ partNumber: 1, size: 10, version: 'e' }],
    completeParts: async () => {
      completed += 1;
      const answer = left.shift();
      if (answer) throw answer;
    },
    beginParts: async () => 'u',
    presignPart: () => ({ url: '', headers: {} }),
    abortParts: async () => {},
    unendedParts: async () => [],
  };
  const records = { find: async () => upload } as never;
  const error = await assemble(records, store as never, object, [1, 1]).catch(
    (cause: unknown) => cause,
  );
  return { completed, error };
};

describe('putting parts together', () => {
  it('is done where another call has done it meanwhile, or an answer was lost', async () => {
    for (const answer of [new ObjectNotFound(KEY), unavailable('no answer'), new PartsUnderWay()])
      expect(await assembleWith([answer], (looks) => looks > 1)).toEqual({ completed: 1 });
  });

  it('waits while another call is at it, and does it where that came to nothing', async () => {
    const busy = [new PartsUnderWay(), new PartsUnderWay()];
    expect(await assembleWith(busy, () => false)).toEqual({ completed: 3 });
    expect(await assembleWith(busy, (looks) => looks > 2)).toEqual({ completed: 2 });
  });

  it('looks once more after its last wait, before it says that it waited in vain', async () => {
    const busy = Array.from({ length: 3 }, () => new PartsUnderWay());
    expect(await assembleWith(busy, (looks) => looks > 3)).toEqual({ completed: 3 });
    expect(await assembleWith(busy, () => false)).toMatchObject({
      completed: 3,
      error: { code: 'temporarily_unavailable' },
    });
  });

  it('leaves it to the caller to say that nothing is there, where the upload is gone', async () => {
    expect(await assembleWith([new ObjectNotFound(KEY)], () => false)).toEqual({ completed: 1 });
  });

  it('fails as the storage does, and does not ask it again', async () => {
    const down = unavailable('the storage is down');
    expect(await assembleWith([down], () => false)).toEqual({ completed: 1, error: down });
  });
});
