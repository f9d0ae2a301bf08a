/** What somebody says has been written. A wake-up and nothing more: the storage is asked whether it is so. */
export interface Announcement {
  /** The cloud's name of the bucket or container. */
  readonly bucket: string;
  /** Azure: the storage account. */
  readonly account?: string | undefined;
  readonly key: string;
}

/** An own member, however deep; undefined where there is none. */
export const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (found, name) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, name)
        ? (found as Readonly<Record<string, unknown>>)[name]
        : undefined,
    value,
  );

export const textAt = (value: unknown, ...path: readonly string[]): string => {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const decoded = (key: string): string => {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    // Some S3-compatible servers do not encode.
    return key;
  }
};

/** S3's notification, or EventBridge's, whose keys are not encoded. Anything else announces nothing. */
export const readS3 = (body: unknown): readonly Announcement[] => {
  if (textAt(body, 'detail-type') === 'Object Created') {
    const detail = at(body, 'detail');
    return [{ bucket: textAt(detail, 'bucket', 'name'), key: textAt(detail, 'object', 'key') }];
  }
  return listOf(at(body, 'Records'))
    .filter((record) => /^(s3:)?ObjectCreated:/.test(textAt(record, 'eventName')))
    .map((record) => ({
      bucket: textAt(record, 's3', 'bucket', 'name'),
      key: decoded(textAt(record, 's3', 'object', 'key')),
    }));
};

/** What Ceph sends along of the topic it was set up with; one and the same in all records, or none. */
export const opaqueDataOf = (body: unknown): string => {
  const [first = '', ...others] = new Set(
    listOf(at(body, 'Records')).map((record) => textAt(record, 'opaqueData')),
  );
  return others.length === 0 ? first : '';
};

/** Pub/Sub: what was written stands in the attributes. */
export const readGcs = (body: unknown): readonly Announcement[] => {
  const attributes = at(body, 'message', 'attributes');
  if (textAt(attributes, 'eventType') !== 'OBJECT_FINALIZE') return [];
  return [{ bucket: textAt(attributes, 'bucketId'), key: textAt(attributes, 'objectId') }];
};

const CREATED = 'Microsoft.Storage.BlobCreated';
const BLOB = /^\/blobServices\/default\/containers\/([^/]+)\/blobs\/(.+)$/s;
const ACCOUNT = /\/storageAccounts\/([a-z0-9]+)$/i;

/** Event Grid's own schema (`eventType`, `topic`), or CloudEvents 1.0 (`type`, `source`); one, or several. */
export const readAzure = (body: unknown): readonly Announcement[] =>
  [body].flat().flatMap((event): Announcement[] => {
    const type = textAt(event, 'eventType') || textAt(event, 'type');
    const [, bucket, key] = BLOB.exec(textAt(event, 'subject')) ?? [];
    if (type !== CREATED || bucket === undefined || key === undefined) return [];
    const [, account] = ACCOUNT.exec(textAt(event, 'topic') || textAt(event, 'source')) ?? [];
    return [{ bucket, account, key }];
  });

const VALIDATION = 'Microsoft.EventGrid.SubscriptionValidationEvent';

/** Event Grid asks whether we want its events; its `validationUrl` is never followed. */
export const validationCodeOf = (body: unknown): string | undefined => {
  const asked = [body].flat().find((event) => textAt(event, 'eventType') === VALIDATION);
  return textAt(asked, 'data', 'validationCode') || undefined;
};
