import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import { mustBeKey, mustBeMediaType } from '../grant.ts';
import { type ArrivedPart, type Multipart, PartsUnderWay } from '../multipart.ts';
import { type Call, type ControlOptions, createCall, orUndefined } from './client.ts';
import { closed } from './closed.ts';
import { encryptionParameters } from './encryption.ts';

/** 10,000 parts, a thousand a page; and some room for a server that pages otherwise. */
const MOST_PAGES = 40;
/** Uploads looked at in one sweep. Our keys begin with the time they were made: the oldest come first. */
const SWEPT = 1_000;

/** How AWS, and how Ceph with an error of its inside, says that another completion holds the upload. */
const UNDER_WAY = new Set(['ConditionalRequestConflict', 'OperationAborted', 'InternalError']);

/** How a server says that it does not have a call, now or later. */
const UNKNOWN_CALL = new Set(['MethodNotAllowed', 'NotImplemented']);

const nameOfCause = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? cause.name : '';
};

/** Trying again would not help: what was never listed is never put together. */
const listsNoParts = (cause: unknown): OAuthError =>
  new OAuthError('conflict', 'the storage of this bucket takes no uploads in parts', {
    detail: 'the server has no ListParts',
    cause,
    violations: [
      {
        field: 'multipart',
        rule: 'not_supported',
        message: 'the server does not say which parts have arrived (ListParts)',
        remedy: 'upload the file anew in one PUT, without multipart',
      },
    ],
  });

/** The calls around uploads in parts that are not on the minting path. */
export const createPartControl = (options: ControlOptions): Omit<Multipart, 'presignPart'> => {
  const { bucket: Bucket, location } = options;
  const call = createCall(options);

  return {
    beginParts: async ({ key, contentType }) => {
      mustBeKey(key);
      mustBeMediaType(contentType);
      const { UploadId } = await call(
        'begin parts',
        key,
        (client, { CreateMultipartUploadCommand }) =>
          client.send(
            new CreateMultipartUploadCommand({
              Bucket,
              Key: key,
              ContentType: contentType,
              ...closed(location),
              ...encryptionParameters(options.encryption),
            }),
          ),
      );
      if (UploadId === undefined) throw unavailable('storage begin parts failed: bare answer');
      return UploadId;
    },

    listParts: async (key, uploadId) => {
      mustBeKey(key);
      return orUndefined(allParts(call, { Bucket, Key: key, UploadId: uploadId })).catch(
        (error: unknown) => {
          throw UNKNOWN_CALL.has(nameOfCause(error)) ? listsNoParts(error) : error;
        },
      );
    },

    completeParts: async (key, uploadId, parts) => {
      mustBeKey(key);
      const Parts = parts.map(({ partNumber, version }) => ({
        PartNumber: partNumber,
        ETag: version,
      }));
      await call('complete parts', key, (client, { CompleteMultipartUploadCommand }) =>
        client.send(
          new CompleteMultipartUploadCommand({
            Bucket,
            Key: key,
            UploadId: uploadId,
            MultipartUpload: { Parts },
            // Ceph 16 takes no notice of it; other servers refuse what they do not know.
            ...(location.isAws ? { IfNoneMatch: '*' } : {}),
          }),
        ),
      ).catch((error: Error) => {
        const name = nameOfCause(error);
        throw UNDER_WAY.has(name) ? new PartsUnderWay(name, { cause: error }) : error;
      });
    },

    abortParts: async (key) => {
      mustBeKey(key);
      const { Uploads = [] } = await call('list uploads', key, (client, sdk) =>
        client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: key })),
      );
      for (const { Key, UploadId } of Uploads) {
        if (Key !== key) continue;
        await orUndefined(
          call('abort parts', key, (client, { AbortMultipartUploadCommand }) =>
            client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })),
          ),
        );
      }
    },

    unendedParts: async (prefix, before) => {
      const { Uploads = [] } = await call('list uploads', prefix, (client, sdk) =>
        client.send(
          new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix, MaxUploads: SWEPT }),
        ),
      );
      const old = Uploads.filter(({ Initiated }) => Initiated !== undefined && Initiated < before);
      return [...new Set(old.flatMap(({ Key }) => (Key?.startsWith(prefix) ? [Key] : [])))];
    },
  };
};

const allParts = async (
  call: Call,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
): Promise<readonly ArrivedPart[]> => {
  const found: ArrivedPart[] = [];
  let PartNumberMarker: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await call('list parts', upload.Key, (client, { ListPartsCommand }) =>
      client.send(
        new ListPartsCommand({
          ...upload,
          ...(PartNumberMarker === undefined ? {} : { PartNumberMarker }),
        }),
      ),
    );
    for (const { PartNumber, Size, ETag } of answer.Parts ?? []) {
      if (PartNumber === undefined || Size === undefined || ETag === undefined) continue;
      found.push({ partNumber: PartNumber, size: Size, version: ETag });
    }
    if (answer.IsTruncated !== true) return found;
    PartNumberMarker = answer.NextPartNumberMarker;
  }
  throw unavailable('storage list parts failed: it never ends');
};
