import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { asciiJson } from '../ascii-json.ts';
import { encode } from '../percent.ts';
import type { BlobSigner } from './sign-blob.ts';

/**
 * Google's V4 signing process, in a query and in a form. Held to Google's published vectors and to the bytes of
 * `@google-cloud/storage`, which parses its key for every signature.
 */
export interface UnsignedRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** Scheme and authority. */
  readonly origin: string;
  /** Percent-encoded, with its first slash. */
  readonly path: string;
  /** Further parameters, unencoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names, with `host`; values trimmed, runs of spaces folded. */
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly expiresIn: number;
}

const ALGORITHM = 'GOOG4-RSA-SHA256';

/** `yyyymmddThhmmssZ` */
const basicDate = (now: Date): string => now.toISOString().replace(/[-:]|\.\d{3}/g, '');

const scopeOf = (date: string): string => `${date.slice(0, 8)}/auto/storage/goog4_request`;

/** In the order of their bytes, as the server sorts them. */
const inOrder = (pairs: readonly (readonly [string, string])[]) =>
  [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));

export const presignV4 = async (
  request: UnsignedRequest,
  signer: BlobSigner,
  now: Date,
): Promise<string> => {
  const date = basicDate(now);
  const scope = scopeOf(date);
  const headers = inOrder(Object.entries(request.headers));
  const names = headers.map(([name]) => name).join(';');
  const parameters = {
    'X-Goog-Algorithm': ALGORITHM,
    'X-Goog-Credential': `${await signer.account()}/${scope}`,
    'X-Goog-Date': date,
    'X-Goog-Expires': String(request.expiresIn),
    'X-Goog-SignedHeaders': names,
    ...request.query,
  };
  const query = inOrder(
    Object.entries(parameters).map(([name, value]) => [encode(name), encode(value)] as const),
  )
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const canonical = [
    request.method,
    request.path,
    query,
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    // A payload that is signed is said in a header; nothing else can be known before it is sent.
    request.headers['x-goog-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  ].join('\n');
  const signature = await signer.sign(
    `${ALGORITHM}\n${date}\n${scope}\n${hash('sha256', canonical)}`,
  );
  return `${request.origin}${request.path}?${query}&X-Goog-Signature=${signature.toString('hex')}`;
};

export interface UnsignedForm {
  readonly bucket: string;
  readonly key: string;
  /** Each a condition of its own, and a field with this value. */
  readonly fields: Readonly<Record<string, string>>;
  /** Conditions that are no fields. */
  readonly conditions: readonly (readonly (string | number)[])[];
  /** Seconds. */
  readonly expiresIn: number;
}

/** The form's fields, signature included. */
export const signForm = async (
  { bucket, key, fields, conditions, expiresIn }: UnsignedForm,
  signer: BlobSigner,
  now: Date,
): Promise<Record<string, string>> => {
  const date = basicDate(now);
  const signed = {
    key,
    'x-goog-date': date,
    'x-goog-credential': `${await signer.account()}/${scopeOf(date)}`,
    'x-goog-algorithm': ALGORITHM,
  };
  const end = new Date(now.getTime() + expiresIn * 1000).toISOString().replace(/\.\d{3}/, '');
  const all = { ...fields, bucket, ...signed };
  const policy = Buffer.from(
    asciiJson({
      conditions: [
        ...conditions,
        ...Object.entries(all).map(([name, value]) => ({ [name]: value })),
      ],
      expiration: end,
    }),
  ).toString('base64');
  const signature = await signer.sign(policy);
  return { ...fields, ...signed, policy, 'x-goog-signature': signature.toString('hex') };
};
