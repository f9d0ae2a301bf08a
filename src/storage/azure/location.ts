import { OAuthError, type Violation } from '../../protocol/oauth-error.ts';
import { endpointOrigin, isLoopback } from '../origin.ts';
import { encodeKey } from '../percent.ts';

/** Where one container is: everything a URL to it begins with, settled once from allow-listed parts. */
export interface Location {
  /** The SDK's base: the account's own URL, without a last slash. */
  readonly serviceUrl: string;
  readonly containerUrl: string;
  /** The URL of a blob, before its query. */
  url(key: string): string;
  /** What a signature calls the blob. */
  canonicalName(key: string): string;
  /** Plain http is signed for where it never leaves the machine, and nowhere else. */
  readonly protocol: 'https' | 'https,http';
  /** An emulator takes neither a correlation id nor signed headers. */
  readonly isAzure: boolean;
}

export interface LocationOptions {
  /** The storage account. */
  readonly account: string;
  /** The container. */
  readonly bucket: string;
  /** Origin of another cloud's account, or of an emulator on loopback; absent means Azure's public cloud. */
  readonly endpoint?: string;
}

const ACCOUNT = /^[a-z0-9]{3,24}$/;
const CONTAINER = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

const violation = (field: string, rule: string, remedy: string): Violation => ({
  field,
  rule,
  message: `${field} is not acceptable for an Azure container`,
  remedy,
});

const problems = ({ account, bucket, endpoint }: LocationOptions): Violation[] => [
  ...(ACCOUNT.test(account)
    ? []
    : [
        violation(
          'account',
          'account_name',
          'use the 3 to 24 of a-z and 0-9 that name the account',
        ),
      ]),
  ...(CONTAINER.test(bucket)
    ? []
    : [violation('bucket', 'container_name', 'use 3 to 63 of a-z, 0-9 and single inner hyphens')]),
  ...(endpoint === undefined || endpointOrigin(endpoint) !== undefined
    ? []
    : [violation('endpoint', 'https_origin', 'use https://host[:port] (http on loopback only)')]),
];

/** @throws OAuthError `invalid_request` naming every part that is off the allow list. */
export const locate = (options: LocationOptions): Location => {
  const violations = problems(options);
  if (violations.length > 0)
    throw new OAuthError('invalid_request', 'the container cannot be reached safely', {
      violations,
    });

  const { account, bucket, endpoint } = options;
  const url = new URL(endpoint ?? `https://${account}.blob.core.windows.net`);
  const isEmulator = isLoopback(url);
  // On an emulator the account is the first segment of the path, as all of them share one host.
  const serviceUrl = isEmulator ? `${url.origin}/${account}` : url.origin;
  return {
    serviceUrl,
    containerUrl: `${serviceUrl}/${bucket}`,
    url: (key) => `${serviceUrl}/${bucket}/${encodeKey(key)}`,
    canonicalName: (key) => `/blob/${account}/${bucket}/${key}`,
    protocol: url.protocol === 'https:' ? 'https' : 'https,http',
    isAzure: !isEmulator,
  };
};
