import { Buffer } from 'node:buffer';
import { type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { unavailable } from '../../protocol/oauth-error.ts';
import { type Call, readText } from './http.ts';

/** Whoever signs for a service account: with its key, or by asking Google, who keeps it. */
export interface BlobSigner {
  /** The service account's e-mail address. */
  account(): string | Promise<string>;
  /** RSASSA-PKCS1-v1_5 with SHA-256. */
  sign(text: string): Promise<Buffer>;
}

const signAsync = promisify(sign);

/** Off the main thread: an RSA signature takes a quarter of a millisecond. */
export const createKeySigner = (account: string, key: KeyObject): BlobSigner => ({
  account: () => account,
  sign: (text) => signAsync('sha256', Buffer.from(text), key),
});

export interface IamSignerOptions {
  readonly account: () => Promise<string>;
  readonly call: Call;
  readonly endpoint?: string;
}

/** A caller waits for this, so not for long. */
const TIMEOUT_MS = 5_000;

/**
 * Asks IAM for each signature, so that there is no key to lose: one call for each URL. Nothing is kept, as no two
 * URLs are alike.
 */
export const createIamSigner = ({
  account,
  call,
  endpoint = 'https://iamcredentials.googleapis.com',
}: IamSignerOptions): BlobSigner => ({
  account,
  sign: async (text) => {
    const url = `${endpoint}/v1/projects/-/serviceAccounts/${encodeURIComponent(await account())}:signBlob`;
    const payload = Buffer.from(text).toString('base64');
    const response = await call('signBlob', {
      method: 'POST',
      url,
      json: { payload },
      timeoutMs: TIMEOUT_MS,
    });
    const answer = await readText(response);
    if (response.status !== 200) throw unavailable(`storage signBlob failed: ${response.status}`);
    const signedBlob = signedBlobIn(answer);
    if (signedBlob === undefined) throw unavailable('storage signBlob answered no signature');
    return Buffer.from(signedBlob, 'base64');
  },
});

const signedBlobIn = (answer: string): string | undefined => {
  try {
    const { signedBlob } = JSON.parse(answer);
    return typeof signedBlob === 'string' ? signedBlob : undefined;
  } catch {
    return undefined;
  }
};
