import { createHash, createPublicKey } from 'node:crypto';
import { derToJose } from '../../protocol/ecdsa.ts';
import { unavailable } from '../../protocol/oauth-error.ts';
import type { SigningAlgorithm } from '../../protocol/signing-algorithm.ts';
import { publicJwkOf } from '../algorithm.ts';
import type { Custody, KeptKey } from '../custody.ts';
import { createSigner } from '../signer.ts';
import { type AwsCredentials, signPost } from './signature-v4.ts';

export interface AwsKmsOptions {
  readonly region: string;
  /** Absent: AWS's own of the region. */
  readonly endpoint?: string | undefined;
  /** Asked for each request, so that a rotated secret in a file is picked up. */
  readonly credentials: () => AwsCredentials;
  readonly fetch: typeof fetch;
  readonly now: () => Date;
}

/** Milliseconds. A token that cannot be signed by then is refused with 503; its record stays, and nobody has it. */
const PATIENCE = 3_000;

/** Days that AWS keeps a key which was given up: its shortest. */
const PENDING_DAYS = 7;

/** What KMS calls them. It has no EdDSA for JWS: configuration refuses the pair. */
const NAMES = {
  ES256: { spec: 'ECC_NIST_P256', algorithm: 'ECDSA_SHA_256' },
  RS256: { spec: 'RSA_3072', algorithm: 'RSASSA_PKCS1_V1_5_SHA_256' },
} as const;

const nameOf = (alg: SigningAlgorithm) => {
  if (alg === 'EdDSA') throw new Error('AWS KMS signs ES256 and RS256: EdDSA needs local keys');
  return NAMES[alg];
};

/** Private halves that never leave AWS KMS. It takes kms:CreateKey, GetPublicKey, Sign, ScheduleKeyDeletion. */
export const createAwsKms = (options: AwsKmsOptions): Custody => {
  const call = createCall(options);
  return {
    name: 'aws-kms',

    make: async (alg) => {
      const { KeyMetadata } = await call<{ KeyMetadata: { KeyId: string } }>('CreateKey', {
        KeySpec: nameOf(alg).spec,
        KeyUsage: 'SIGN_VERIFY',
        Description: `Daypass, signing key for ${alg}`,
      });
      const { KeyId } = KeyMetadata;
      const { PublicKey } = await call<{ PublicKey: string }>('GetPublicKey', { KeyId });
      const der = Buffer.from(PublicKey, 'base64');
      const publicJwk = publicJwkOf(
        createPublicKey({ key: der, format: 'der', type: 'spki' }),
        alg,
      );
      const sealed = Buffer.from(KeyId);
      return { kid: publicJwk.kid, alg, publicJwk, custody: 'aws-kms', sealed };
    },

    open: (key) => {
      const { algorithm } = nameOf(key.alg);
      return createSigner(key, async (input) => {
        const { Signature } = await call<{ Signature: string }>('Sign', {
          KeyId: key.sealed.toString(),
          // Not the message itself: KMS takes 4,096 bytes of one, and a token may be longer.
          Message: createHash('sha256').update(input).digest('base64'),
          MessageType: 'DIGEST',
          SigningAlgorithm: algorithm,
        });
        const signature = Buffer.from(Signature, 'base64');
        return key.alg === 'ES256' ? derToJose(signature) : signature;
      });
    },

    discard: async ({ sealed }: KeptKey) => {
      const KeyId = sealed.toString();
      await call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: PENDING_DAYS });
    },
  };
};

const createCall =
  ({ region, endpoint, credentials, fetch, now }: AwsKmsOptions) =>
  async <Answer>(operation: string, request: object): Promise<Answer> => {
    const url = new URL(endpoint ?? `https://kms.${region}.amazonaws.com`);
    const body = JSON.stringify(request);
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${operation}`,
    };
    const { host, pathname: path } = url;
    const signed = signPost(
      { host, path, region, service: 'kms', body, headers },
      credentials(),
      now(),
    );
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const answer = await fetch(url, { method: 'POST', headers: signed, body, signal });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status} ${kindOf(text)}`);
      return JSON.parse(text) as Answer;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw unavailable(`AWS KMS ${operation}: ${reason}`, error);
    }
  };

/** Which refusal it is; of the rest nothing is repeated. */
const kindOf = (text: string): string => /"__type"\s*:\s*"([\w#.]{1,100})"/.exec(text)?.[1] ?? '';
