import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { endpointOrigin } from '../origin.ts';
import { encodeKey } from '../percent.ts';

/** Where one bucket is: everything a URL to it begins with, settled once from allow-listed parts. */
export interface Location {
  /** Scheme and authority. */
  readonly origin: string;
  /** What the `host` header will be, and so what is signed. */
  readonly host: string;
  /** `/bucket/key`, percent-encoded. */
  path(key: string): string;
  /** Where a form is posted to. */
  readonly formUrl: string;
  /** The JSON API's name of an object: the key is one segment. */
  objectUrl(key: string): string;
  /** Its name of all objects. */
  readonly objectsUrl: string;
}

export interface LocationOptions {
  readonly bucket: string;
  /** Origin of a private or regional endpoint, or of an emulator on loopback; absent means Google's. */
  readonly endpoint?: string;
}

/** No dots: such a bucket is a domain, and its name could choose a host. */
const BUCKET = /^(?!goog)(?!.*(?:google|g00gle))[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$/;
const GOOGLE = 'https://storage.googleapis.com';

const violation = (field: string, rule: string, remedy: string): Violation => ({
  field,
  rule,
  message: `${field} is not acceptable for a Cloud Storage bucket`,
  remedy,
});

const problems = ({ bucket, endpoint }: LocationOptions): Violation[] => [
  ...(BUCKET.test(bucket)
    ? []
    : [violation('bucket', 'bucket_name', 'use 3 to 63 of a-z, 0-9, _ and -, without a dot')]),
  ...(endpoint === undefined || endpointOrigin(endpoint) !== undefined
    ? []
    : [violation('endpoint', 'https_origin', 'use https://host[:port] (http on loopback only)')]),
];

/** @throws OAuthError `invalid_request` naming every part that is off the allow list. */
export const locate = (options: LocationOptions): Location => {
  const violations = problems(options);
  if (violations.length > 0)
    throw new OAuthError('invalid_request', 'the bucket cannot be reached safely', { violations });

  const { bucket, endpoint = GOOGLE } = options;
  const { origin, host } = new URL(endpoint);
  const objectsUrl = `${origin}/storage/v1/b/${bucket}/o`;
  return {
    origin,
    host,
    path: (key) => `/${bucket}/${encodeKey(key)}`,
    formUrl: `${origin}/${bucket}/`,
    objectUrl: (key) => `${objectsUrl}/${encodeURIComponent(key)}`,
    objectsUrl,
  };
};
