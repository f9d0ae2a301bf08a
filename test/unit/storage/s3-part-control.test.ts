import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { locate } from '../../../src/storage/s3/location.ts';
import { createPartControl } from '../../../src/storage/s3/part-control.ts';

const CODES: Readonly<Record<string, number>> = {
  MethodNotAllowed: 405,
  NotImplemented: 501,
  NoSuchUpload: 404,
  AccessDenied: 403,
};

/** Answers each call with the error that its upload is called after. */
const server = createServer((request, response) => {
  const code = new URL(request.url ?? '', 'http://x').searchParams.get('uploadId') ?? '';
  response.writeHead(CODES[code] ?? 500, { 'Content-Type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
});
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const list = async (uploadId: string): Promise<unknown> => {
  const { port } = server.address() as AddressInfo;
  const place = { bucket: 'acme', region: 'us-east-1', endpoint: `http://127.0.0.1:${port}` };
  const credentials = async () => ({ accessKeyId: 'A', secretAccessKey: 'B' });
  const { listParts } = createPartControl({ ...place, location: locate(place), credentials });
  return listParts('.daypass-staging/a', uploadId).catch((error: unknown) => error);
};

describe('the parts of an upload on a server that speaks S3', () => {
  it.each(['MethodNotAllowed', 'NotImplemented'])(
    'are refused for good where it lists none (%s)',
    async (code) => {
      expect(await list(code)).toMatchObject({
        code: 'conflict',
        violations: [expect.objectContaining({ rule: 'not_supported' })],
      });
    },
  );

  it('are none where there is no such upload', async () => {
    expect(await list('NoSuchUpload')).toBeUndefined();
  });

  it('are asked for again where the storage refuses for another reason', async () => {
    expect(await list('AccessDenied')).toMatchObject({ code: 'temporarily_unavailable' });
  });
});
