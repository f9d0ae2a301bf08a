import type { SigningAlgorithm } from '../protocol/signing-algorithm.ts';

/** Keys: who signs, with what? It knows private keys, and nothing of what is signed. */
export interface Signer {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /**
   * A JWS in compact form (RFC 7515 §7.1). At once where the private half is here: 25 µs for ES256, where a
   * thread pool would cost 60. A promise where it is with an external signer.
   *
   * @throws {OAuthError} `temporarily_unavailable` where an external signer does not answer
   */
  sign(typ: string, payload: object): string | Promise<string>;
}

/** Makes a signer of whatever makes a signature. */
export const createSigner = (
  { kid, alg }: { readonly kid: string; readonly alg: SigningAlgorithm },
  signatureOf: (input: Buffer) => Buffer | Promise<Buffer>,
): Signer => {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const headers = new Map<string, string>();
  return {
    kid,
    alg,
    sign: (typ, payload) => {
      const header = headers.get(typ) ?? encode({ alg, typ, kid });
      headers.set(typ, header);
      const input = `${header}.${encode(payload)}`;
      const signature = signatureOf(Buffer.from(input));
      if (Buffer.isBuffer(signature)) return `${input}.${signature.toString('base64url')}`;
      return signature.then((bytes) => `${input}.${bytes.toString('base64url')}`);
    },
  };
};
