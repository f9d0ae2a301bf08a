export type Pair = readonly [string, string];

/** How the storage keeps what is uploaded, said with each upload so that no default of the bucket decides. */
export interface Encryption {
  readonly sse: 'AES256' | 'aws:kms';
  /** Of `aws:kms`; absent: the account's own key for S3. */
  readonly kms_key_id?: string;
}

/** In alphabetical order, and after every other header that is signed. */
export const encryptionHeaders = (encryption: Encryption | undefined): readonly Pair[] => {
  if (encryption === undefined) return [];
  const { sse, kms_key_id: key } = encryption;
  return [
    ['x-amz-server-side-encryption', sse],
    ...(key === undefined ? [] : [['x-amz-server-side-encryption-aws-kms-key-id', key] as const]),
  ];
};

/** The same, for what the SDK sends: a copy and a multipart upload take no encryption from what they are made of. */
export const encryptionParameters = (
  encryption: Encryption | undefined,
): { ServerSideEncryption?: Encryption['sse']; SSEKMSKeyId?: string } => {
  if (encryption === undefined) return {};
  const { sse, kms_key_id: key } = encryption;
  return { ServerSideEncryption: sse, ...(key === undefined ? {} : { SSEKMSKeyId: key }) };
};
