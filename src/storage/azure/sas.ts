import { createHmac, type KeyObject } from 'node:crypto';
import { encode } from '../percent.ts';

/**
 * Shared access signatures for one blob, for the minting path: a property test holds them to the bytes of the
 * SDK's `generateBlobSASQueryParameters`.
 */
export interface SasRequest {
  /** `c` creates and never overwrites, `r` reads; of a directory also others, in the order `rcwdl`. */
  readonly permission: string;
  /** `/blob/account/container/key`, unencoded. */
  readonly canonicalName: string;
  readonly startsOn: Date;
  readonly expiresOn: Date;
  readonly protocol: 'https' | 'https,http';
  /** A UUID. Known to user delegation only, and not to emulators. */
  readonly correlationId?: string;
  /** How a read is answered. */
  readonly response?: ResponseHeaders;
  /** For everything below a directory that is so many levels deep (hierarchical namespace), not for one blob. */
  readonly directoryDepth?: number;
  /** What the client must send, exactly so. User delegation only; see `SIGNED_HEADERS_VERSION`. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
}

export interface ResponseHeaders {
  readonly cacheControl: string;
  readonly contentDisposition: string;
  readonly contentType?: string;
}

/** Both kinds of key sign; only the account's own key needs nothing said about itself. */
export type SasKey = { readonly secret: KeyObject } | DelegatedSasKey;

/** A user delegation key, each member as the service wrote it. */
export interface DelegatedSasKey {
  readonly secret: KeyObject;
  readonly delegation: {
    readonly objectId: string;
    readonly tenantId: string;
    readonly startsOn: Date;
    readonly expiresOn: Date;
    readonly service: string;
    readonly version: string;
  };
}

/** Old enough for every cloud and emulator, and all we sign is in it. */
const VERSION = '2023-11-03';
/** The first version that can pin request headers. Marked as a preview by its own documentation. */
const SIGNED_HEADERS_VERSION = '2026-04-06';

/** Whole seconds: `2026-11-22T03:04:05Z`. */
const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** Parameters that are undefined or empty are left out. */
const query = (parameters: readonly (readonly [string, string | undefined])[]): string =>
  parameters.flatMap(([name, value]) => (value ? [`${name}=${encode(value)}`] : [])).join('&');

const headerLines = (headers: SasRequest['requestHeaders'] = {}): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');

/** The SAS, as the query of the blob's URL. */
export const signSas = (request: SasRequest, key: SasKey): string => {
  const delegation = 'delegation' in key ? key.delegation : undefined;
  const { permission, protocol, correlationId, response, requestHeaders } = request;
  const depth = request.directoryDepth;
  const resource = depth === undefined ? 'b' : 'd';
  const version = requestHeaders === undefined ? VERSION : SIGNED_HEADERS_VERSION;
  const start = seconds(request.startsOn);
  const end = seconds(request.expiresOn);
  const keyStart = delegation && seconds(delegation.startsOn);
  const keyEnd = delegation && seconds(delegation.expiresOn);

  // One line each; an empty one is something we never say: snapshots, IP ranges, encryption scopes and so on.
  const lines = [
    permission,
    start,
    end,
    request.canonicalName,
    ...(delegation
      ? [
          delegation.objectId,
          delegation.tenantId,
          keyStart,
          keyEnd,
          delegation.service,
          delegation.version,
          '',
          '',
          correlationId,
          ...(requestHeaders === undefined ? [] : ['', '']),
        ]
      : ['']),
    '',
    protocol,
    version,
    resource,
    '',
    '',
    ...(requestHeaders === undefined ? [] : [headerLines(requestHeaders), '']),
    response?.cacheControl,
    response?.contentDisposition,
    '',
    '',
    response?.contentType,
  ];
  const signature = createHmac('sha256', key.secret).update(lines.join('\n')).digest('base64');

  return query([
    ['sv', version],
    ['spr', protocol],
    ['st', start],
    ['se', end],
    ['skoid', delegation?.objectId],
    ['sktid', delegation?.tenantId],
    ['skt', keyStart],
    ['ske', keyEnd],
    ['sks', delegation?.service],
    ['skv', delegation?.version],
    ['sr', resource],
    ['sdd', depth?.toString()],
    ['sp', permission],
    ['rscc', response?.cacheControl],
    ['rscd', response?.contentDisposition],
    ['rsct', response?.contentType],
    ['scid', delegation && correlationId],
    ['srh', requestHeaders && Object.keys(requestHeaders).join(',')],
    ['sig', signature],
  ]);
};
