import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** An upload in parts that has been begun, and neither put together nor aborted. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
}

/**
 * What s3rver leaves out of uploads in parts, done where it keeps them: to list them, to list the parts of one, and to
 * abort one. What it has itself is not answered here.
 */
export const openS3rverParts = (directory: string, bucket: string) => {
  const place = join(directory, bucket, '._S3rver_uploads');

  const uploads = async (): Promise<OpenUpload[]> => {
    const ids = await readdir(place).catch((): string[] => []);
    const all = ids.map(async (uploadId) => {
      const key = await readFile(join(place, uploadId, 'key'), 'utf8').catch(() => undefined);
      return key === undefined ? [] : [{ key, uploadId }];
    });
    return (await Promise.all(all)).flat();
  };

  const partsOf = async (uploadId: string): Promise<string | undefined> => {
    const names = await readdir(join(place, uploadId)).catch(() => undefined);
    if (!names) return undefined;
    const parts = names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const { size } = await stat(join(place, uploadId, name));
        const md5 = await readFile(join(place, uploadId, `${name}.md5`), 'utf8');
        return `<Part><PartNumber>${name}</PartNumber><ETag>"${md5}"</ETag><Size>${size}</Size></Part>`;
      });
    return `<ListPartsResult>${(await Promise.all(parts)).join('')}</ListPartsResult>`;
  };

  const listed = async (prefix: string): Promise<string> => {
    const found = (await uploads()).filter(({ key }) => key.startsWith(prefix));
    const items = found.map(
      ({ key, uploadId }) => `<Upload><Key>${key}</Key><UploadId>${uploadId}</UploadId></Upload>`,
    );
    return `<ListMultipartUploadsResult>${items.join('')}</ListMultipartUploadsResult>`;
  };

  const gone = {
    status: 404,
    body: '<Error><Code>NoSuchUpload</Code><Message>no such upload</Message></Error>',
  };

  return {
    uploads,
    /** Undefined for what s3rver answers. */
    answer: async (
      method: string | undefined,
      { searchParams }: URL,
    ): Promise<{ readonly status: number; readonly body: string } | undefined> => {
      const uploadId = searchParams.get('uploadId');
      if (method === 'GET' && searchParams.has('uploads'))
        return { status: 200, body: await listed(searchParams.get('prefix') ?? '') };
      if (method === 'GET' && uploadId !== null) {
        const body = await partsOf(uploadId);
        return body === undefined ? gone : { status: 200, body };
      }
      if (method !== 'DELETE' || uploadId === null) return undefined;
      await rm(join(place, uploadId), { recursive: true, force: true });
      return { status: 204, body: '' };
    },
  };
};
