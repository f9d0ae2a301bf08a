import { unavailable } from '../../protocol/oauth-error.ts';
import { mustBeKey, mustBeMediaType } from '../grant.ts';
import { type ArrivedPart, type Multipart, PartsUnderWay } from '../multipart.ts';
import { ObjectNotFound } from '../object-store.ts';
import type { ControlOptions } from './control.ts';
import { type Request, readText } from './http.ts';
import { elements, escaped, textOf } from './xml.ts';

/** A thousand parts a page; we ask for a thousand parts at most. */
const MOST_PAGES = 10;

/** No such upload; or a part is missing, or no longer the one that was listed. */
const GONE = /<Code>(?:NoSuchUpload|InvalidPart)<\/Code>/;

/**
 * The calls around uploads in parts that are not on the minting path: those of the XML API, as the JSON API has none. It
 * takes no precondition with them: one upload more under a staging key would replace the object, and only the broker
 * begins any.
 */
export const createPartControl = ({
  location,
  bucket,
  call,
}: ControlOptions): Omit<Multipart, 'presignPart'> => {
  const ask = async (
    operation: string,
    key: string,
    request: Request,
    refused: (detail: string, status: number) => Error = (detail) => unavailable(detail),
  ): Promise<string> => {
    const response = await call()(operation, request);
    const text = await readText(response);
    const { status } = response;
    // An answer of 200 may turn out to be a refusal at its end.
    if (status >= 200 && status < 300 && !text.includes('<Error>')) return text;
    if (GONE.test(text)) throw new ObjectNotFound(key);
    throw refused(`storage ${operation} failed: ${status} ${textOf(text, 'Code') ?? ''}`, status);
  };

  const urlOf = (key: string, query: string): string =>
    `${location.origin}${location.path(key)}?${query}`;

  const ofUpload = (key: string, uploadId: string, more = ''): string =>
    urlOf(key, `uploadId=${encodeURIComponent(uploadId)}${more}`);

  /** Under keys that begin so, in the order of keys: the first thousand. */
  const begunUnder = async (prefix: string): Promise<readonly BegunUpload[]> => {
    const query = `uploads&prefix=${encodeURIComponent(prefix)}`;
    const url = `${location.origin}/${bucket}?${query}`;
    const text = await ask('list uploads', prefix, { method: 'GET', url });
    return elements(text, 'Upload').flatMap((one) => {
      const [key, uploadId] = [textOf(one, 'Key'), textOf(one, 'UploadId')];
      if (key === undefined || uploadId === undefined) return [];
      return [{ key, uploadId, begunAt: Date.parse(textOf(one, 'Initiated') ?? '') }];
    });
  };

  return {
    beginParts: async ({ key, contentType }) => {
      mustBeKey(key);
      mustBeMediaType(contentType);
      const headers = { 'content-type': contentType };
      const url = urlOf(key, 'uploads');
      const text = await ask('begin parts', key, { method: 'POST', url, headers });
      const uploadId = textOf(text, 'UploadId');
      if (uploadId === undefined) throw unavailable('storage begin parts failed: bare answer');
      return uploadId;
    },

    listParts: async (key, uploadId) => {
      mustBeKey(key);
      const found: ArrivedPart[] = [];
      let marker: string | undefined = '0';
      for (let page = 0; page < MOST_PAGES && marker !== undefined; page += 1) {
        const url = ofUpload(key, uploadId, `&part-number-marker=${encodeURIComponent(marker)}`);
        const text = await orUndefined(ask('list parts', key, { method: 'GET', url }));
        if (text === undefined) return undefined;
        found.push(...elements(text, 'Part').map(toPart));
        marker =
          textOf(text, 'IsTruncated') === 'true' ? textOf(text, 'NextPartNumberMarker') : undefined;
      }
      if (marker !== undefined) throw unavailable('storage list parts failed: it never ends');
      return found;
    },

    completeParts: async (key, uploadId, parts) => {
      mustBeKey(key);
      const listed = parts.map(
        ({ partNumber, version }) =>
          `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(version)}</ETag></Part>`,
      );
      const xml = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`;
      const url = ofUpload(key, uploadId);
      await ask('complete parts', key, { method: 'POST', url, xml }, underWayOrDown);
    },

    abortParts: async (key) => {
      mustBeKey(key);
      for (const upload of await begunUnder(key)) {
        if (upload.key !== key) continue;
        const url = ofUpload(key, upload.uploadId);
        await orUndefined(ask('abort parts', key, { method: 'DELETE', url }));
      }
    },

    unendedParts: async (prefix, before) => {
      const old = (await begunUnder(prefix)).filter(
        ({ key, begunAt }) => key.startsWith(prefix) && begunAt < before.getTime(),
      );
      return [...new Set(old.map(({ key }) => key))];
    },
  };
};

/**
 * Google does not say what the second of two at once is told: with any of these it looks, and asks again. Another 4xx is
 * about the request, and would be the same the next time.
 */
const underWayOrDown = (detail: string, status: number): Error => {
  const mayBeUnderWay = status < 300 || status === 409 || status === 412 || status >= 500;
  return mayBeUnderWay ? new PartsUnderWay(detail) : unavailable(detail);
};

interface BegunUpload {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds; not a number where the answer does not say. */
  readonly begunAt: number;
}

const toPart = (xml: string): ArrivedPart => {
  const [partNumber, size] = [Number(textOf(xml, 'PartNumber')), Number(textOf(xml, 'Size'))];
  const version = textOf(xml, 'ETag');
  if (version === undefined || !Number.isSafeInteger(partNumber) || !Number.isSafeInteger(size))
    throw unavailable('storage list parts failed: bare answer');
  return { partNumber, size, version };
};

/** Turns "not there" into an answer. */
const orUndefined = async <Answer>(operation: Promise<Answer>): Promise<Answer | undefined> => {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
};
