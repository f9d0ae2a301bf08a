import { ObjectNotFound } from '../object-store.ts';
import { encodeKey } from '../percent.ts';
import type { Call, ControlOptions } from './client.ts';
import { closed } from './closed.ts';
import { encryptionParameters } from './encryption.ts';

interface LargeCopy extends Pick<ControlOptions, 'bucket' | 'location' | 'encryption'> {
  readonly from: string;
  readonly to: string;
  readonly version: string;
  readonly contentType: string;
  readonly size: number;
  /** Bytes of each part. */
  readonly largestCopy: number;
}

/** Copies inside the store what one request cannot. What was begun and did not come to an end is taken back. */
export const copyInParts = async (call: Call, copy: LargeCopy): Promise<void> => {
  const { bucket: Bucket, from, to, version } = copy;
  const begun = await call('begin copy', to, (client, { CreateMultipartUploadCommand }) =>
    client.send(
      new CreateMultipartUploadCommand({
        Bucket,
        Key: to,
        ContentType: copy.contentType,
        ContentDisposition: 'attachment',
        ...closed(copy.location),
        ...encryptionParameters(copy.encryption),
      }),
    ),
  );
  const place = { Bucket, Key: to, UploadId: begun.UploadId };
  try {
    const Parts: { PartNumber: number; ETag: string }[] = [];
    for (let start = 0; start < copy.size; start += copy.largestCopy) {
      const end = Math.min(start + copy.largestCopy, copy.size) - 1;
      const PartNumber = Parts.length + 1;
      const copied = await call('copy part', from, (client, { UploadPartCopyCommand }) =>
        client.send(
          new UploadPartCopyCommand({
            ...place,
            PartNumber,
            CopySource: `${Bucket}/${encodeKey(from)}`,
            CopySourceRange: `bytes=${start}-${end}`,
            CopySourceIfMatch: version,
          }),
        ),
      );
      const ETag = copied.CopyPartResult?.ETag;
      if (ETag === undefined) throw new ObjectNotFound(from);
      Parts.push({ PartNumber, ETag });
    }
    await call('complete copy', to, (client, { CompleteMultipartUploadCommand }) =>
      client.send(new CompleteMultipartUploadCommand({ ...place, MultipartUpload: { Parts } })),
    );
  } catch (error) {
    await call('abort copy', to, (client, { AbortMultipartUploadCommand }) =>
      client.send(new AbortMultipartUploadCommand(place)),
    ).catch(() => undefined);
    throw error;
  }
};
