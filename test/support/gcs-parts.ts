import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Uploads in parts, as Google's XML API has them: written from its documentation, not from our client. Pages are short,
 * so that none fits into one.
 */
export interface PartsDependencies {
  /** @throws Refusal unless the request bears a token of the broker. */
  readonly mustBeAuthorized: (request: IncomingMessage) => void;
  /** @throws Refusal unless the URL is signed, and not too old. */
  readonly mustBeSigned: (request: IncomingMessage) => void;
  /** @throws Refusal unless the body is as long as the signed header says. */
  readonly mustBeInRange: (request: IncomingMessage) => void;
  readonly put: (key: string, bytes: Buffer, contentType: string) => unknown;
  readonly refusal: (status: number, code: string) => Error;
}

interface Part {
  readonly bytes: Buffer;
  readonly etag: string;
}

interface Upload {
  readonly key: string;
  readonly contentType: string;
  readonly begunAt: Date;
  readonly parts: Map<number, Part>;
}

/** What a test has happen before the bucket obeys. */
export interface Pauses {
  begin?: (() => Promise<unknown>) | undefined;
  complete?: (() => Promise<unknown>) | undefined;
}

const PAGE = 2;
const LEAST = 5 * 1024 ** 2;

const readAll = async (request: IncomingMessage): Promise<Buffer> =>
  Buffer.concat(await request.toArray());

export const createParts = (dependencies: PartsDependencies) => {
  const { mustBeAuthorized, mustBeSigned, mustBeInRange, put, refusal } = dependencies;
  const uploads = new Map<string, Upload>();
  const before: Pauses = {};

  const found = (key: string, id: string): Upload => {
    const upload = uploads.get(id);
    if (upload?.key !== key) throw refusal(404, 'NoSuchUpload');
    return upload;
  };

  const list = (upload: Upload, after: number): string => {
    const later = [...upload.parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const page = later.slice(0, PAGE);
    const parts = page.map(
      ([number, { bytes, etag }]) =>
        `<Part><PartNumber>${number}</PartNumber><LastModified>2026-11-22T03:00:00.000Z</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${bytes.length}</Size></Part>`,
    );
    return `<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><NextPartNumberMarker>${page.at(-1)?.[0] ?? 0}</NextPartNumberMarker><IsTruncated>${later.length > PAGE}</IsTruncated>${parts.join('')}</ListPartsResult>`;
  };

  const complete = (id: string, upload: Upload, body: string): string => {
    const chosen = [...body.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag>/g)].map(
      ([, number, etag]) => {
        const part = upload.parts.get(Number(number));
        if (etag?.replace(/&#34;|&quot;/g, '"') !== `"${part?.etag}"`)
          throw refusal(400, 'InvalidPart');
        return part as Part;
      },
    );
    if (chosen.length === 0) throw refusal(400, 'InvalidArgument');
    if (chosen.slice(0, -1).some(({ bytes }) => bytes.length < LEAST))
      throw refusal(400, 'EntityTooSmall');
    // Preconditions are not supported: an object of this name is replaced.
    put(upload.key, Buffer.concat(chosen.map(({ bytes }) => bytes)), upload.contentType);
    uploads.delete(id);
    return '<CompleteMultipartUploadResult/>';
  };

  const begin = (key: string, contentType = 'application/octet-stream'): string => {
    const id = `upload/${uploads.size}+${Math.random()}`;
    uploads.set(id, { key, contentType, begunAt: new Date(), parts: new Map() });
    return `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
  };

  const writePart = async (request: IncomingMessage, upload: Upload, number: number) => {
    mustBeInRange(request);
    const bytes = await readAll(request);
    upload.parts.set(number, { bytes, etag: hash('md5', bytes) });
    return '';
  };

  const answerFor = async (request: IncomingMessage, key: string, query: URLSearchParams) => {
    const id = query.get('uploadId');
    if (request.method === 'PUT') {
      mustBeSigned(request);
      return writePart(request, found(key, id ?? ''), Number(query.get('partNumber')));
    }
    mustBeAuthorized(request);
    if (id === null) {
      await before.begin?.();
      return begin(key, request.headers['content-type']);
    }
    if (request.method === 'POST') {
      const body = (await readAll(request)).toString();
      await before.complete?.();
      return complete(id, found(key, id), body);
    }
    const upload = found(key, id);
    if (request.method === 'GET') return list(upload, Number(query.get('part-number-marker')));
    uploads.delete(id);
    return '';
  };

  return {
    before,
    /** Keys with uploads that have not ended. */
    unended: (): readonly string[] => [...uploads.values()].map(({ key }) => key),
    isMeant: (query: URLSearchParams): boolean => query.has('uploadId') || query.has('uploads'),
    answer: async (
      request: IncomingMessage,
      response: ServerResponse,
      key: string,
      query: URLSearchParams,
    ): Promise<void> => {
      const text = await answerFor(request, key, query);
      response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
    },
    /** Of the bucket. */
    listUploads: (request: IncomingMessage, response: ServerResponse, prefix: string): void => {
      mustBeAuthorized(request);
      const listed = [...uploads]
        .filter(([, { key }]) => key.startsWith(prefix))
        .map(
          ([id, { key, begunAt }]) =>
            `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${begunAt.toISOString()}</Initiated></Upload>`,
        );
      const text = `<ListMultipartUploadsResult><Bucket>acme</Bucket>${listed.join('')}</ListMultipartUploadsResult>`;
      response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
    },
  };
};
