import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import { encode } from '../percent.ts';

/**
 * AWS Signature Version 4 in a query, for the minting path: the SDK's `getSignedUrl` takes some forty times
 * as long, and a property test holds the two to the same bytes.
 */
export interface SignerV4 {
  /** The URL that makes `request`, once signed. */
  presign(request: UnsignedRequest, credentials: S3Credentials, now: Date): string;
  /** What a form's signature says about itself, and how to make it. */
  stamp(credentials: S3Credentials, now: Date): Stamp;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
  /** When temporary credentials end; what they signed ends with them. */
  readonly expiresAt?: Date;
}

export interface UnsignedRequest {
  readonly method: 'GET' | 'PUT';
  /** Scheme and authority. */
  readonly origin: string;
  /** Percent-encoded, with its first slash. */
  readonly path: string;
  /** Further parameters, percent-encoded and sorted, each with a lower-case name and a `&` before it. */
  readonly query: string;
  /** Lower-case names in alphabetical order, with `host`; values trimmed. */
  readonly headers: readonly (readonly [string, string])[];
  /** Seconds. */
  readonly expiresIn: number;
  /** Whether the query, too, says that the payload is unsigned, as the SDK's does. */
  readonly saysUnsigned: boolean;
}

export interface Stamp {
  /** `yyyymmddThhmmssZ`. */
  readonly date: string;
  /** `accessKeyId/yyyymmdd/region/s3/aws4_request`. */
  readonly credential: string;
  /** Hex HMAC under the day's key. */
  sign(text: string): string;
}

export const ALGORITHM = 'AWS4-HMAC-SHA256';

const basicDate = (now: Date): string => {
  const iso = now.toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
};

const deriveKey = (secret: string, day: string, region: string): KeyObject => {
  const of = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest();
  const regional = of(of(`AWS4${secret}`, day), region);
  return createSecretKey(of(of(regional, 's3'), 'aws4_request'));
};

/** All that stays the same from one signature to the next within a day. */
interface DayOfCredentials {
  readonly credentials: S3Credentials;
  readonly day: string;
  readonly key: KeyObject;
  readonly scope: string;
  readonly credential: string;
  /** As query parameters. */
  readonly credentialParameter: string;
  readonly tokenParameter: string;
}

const beginDay = (credentials: S3Credentials, day: string, region: string): DayOfCredentials => {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const scope = `${day}/${region}/s3/aws4_request`;
  const credential = `${accessKeyId}/${scope}`;
  return {
    credentials: { ...credentials },
    day,
    key: deriveKey(secretAccessKey, day, region),
    scope,
    credential,
    credentialParameter: `&X-Amz-Credential=${encode(credential)}`,
    tokenParameter:
      sessionToken === undefined ? '' : `&X-Amz-Security-Token=${encode(sessionToken)}`,
  };
};

const isSame = (a: S3Credentials, b: S3Credentials): boolean =>
  a.secretAccessKey === b.secretAccessKey &&
  a.accessKeyId === b.accessKeyId &&
  a.sessionToken === b.sessionToken;

/** The service is always S3: the path is signed as it is, not encoded twice. */
export const createSignerV4 = (region: string): SignerV4 => {
  // One is enough: a store has one credential at a time. Deriving the key costs ten signatures, and Node
  // signs with a KeyObject seven times as fast as with a buffer.
  let kept: DayOfCredentials | undefined;

  const today = (credentials: S3Credentials, date: string): DayOfCredentials => {
    const day = date.slice(0, 8);
    if (kept === undefined || kept.day !== day || !isSame(kept.credentials, credentials))
      kept = beginDay(credentials, day, region);
    return kept;
  };

  const sign = (text: string, key: KeyObject): string =>
    createHmac('sha256', key).update(text).digest('hex');

  return {
    stamp: (credentials, now) => {
      const date = basicDate(now);
      const { credential, key } = today(credentials, date);
      return { date, credential, sign: (text) => sign(text, key) };
    },

    presign: (
      { method, origin, path, query, headers, expiresIn, saysUnsigned },
      credentials,
      now,
    ) => {
      const date = basicDate(now);
      const { key, scope, credentialParameter, tokenParameter } = today(credentials, date);
      const names = headers.map(([name]) => name).join(';');
      const lines = headers.map(([name, value]) => `${name}:${value}\n`).join('');

      // In alphabetical order; the signature goes between these two when it is known.
      const payload = saysUnsigned ? '&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD' : '';
      const before = `X-Amz-Algorithm=${ALGORITHM}${payload}${credentialParameter}&X-Amz-Date=${date}&X-Amz-Expires=${expiresIn}${tokenParameter}`;
      const after = `&X-Amz-SignedHeaders=${names.replaceAll(';', '%3B')}${query}`;

      const canonical = `${method}\n${path}\n${before}${after}\n${lines}\n${names}\nUNSIGNED-PAYLOAD`;
      const signature = sign(`${ALGORITHM}\n${date}\n${scope}\n${hash('sha256', canonical)}`, key);
      return `${origin}${path}?${before}&X-Amz-Signature=${signature}${after}`;
    },
  };
};
