import { Readable } from 'node:stream';
import type { BlobClient, ContainerClient } from '@azure/storage-blob';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { mustBeKey, mustBeMediaType, mustBePrefix } from '../grant.ts';
import { ObjectNotFound, type ObjectStore } from '../object-store.ts';
import { errorCode, type Service } from './client.ts';

export interface ControlOptions {
  readonly bucket: string;
  readonly service: () => Promise<Service>;
}

type ObjectControl = Pick<ObjectStore, 'head' | 'open' | 'copy' | 'delete' | 'list'>;

/** No such blob, or no longer that version of it. A missing container is an outage, not a missing object. */
const GONE = new Set(['BlobNotFound', 'ConditionNotMet', 'SourceConditionNotMet']);

/** Said of a copy whose source is gone, with 404; with another status it is about access. */
const isSourceGone = (code: string, error: unknown): boolean =>
  code === 'CannotVerifyCopySource' && (error as { statusCode?: number }).statusCode === 404;

/** How often a copy that is not done at once is asked about. */
const COPY_POLL_MS = 500;

const PAGE = 1000;

const read = (operation: string, key: string, error: unknown): Error => {
  if (error instanceof OAuthError || error instanceof RangeError) return error;
  const code = errorCode(error);
  if (GONE.has(code) || isSourceGone(code, error)) return new ObjectNotFound(key);
  if (code === 'InvalidRange') return new RangeError('the range starts past the object');
  return unavailable(`storage ${operation} failed: ${code}`, error);
};

/** Turns "not there" into an answer. */
const orUndefined = async <T>(operation: Promise<T>): Promise<T | undefined> => {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
};

/** The calls that are not on the minting path. */
export const createObjectControl = ({ bucket, service }: ControlOptions): ObjectControl => {
  const call = async <T>(
    operation: string,
    key: string,
    run: (blob: BlobClient, container: ContainerClient) => Promise<T>,
  ): Promise<T> => {
    const { client } = await service();
    const container = client.getContainerClient(bucket);
    try {
      return await run(container.getBlobClient(key), container);
    } catch (error) {
      throw read(operation, key, error);
    }
  };

  return {
    head: async (key) => {
      mustBeKey(key);
      return orUndefined(
        call('head', key, async (blob) => {
          const { contentLength: size, etag: version, contentType } = await blob.getProperties();
          if (size === undefined || version === undefined) throw new TypeError('bare answer');
          return { size, version, contentType: contentType ?? 'application/octet-stream' };
        }),
      );
    },

    open: async (key, { range, version } = {}) => {
      mustBeKey(key);
      return call('open', key, async (blob) => {
        const count = range && range.end - range.start + 1;
        const conditions = version === undefined ? {} : { conditions: { ifMatch: version } };
        const answer = await blob.download(range?.start, count, conditions);
        const { readableStreamBody: body, contentLength: size } = answer;
        if (!(body instanceof Readable) || size === undefined) throw new TypeError('bare answer');
        if (range === undefined || size > 0) return { body, size };
        // Azure refuses a range past the end; its emulator sends nothing where it starts right there.
        body.destroy();
        throw new RangeError('the range starts past the object');
      });
    },

    copy: async (from, to, version, contentType) => {
      mustBeKey(from);
      mustBeKey(to);
      mustBeMediaType(contentType);
      await call('copy', from, async (source, container) => {
        const target = container.getBlobClient(to);
        const copying = await target.beginCopyFromURL(source.url, {
          sourceConditions: { ifMatch: version },
          intervalInMs: COPY_POLL_MS,
        });
        const { copyStatus } = await copying.pollUntilDone();
        if (copyStatus !== 'success') throw new TypeError(`copy ${copyStatus ?? 'without status'}`);
        // Nothing the uploader said about the object stays. Until here nobody has a URL to the copy.
        await target.setHTTPHeaders({
          blobContentType: contentType,
          blobContentDisposition: 'attachment',
        });
        await target.setMetadata({});
      });
    },

    delete: async (key) => {
      mustBeKey(key);
      await orUndefined(call('delete', key, (blob) => blob.delete({ deleteSnapshots: 'include' })));
    },

    list: async (prefix, continuationToken) => {
      mustBePrefix(prefix);
      return call('list', prefix, async (_, container) => {
        const pages = container
          .listBlobsFlat({ prefix })
          .byPage({ maxPageSize: PAGE, ...(continuationToken && { continuationToken }) });
        for await (const { segment, continuationToken: cursor } of pages) {
          const items = segment.blobItems.map(({ name: key, properties }) => ({
            key,
            storedAt: properties.lastModified,
          }));
          return { items, ...(cursor && { cursor }) };
        }
        return { items: [] };
      });
    },
  };
};
