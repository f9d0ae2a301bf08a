import { OAuthError } from '../../protocol/oauth-error.ts';
import { attachment, mustBeGetGrant, mustBePutGrant } from '../grant.ts';
import type {
  EnforceableGrant,
  Enforcement,
  GetGrant,
  PresignedDownload,
  PresignedUpload,
  PutGrant,
} from '../object-store.ts';
import type { Location } from './location.ts';
import { type SasKey, type SasRequest, signSas } from './sas.ts';

export interface PresignerOptions {
  readonly location: Location;
  /** The key to sign with, living until `until` at least. */
  readonly keyUntil: (until: Date, now: Date) => SasKey | Promise<SasKey>;
  /** See docs/adr/0012: pins the content type and the precondition, which no real account has shown us yet. */
  readonly pinHeaders: boolean;
}

export interface Presigner {
  enforcement(grant: EnforceableGrant): Enforcement[];
  presignPut(grant: PutGrant, now: Date): PresignedUpload | Promise<PresignedUpload>;
  presignGet(grant: GetGrant, now: Date): PresignedDownload | Promise<PresignedDownload>;
}

/** 5,000 MiB: what one Put Blob takes. */
export const LARGEST_AZURE_PUT = 5000 * 1024 ** 2;
/** The most that Azure's clock may be behind ours. */
const SKEW = 300_000;

/** `sp=c` is one Put Blob under a name that is not there yet: what the SAS says for certain, and no more. */
const enforcement = (pinHeaders: boolean, { sha256 }: EnforceableGrant): Enforcement[] => [
  { constraint: 'size', by: 'broker' },
  { constraint: 'content_type', by: pinHeaders ? 'storage' : 'broker' },
  ...(sha256 === undefined ? [] : [{ constraint: 'sha256', by: 'broker' } as const]),
  { constraint: 'single_object', by: 'storage' },
  { constraint: 'no_overwrite', by: 'storage' },
  { constraint: 'expiry', by: 'storage' },
];

const mustFitOnePut = (size: number): void => {
  if (size <= LARGEST_AZURE_PUT) return;
  throw new OAuthError('invalid_request', 'storage does not sign this', {
    violations: [
      {
        field: 'size',
        rule: 'one_put',
        message: 'Azure takes at most 5,000 MiB in one upload',
        remedy: 'upload a smaller file',
      },
    ],
  });
};

/** At once where the key is at hand. */
const withKey = <T>(key: SasKey | Promise<SasKey>, use: (key: SasKey) => T): T | Promise<T> =>
  key instanceof Promise ? key.then(use) : use(key);

export const createPresigner = ({
  location,
  keyUntil,
  pinHeaders,
}: PresignerOptions): Presigner => {
  const sign = (
    key: string,
    expiresIn: number,
    now: Date,
    more: Pick<SasRequest, 'permission' | 'response' | 'correlationId' | 'requestHeaders'>,
  ): string | Promise<string> => {
    const expiresOn = new Date(now.getTime() + expiresIn * 1000);
    const request: SasRequest = {
      canonicalName: location.canonicalName(key),
      startsOn: new Date(now.getTime() - SKEW),
      expiresOn,
      protocol: location.protocol,
      ...more,
    };
    const signed = (sasKey: SasKey) => `${location.url(key)}?${signSas(request, sasKey)}`;
    return withKey(keyUntil(expiresOn, now), signed);
  };

  return {
    enforcement: (grant) => enforcement(pinHeaders, grant),

    presignPut: (grant, now) => {
      mustBePutGrant(grant);
      mustFitOnePut(grant.size);
      const { key, contentType, expiresIn, correlationId } = grant;
      const pinned = { 'if-none-match': '*', 'x-ms-blob-content-type': contentType };
      const headers = {
        'content-type': contentType,
        'x-ms-blob-type': 'BlockBlob',
        // Besides `sp=c`, which an emulator checks before it writes and not while.
        'if-none-match': '*',
        ...(pinHeaders ? pinned : {}),
      };
      const url = sign(key, expiresIn, now, {
        permission: 'c',
        ...(pinHeaders ? { requestHeaders: pinned } : {}),
        ...(correlationId === undefined || !location.isAzure ? {} : { correlationId }),
      });
      const answer = (signed: string): PresignedUpload => ({
        url: signed,
        method: 'PUT',
        headers,
        enforcement: enforcement(pinHeaders, grant),
      });
      return url instanceof Promise ? url.then(answer) : answer(url);
    },

    presignGet: (grant, now) => {
      mustBeGetGrant(grant);
      const { key, expiresIn, fileName, contentType } = grant;
      const url = sign(key, expiresIn, now, {
        permission: 'r',
        response: {
          cacheControl: 'no-store',
          contentDisposition: attachment(fileName),
          ...(contentType === undefined ? {} : { contentType }),
        },
      });
      return url instanceof Promise ? url.then((signed) => ({ url: signed })) : { url };
    },
  };
};
