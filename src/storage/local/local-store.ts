import type { Buffer } from 'node:buffer';
import { OAuthError, unavailable } from '../../protocol/oauth-error.ts';
import {
  LARGEST_PUT,
  mustBeGetGrant,
  mustBeKey,
  mustBeMediaType,
  mustBePrefix,
  mustBePutGrant,
} from '../grant.ts';
import {
  type EnforceableGrant,
  type Enforcement,
  type GetGrant,
  ObjectNotFound,
  type ObjectStore,
  type OpenObject,
  type PresignedDownload,
  type PresignedUpload,
  type PutGrant,
  type WantedPart,
} from '../object-store.ts';
import { createObjectFiles, type ObjectFiles } from './object-files.ts';
import { createTargetSigner, type TargetSigner } from './signed-target.ts';

export interface LocalStoreOptions {
  /** The bucket's own folder; made when first needed. */
  readonly root: string;
  /** The bucket's id, as it stands in URLs. */
  readonly bucket: string;
  /** Where the gateway is mounted, such as `http://127.0.0.1:8090/local`. */
  readonly baseUrl: string;
  /** 32 bytes or more, for this purpose only. */
  readonly secret: Buffer;
}

/** A bucket that is a folder. Its URLs are honoured by the gateway in `gateway.ts`. */
export interface LocalStore extends ObjectStore {
  readonly provider: 'local';
  presignPut(grant: PutGrant, now: Date): PresignedUpload;
  presignGet(grant: GetGrant, now: Date): PresignedDownload;
  /** For the gateway. */
  readonly files: ObjectFiles;
  readonly signer: TargetSigner;
  /** Removes what a killed process left half-written; to be called at start. */
  sweep(now: Date): Promise<void>;
}

/** Copies to one key race only with themselves; this many rounds mean something else is wrong. */
const COPY_ROUNDS = 5;

const enforcement = ({ sha256 }: EnforceableGrant): Enforcement[] => [
  { constraint: 'size', by: 'storage' },
  { constraint: 'content_type', by: 'storage' },
  ...(sha256 === undefined ? [] : [{ constraint: 'sha256', by: 'storage' } as const]),
  { constraint: 'single_object', by: 'storage' },
  { constraint: 'no_overwrite', by: 'storage' },
  { constraint: 'expiry', by: 'storage' },
];

const epoch = (now: Date, expiresIn: number): string =>
  String(Math.floor(now.getTime() / 1000) + expiresIn);

/** A full disk or a lost mount is an outage, whatever the file system calls it. */
const orUnavailable = async <T>(operation: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    if (
      error instanceof OAuthError ||
      error instanceof ObjectNotFound ||
      error instanceof RangeError
    )
      throw error;
    throw unavailable(`local storage ${operation} failed`, error);
  }
};

/** @throws RangeError when `secret` is shorter than 32 bytes. */
export const createLocalStore = (options: LocalStoreOptions): LocalStore => {
  const { root, bucket, secret } = options;
  const baseUrl = options.baseUrl.replace(/\/$/, '');
  const files = createObjectFiles(root);
  const signer = createTargetSigner(bucket, secret);

  /** One attempt at `to`; false when something else is in the way and has been moved out of it. */
  const tryCopy = async (
    from: string,
    to: string,
    version: string,
    contentType: string,
  ): Promise<boolean> => {
    const source = await files.stat(from);
    if (source?.sha256 !== version) throw new ObjectNotFound(from);
    const staged = await files.stage();
    try {
      if (!(await files.borrow(staged, from))) throw new ObjectNotFound(from);
      const { size, sha256 } = source;
      if (await files.publish(staged, to, { size, sha256, contentType })) return true;
      const there = await files.stat(to);
      if (there?.sha256 === version && there.contentType === contentType) return true;
      await files.delete(to);
      return false;
    } finally {
      await files.discard(staged);
    }
  };

  return {
    provider: 'local',
    largestPut: LARGEST_PUT,
    enforcement,
    files,
    signer,
    sweep: (now) => files.sweep(now),

    presignPut: (grant, now) => {
      mustBePutGrant(grant);
      const { key, size, contentType, sha256, expiresIn } = grant;
      const expires = epoch(now, expiresIn);
      const target = signer.sign('PUT', key, {
        expires,
        size: String(size),
        type: contentType,
        sha256,
      });
      return {
        url: baseUrl + target,
        method: 'PUT',
        headers: { 'content-type': contentType },
        enforcement: enforcement(grant),
      };
    },

    presignGet: (grant, now) => {
      mustBeGetGrant(grant);
      const { key, fileName, contentType, expiresIn } = grant;
      const expires = epoch(now, expiresIn);
      return {
        url: baseUrl + signer.sign('GET', key, { expires, name: fileName, type: contentType }),
      };
    },

    head: async (key) => {
      mustBeKey(key);
      const found = await orUnavailable('head', () => files.stat(key));
      return found && { size: found.size, version: found.sha256, contentType: found.contentType };
    },

    open: async (key, wanted = {}) => {
      mustBeKey(key);
      return orUnavailable('open', () => openPart(files, key, wanted));
    },

    copy: async (from, to, version, contentType) => {
      mustBeKey(from);
      mustBeKey(to);
      mustBeMediaType(contentType);
      await orUnavailable('copy', async () => {
        for (let round = 0; round < COPY_ROUNDS; round += 1)
          if (await tryCopy(from, to, version, contentType)) return;
        throw unavailable('local storage copy failed: the target is contended');
      });
    },

    delete: async (key) => {
      mustBeKey(key);
      await orUnavailable('delete', () => files.delete(key));
    },

    list: async (prefix, cursor) => {
      mustBePrefix(prefix);
      const { found, next } = await orUnavailable('list', () => files.page(cursor));
      const items = found.filter(({ key }) => key.startsWith(prefix));
      return { items, ...(next !== undefined && { cursor: next }) };
    },
  };
};

const openPart = async (
  files: ObjectFiles,
  key: string,
  { range, version }: WantedPart,
): Promise<OpenObject> => {
  const found = await files.stat(key);
  if (found === undefined || found.sha256 !== (version ?? found.sha256))
    throw new ObjectNotFound(key);
  const last = found.size - 1;
  if (range !== undefined && (range.start > last || range.start > range.end))
    throw new RangeError('the range starts past the object');
  const within = range && { start: range.start, end: Math.min(range.end, last) };
  const body = await files.read(key, within);
  if (body === undefined) throw new ObjectNotFound(key);
  return { body, size: within ? within.end - within.start + 1 : found.size };
};
