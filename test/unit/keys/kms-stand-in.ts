import {
  constants,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import type { HttpRequest } from '@smithy/types';
import { joseToDer } from '../../../src/protocol/ecdsa.ts';

/** What speaks AWS KMS on loopback: it holds real keys, and takes no request whose SigV4 AWS's own code would not make. */
export const startKms = async (secretAccessKey: string) => {
  const keys = new Map<string, KeyObject>();
  const calls: { operation: string; request: Readonly<Record<string, unknown>> }[] = [];
  const failing = { with: undefined as string | undefined };

  const perform = (operation: string, request: Record<string, unknown>): object => {
    if (operation === 'CreateKey') {
      const KeyId = `arn:aws:kms:eu-west-1:111122223333:key/${keys.size}`;
      const { privateKey } =
        request.KeySpec === 'RSA_3072'
          ? generateKeyPairSync('rsa', { modulusLength: 3072 })
          : generateKeyPairSync('ec', { namedCurve: 'P-256' });
      keys.set(KeyId, privateKey);
      return { KeyMetadata: { KeyId } };
    }
    const key = keys.get(String(request.KeyId));
    if (!key) throw new Error('NotFoundException');
    if (operation === 'GetPublicKey') return { PublicKey: publicOf(key).toString('base64') };
    if (operation === 'Sign') return { Signature: signDigest(key, request).toString('base64') };
    if (operation === 'ScheduleKeyDeletion') return { KeyId: request.KeyId };
    throw new Error('UnknownOperationException');
  };

  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const refuse = (kind: string) =>
      response.writeHead(400).end(JSON.stringify({ __type: kind, message: `about ${body}` }));
    if (failing.with !== undefined) return void refuse(failing.with);
    if (!(await isSigned(request, body, secretAccessKey)))
      return void refuse('InvalidSignatureException');
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
    const asked = JSON.parse(body) as Record<string, unknown>;
    calls.push({ operation, request: asked });
    try {
      response.end(JSON.stringify(perform(operation, asked)));
    } catch (error) {
      refuse((error as Error).message);
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    failing,
    stop: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
};

const publicOf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: 'der', type: 'spki' });

/** As KMS signs: what it is given is a digest already, which Node's own `sign` would hash again. */
const signDigest = (key: KeyObject, request: Record<string, unknown>): Buffer => {
  const digest = Buffer.from(String(request.Message), 'base64');
  const isRsa = key.asymmetricKeyType === 'rsa';
  const algorithm = isRsa ? 'RSASSA_PKCS1_V1_5_SHA_256' : 'ECDSA_SHA_256';
  if (request.MessageType !== 'DIGEST' || digest.length !== 32)
    throw new Error('ValidationException');
  if (request.SigningAlgorithm !== algorithm) throw new Error('InvalidKeyUsageException');
  return isRsa ? signRsa(key, digest) : signEcdsa(key, digest);
};

/** RFC 8017 §9.2: the DigestInfo of SHA-256. */
const signRsa = (key: KeyObject, digest: Buffer): Buffer => {
  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const padding = constants.RSA_PKCS1_PADDING;
  return privateEncrypt({ key, padding }, Buffer.concat([info, digest]));
};

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const bigOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const bytesOf = (number: bigint): Buffer =>
  Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
const inverse = (number: bigint): bigint => {
  let [result, base] = [1n, number];
  for (let power = ORDER - 2n; power > 0n; power >>= 1n) {
    if (power & 1n) result = (result * base) % ORDER;
    base = (base * base) % ORDER;
  }
  return result;
};

/** FIPS 186-5 §6.4.1. For a test: in no constant time. */
const signEcdsa = (key: KeyObject, digest: Buffer): Buffer => {
  const d = bigOf(Buffer.from(String(key.export({ format: 'jwk' }).d), 'base64url'));
  const nonce = createECDH('prime256v1');
  const point = nonce.generateKeys();
  const r = bigOf(point.subarray(1, 33)) % ORDER;
  const s = (inverse(bigOf(nonce.getPrivateKey())) * (bigOf(digest) + r * d)) % ORDER;
  return joseToDer(Buffer.concat([bytesOf(r), bytesOf(s)]));
};

/** AWS's own signer over what was received: the signature must be the same, whoever made it. */
const isSigned = async (
  { headers, url = '/' }: IncomingMessage,
  body: string,
  secretAccessKey: string,
): Promise<boolean> => {
  const authorization = String(headers.authorization);
  const match =
    /Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, SignedHeaders=([^,]+), /.exec(
      authorization,
    );
  if (!match) return false;
  const [, accessKeyId = '', , region = '', names = ''] = match;
  const sent = Object.fromEntries(names.split(';').map((name) => [name, String(headers[name])]));
  const date = String(headers['x-amz-date']);
  const signer = new SignatureV4({
    service: 'kms',
    region,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256 as never,
    applyChecksum: false,
  });
  const iso = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 11)}:${date.slice(11, 13)}:${date.slice(13)}`;
  const expected: { headers: Record<string, string> } = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: String(headers.host),
      path: url,
      query: {},
      headers: sent,
      body,
    } satisfies HttpRequest,
    { signingDate: new Date(iso) },
  );
  return expected.headers.authorization === authorization;
};

/** The hash that AWS's signer asks for. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  constructor(secret?: Uint8Array | string) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }
}
