import { unavailable } from '../../protocol/oauth-error.ts';
import { mustBeKey, mustBeMediaType, mustBePrefix } from '../grant.ts';
import { type ListedObject, ObjectNotFound, type ObjectStore } from '../object-store.ts';
import { type Call, type Request, type Response, readText } from './http.ts';
import type { Location } from './location.ts';

/**
 * The calls that are not on the minting path, to the JSON API. Not by `@google-cloud/storage`: it forgets the new
 * object's metadata from the second call of a long copy on, holds generations in a `number`, and lets
 * STORAGE_EMULATOR_HOST send everything elsewhere.
 */
export interface ControlOptions {
  readonly location: Location;
  readonly bucket: string;
  readonly call: () => Call;
}

type ObjectControl = Pick<ObjectStore, 'head' | 'open' | 'copy' | 'delete' | 'list'>;

const GENERATION = /^[1-9]\d*$/;
/** 1 GiB at least goes with each call of a copy. */
const COPY_ROUNDS = 64;

const PAGE = 1000;

const listed = ({ name, timeCreated }: Readonly<Record<string, unknown>>): ListedObject[] =>
  typeof name === 'string' && typeof timeCreated === 'string'
    ? [{ key: name, storedAt: new Date(timeCreated) }]
    : [];

/** Our reading of a refusal. A missing bucket, too, is 404: it is an outage, not a missing object. */
const read = async (operation: string, key: string, response: Response): Promise<Error> => {
  const { status } = response;
  const text = await readText(response);
  if (status === 404 && text.includes('No such object')) return new ObjectNotFound(key);
  if (status === 412) return new ObjectNotFound(key);
  if (status === 416) return new RangeError('the range starts past the object');
  return unavailable(`storage ${operation} failed: ${status}`);
};

export const createObjectControl = (options: ControlOptions): ObjectControl => {
  const { location, bucket } = options;

  const ask = async (operation: string, key: string, request: Request): Promise<Response> => {
    const response = await options.call()(operation, request);
    if (response.status >= 200 && response.status < 300) return response;
    throw await read(operation, key, response);
  };

  const askJson = async (operation: string, key: string, request: Request) => {
    const text = await readText(await ask(operation, key, request));
    try {
      return JSON.parse(text) as Readonly<Record<string, unknown>>;
    } catch (error) {
      throw unavailable(`storage ${operation} failed: no JSON`, error);
    }
  };

  return {
    head: async (key) => {
      mustBeKey(key);
      const url = `${location.objectUrl(key)}?fields=size,generation,contentType`;
      try {
        const found = await askJson('head', key, { method: 'GET', url });
        const { size, generation, contentType } = found;
        if (typeof size !== 'string' || typeof generation !== 'string')
          throw unavailable('storage head failed: bare answer');
        return {
          size: Number(size),
          version: generation,
          contentType: typeof contentType === 'string' ? contentType : 'application/octet-stream',
          immutable: generation,
        };
      } catch (error) {
        if (error instanceof ObjectNotFound) return undefined;
        throw error;
      }
    },

    open: async (key, { range, version } = {}) => {
      mustBeKey(key);
      const headers = range && { headers: { range: `bytes=${range.start}-${range.end}` } };
      if (version !== undefined && !GENERATION.test(version)) throw new ObjectNotFound(key);
      const generation = version === undefined ? '' : `&ifGenerationMatch=${version}`;
      const url = `${location.objectUrl(key)}?alt=media${generation}`;
      const { body, headers: answer } = await ask('open', key, { method: 'GET', url, ...headers });
      return { body, size: Number(answer['content-length']) };
    },

    copy: async (from, to, version, contentType) => {
      mustBeKey(from);
      mustBeKey(to);
      mustBeMediaType(contentType);
      if (!GENERATION.test(version)) throw new ObjectNotFound(from);
      const url = `${location.objectUrl(from)}/rewriteTo/b/${bucket}/o/${encodeURIComponent(to)}?ifSourceGenerationMatch=${version}`;
      // The whole of the new object's metadata: nothing the uploader said comes along.
      const json = {
        contentType,
        contentDisposition: 'attachment',
        cacheControl: 'no-store',
        metadata: {},
      };
      let token: unknown;
      for (let round = 0; round < COPY_ROUNDS; round += 1) {
        const next = typeof token === 'string' ? `&rewriteToken=${encodeURIComponent(token)}` : '';
        const request = { method: 'POST', url: url + next, json } as const;
        const { done, rewriteToken } = await askJson('copy', from, request);
        if (done === true) return;
        token = rewriteToken;
      }
      throw unavailable('storage copy failed: it does not end');
    },

    delete: async (key) => {
      mustBeKey(key);
      try {
        const request = { method: 'DELETE', url: location.objectUrl(key) } as const;
        await readText(await ask('delete', key, request));
      } catch (error) {
        if (!(error instanceof ObjectNotFound)) throw error;
      }
    },

    list: async (prefix, cursor) => {
      mustBePrefix(prefix);
      const wanted = new URLSearchParams({
        prefix,
        maxResults: String(PAGE),
        fields: 'items(name,timeCreated),nextPageToken',
        ...(cursor !== undefined && { pageToken: cursor }),
      });
      const url = `${location.objectsUrl}?${wanted}`;
      const { items, nextPageToken: next } = await askJson('list', prefix, { method: 'GET', url });
      return {
        items: Array.isArray(items) ? items.flatMap(listed) : [],
        ...(typeof next === 'string' && { cursor: next }),
      };
    },
  };
};
