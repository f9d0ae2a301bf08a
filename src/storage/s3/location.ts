import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { encodeKey } from '../percent.ts';

/** Where one bucket is: everything a URL to it begins with, settled once from allow-listed parts. */
export interface Location {
  /** The SDK's base: scheme and host without the bucket. */
  readonly endpoint: string;
  /** Scheme and authority that URLs start with. */
  readonly origin: string;
  /** What the `host` header will be, and so what is signed. */
  readonly host: string;
  /** `/key` or `/bucket/key`, percent-encoded. */
  path(key: string): string;
  /** Where a form is posted to. */
  readonly formUrl: string;
  readonly pathStyle: boolean;
  /** Only AWS is known to act on every header we sign; others may merely verify it. */
  readonly isAws: boolean;
}

export interface LocationOptions {
  readonly bucket: string;
  readonly region: string;
  /** Origin of an S3-compatible server; absent means AWS. */
  readonly endpoint?: string;
  /** Of an endpoint: whether the bucket is the first segment of the path (the default) or of the host name. */
  readonly pathStyle?: boolean;
}

/** No dots: a dotted bucket would choose the host, and breaks TLS in virtual-hosted style. */
const BUCKET = /^(?!xn--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const AWS_REGION =
  /^(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-(?:central|(?:north|south)?(?:east|west)?)-[1-9]\d?$/;
const OTHER_REGION = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

const violation = (field: string, rule: string, remedy: string): Violation => ({
  field,
  rule,
  message: `${field} is not acceptable for an S3 bucket`,
  remedy,
});

/** An origin and nothing more; TLS unless it never leaves the machine. Leans closed. */
const isOrigin = (text: string): boolean => {
  const url = URL.parse(text);
  if (url === null || (text !== url.origin && text !== `${url.origin}/`)) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
};

const problems = ({ bucket, region, endpoint }: LocationOptions): Violation[] => [
  ...(BUCKET.test(bucket)
    ? []
    : [violation('bucket', 'bucket_name', 'use 3 to 63 of a-z, 0-9 and inner hyphens')]),
  ...((endpoint === undefined ? AWS_REGION : OTHER_REGION).test(region)
    ? []
    : [violation('region', 'region_name', 'use a region such as eu-west-1')]),
  ...(endpoint === undefined || isOrigin(endpoint)
    ? []
    : [violation('endpoint', 'https_origin', 'use https://host[:port] (http on loopback only)')]),
];

/** @throws OAuthError `invalid_request` naming every part that is off the allow list. */
export const locate = (options: LocationOptions): Location => {
  const violations = problems(options);
  if (violations.length > 0)
    throw new OAuthError('invalid_request', 'the bucket cannot be reached safely', { violations });

  const { bucket, region, endpoint, pathStyle = true } = options;
  if (endpoint !== undefined) {
    const { origin, host, protocol } = new URL(endpoint);
    if (!pathStyle)
      return { ...inHost(`${protocol}//`, bucket, host), endpoint: origin, isAws: false };
    return {
      endpoint: origin,
      origin,
      host,
      path: (key) => `/${bucket}/${encodeKey(key)}`,
      formUrl: `${origin}/${bucket}`,
      pathStyle: true,
      isAws: false,
    };
  }
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const server = `s3.${region}.${suffix}`;
  return { ...inHost('https://', bucket, server), endpoint: `https://${server}`, isAws: true };
};

/** The virtual-hosted style. */
const inHost = (scheme: string, bucket: string, server: string) => {
  const host = `${bucket}.${server}`;
  return {
    origin: `${scheme}${host}`,
    host,
    path: (key: string) => `/${encodeKey(key)}`,
    formUrl: `${scheme}${host}/`,
    pathStyle: false,
  };
};
