import { Readable } from 'node:stream';
import { mustBeKey, mustBeMediaType, mustBePrefix } from '../grant.ts';
import { ObjectNotFound, type ObjectStore } from '../object-store.ts';
import { encodeKey } from '../percent.ts';
import { type ControlOptions, createCall, orUndefined } from './client.ts';
import { closed } from './closed.ts';
import { copyInParts } from './copy-in-parts.ts';
import { encryptionParameters } from './encryption.ts';

type ObjectControl = Pick<ObjectStore, 'head' | 'open' | 'copy' | 'delete' | 'list'>;

/** What one CopyObject takes: 5 GiB. */
const LARGEST_COPY = 5 * 1024 ** 3;
/** The ETag of an object that was made of parts: only such an object can be larger than that. */
const OF_PARTS = /-\d+"?$/;

/** `null` is what a bucket calls all that it keeps no versions of any more. */
const immutable = (versionId: string | undefined): { readonly immutable?: string } =>
  versionId === undefined || versionId === 'null' ? {} : { immutable: versionId };

export const createObjectControl = (options: ControlOptions): ObjectControl => {
  const { bucket: Bucket, location, largestCopy = LARGEST_COPY } = options;
  const call = createCall(options);
  const encryption = encryptionParameters(options.encryption);

  const head: ObjectStore['head'] = async (key) => {
    mustBeKey(key);
    return orUndefined(
      call('head', key, async (client, { HeadObjectCommand }) => {
        const answer = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
        const { ContentLength: size, ETag: version, ContentType, VersionId } = answer;
        if (size === undefined || version === undefined) throw new TypeError('bare answer');
        const contentType = ContentType ?? 'application/octet-stream';
        return { size, version, contentType, ...immutable(VersionId) };
      }),
    );
  };

  /**
   * AWS refuses a copy of another version by itself. Ceph 16 looks for that header under another name, and
   * others ignore it, so of them we ask which version is there.
   */
  const mustStillBe = async (version: string, key: string): Promise<void> => {
    if (location.isAws) return;
    if ((await head(key))?.version !== version) throw new ObjectNotFound(key);
  };

  return {
    head,

    open: async (key, { range, version } = {}) => {
      mustBeKey(key);
      const part = {
        ...(range && { Range: `bytes=${range.start}-${range.end}` }),
        ...(version !== undefined && { IfMatch: version }),
      };
      return call('open', key, async (client, { GetObjectCommand }) => {
        const answer = await client.send(new GetObjectCommand({ Bucket, Key: key, ...part }));
        const { Body: body, ContentLength: size, ETag } = answer;
        if (!(body instanceof Readable) || size === undefined) throw new TypeError('bare answer');
        if (version === undefined || ETag === version) return { body, size };
        // A server that ignores If-Match.
        body.destroy();
        throw new ObjectNotFound(key);
      });
    },

    copy: async (from, to, version, contentType) => {
      mustBeKey(from);
      mustBeKey(to);
      mustBeMediaType(contentType);
      await mustStillBe(version, from);
      const size = OF_PARTS.test(version) ? ((await head(from))?.size ?? 0) : 0;
      if (size > largestCopy) {
        await copyInParts(call, { ...options, from, to, version, contentType, size, largestCopy });
        await mustStillBe(version, from);
        return;
      }
      const copied = await call('copy', from, (client, { CopyObjectCommand }) =>
        client.send(
          new CopyObjectCommand({
            Bucket,
            Key: to,
            CopySource: `${Bucket}/${encodeKey(from)}`,
            CopySourceIfMatch: version,
            // Nothing the uploader said about the object comes along.
            MetadataDirective: 'REPLACE',
            TaggingDirective: 'REPLACE',
            ContentType: contentType,
            ContentDisposition: 'attachment',
            ...closed(location),
            ...encryption,
          }),
        ),
      );
      // Replaced between our look and the copy? What was copied has the same name where it has the same bytes.
      if (copied.CopyObjectResult?.ETag !== version) await mustStillBe(version, from);
    },

    delete: async (key) => {
      mustBeKey(key);
      await orUndefined(
        call('delete', key, (client, { DeleteObjectCommand }) =>
          client.send(new DeleteObjectCommand({ Bucket, Key: key })),
        ),
      );
    },

    list: async (prefix, cursor) => {
      mustBePrefix(prefix);
      const page = { Bucket, Prefix: prefix, ...(cursor && { ContinuationToken: cursor }) };
      const answer = await call('list', prefix, (client, { ListObjectsV2Command }) =>
        client.send(new ListObjectsV2Command(page)),
      );
      const items = (answer.Contents ?? []).flatMap(({ Key: key, LastModified: storedAt }) =>
        key === undefined || storedAt === undefined ? [] : [{ key, storedAt }],
      );
      const { IsTruncated, NextContinuationToken: next } = answer;
      return { items, ...(IsTruncated === true && next !== undefined && { cursor: next }) };
    },
  };
};
