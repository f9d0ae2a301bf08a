import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createPartControl } from '../../../src/storage/gcs/part-control.ts';
import { PartsUnderWay } from '../../../src/storage/multipart.ts';
import { ObjectNotFound } from '../../../src/storage/object-store.ts';

/** What Google's answers to the end of an upload in parts are taken for. */

const complete = (status: number, code: string): Promise<unknown> => {
  const answer = {
    status,
    headers: {},
    body: Readable.from([`<Error><Code>${code}</Code></Error>`], { objectMode: false }),
  };
  const location = { origin: 'https://storage.example', path: (key: string) => `/b/${key}` };
  const options = { location, bucket: 'b', call: () => async () => answer };
  return createPartControl(options as never)
    .completeParts('.daypass-staging/ob_1/0123', 'u', [])
    .catch((error: unknown) => error);
};

describe('an upload in parts that Google does not complete', () => {
  it.each([
    [409, 'Conflict'],
    [412, 'PreconditionFailed'],
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
    // A refusal at the end of what began as an answer.
    [200, 'InternalError'],
  ])('may be another call that is at it: %i %s', async (status, code) => {
    expect(await complete(status, code)).toBeInstanceOf(PartsUnderWay);
  });

  it.each([
    [400, 'MalformedCompleteMultipartUploadRequest'],
    [401, 'AuthenticationRequired'],
    [403, 'AccessDenied'],
    [404, 'NoSuchBucket'],
  ])('is refused for good, and is not asked for again: %i %s', async (status, code) => {
    expect(await complete(status, code)).toMatchObject({
      code: 'temporarily_unavailable',
      detail: expect.stringContaining(`${status} ${code}`),
    });
  });

  it('is gone: 404 NoSuchUpload', async () => {
    expect(await complete(404, 'NoSuchUpload')).toBeInstanceOf(ObjectNotFound);
  });
});
