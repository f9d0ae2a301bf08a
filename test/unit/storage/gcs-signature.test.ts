import { createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Storage } from '@google-cloud/storage';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createCall } from '../../../src/storage/gcs/http.ts';
import {
  type BlobSigner,
  createIamSigner,
  createKeySigner,
} from '../../../src/storage/gcs/sign-blob.ts';
import { presignV4, signForm } from '../../../src/storage/gcs/signature-v4.ts';
import { encodeKey } from '../../../src/storage/percent.ts';
import { mustBeSigned } from '../../support/gcs-stand-in.ts';

const vector = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'vectors', name), 'utf8');

interface SigningTest {
  readonly description: string;
  readonly bucket: string;
  readonly object?: string;
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly expiration: number;
  readonly timestamp: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly queryParameters?: Readonly<Record<string, string>>;
  readonly expectedUrl: string;
  readonly expectedStringToSign: string;
  readonly expectedCanonicalRequest: string;
}
interface PolicyTest {
  readonly description: string;
  readonly policyInput: {
    readonly bucket: string;
    readonly object: string;
    readonly expiration: number;
    readonly timestamp: string;
    readonly fields?: Readonly<Record<string, string>>;
    readonly conditions?: {
      readonly contentLengthRange?: readonly [number, number];
      readonly startsWith?: readonly string[];
    };
  };
  readonly policyOutput: {
    readonly fields: Readonly<Record<string, string>>;
    readonly expectedDecodedPolicy: string;
  };
}

const { signingV4Tests, postPolicyV4Tests } = JSON.parse(vector('gcs-v4-signatures.json')) as {
  signingV4Tests: SigningTest[];
  postPolicyV4Tests: PolicyTest[];
};
const publicKey = createPublicKey(vector('gcs-public-key.pem'));
const ACCOUNT = 'test-iam-credentials@dummy-project-id.iam.gserviceaccount.com';

/**
 * Signs with what Google published, if that is the signature of what it is asked to sign: an RSA signature of
 * this kind has one value, so ours with Google's key would be the same bytes.
 */
const published = (signature: string): BlobSigner & { readonly texts: string[] } => {
  const texts: string[] = [];
  return {
    texts,
    account: () => ACCOUNT,
    sign: async (text) => {
      texts.push(text);
      const bytes = Buffer.from(signature, 'hex');
      expect(verify('sha256', Buffer.from(text), publicKey, bytes)).toBe(true);
      return bytes;
    },
  };
};

const folded = (value: string): string => value.trim().replace(/\s+/g, ' ');

/** These contradict themselves: the port is in the URL and not in the host that was signed, or the path differs. */
const INCONSISTENT = new Set([
  'Simple GET with non-default hostname',
  'Endpoint on client with scheme',
  'Endpoint on client takes precedence over emulator',
  'Universe domain with virtual hosted style',
]);

describe("Google's vectors for signed URLs", () => {
  const consistent = signingV4Tests.filter(({ description }) => !INCONSISTENT.has(description));

  it('are all here', () => {
    expect([signingV4Tests.length, postPolicyV4Tests.length]).toEqual([29, 11]);
    expect(consistent).toHaveLength(25);
  });

  it.each(consistent.map((one) => [one.description, one] as const))('%s', async (_, test) => {
    const expected = new URL(test.expectedUrl);
    const signer = published(expected.searchParams.get('X-Goog-Signature') ?? '');
    const headers = Object.entries({ ...test.headers, host: expected.host });
    const [, path = ''] = test.expectedCanonicalRequest.split('\n');
    const url = await presignV4(
      {
        method: test.method,
        origin: expected.origin,
        path,
        query: test.queryParameters ?? {},
        headers: Object.fromEntries(
          headers.map(([name, value]) => [name.toLowerCase(), folded(value)]),
        ),
        expiresIn: test.expiration,
      },
      signer,
      new Date(test.timestamp),
    );
    expect(signer.texts).toEqual([test.expectedStringToSign]);
    expect([...new URL(url).searchParams].sort()).toEqual([...expected.searchParams].sort());
  });

  it('spell keys as ours are spelt', () => {
    for (const { object = '', expectedCanonicalRequest } of consistent) {
      const [, path = ''] = expectedCanonicalRequest.split('\n');
      expect(path.endsWith(encodeKey(object))).toBe(true);
    }
  });
});

describe("Google's vectors for forms", () => {
  it.each(postPolicyV4Tests.map((one) => [one.description, one] as const))(
    '%s',
    async (_, test) => {
      const { bucket, object: key, expiration: expiresIn, timestamp, ...input } = test.policyInput;
      const { fields: expected, expectedDecodedPolicy } = test.policyOutput;
      const { contentLengthRange: range, startsWith: start } = input.conditions ?? {};
      const signer = published(expected['x-goog-signature'] ?? '');
      const signed = await signForm(
        {
          bucket,
          key,
          fields: input.fields ?? {},
          conditions: [
            ...(start ? [['starts-with', ...start]] : []),
            ...(range ? [['content-length-range', ...range]] : []),
          ],
          expiresIn,
        },
        // Its order of conditions is not ours, where there are any; what is signed is then looked at as a set.
        input.conditions ? { ...signer, sign: async () => Buffer.from('00', 'hex') } : signer,
        new Date(timestamp),
      );
      const policy = JSON.parse(Buffer.from(signed.policy ?? '', 'base64').toString());
      const theirs = JSON.parse(expectedDecodedPolicy);
      const set = (conditions: unknown[]) => conditions.map((one) => JSON.stringify(one)).sort();
      expect(policy.expiration).toBe(theirs.expiration);
      expect(set(policy.conditions)).toEqual(set(theirs.conditions));
      if (!input.conditions) expect(signed).toEqual(expected);
    },
  );
});

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const EMAIL = 'daypass@acme-project.iam.gserviceaccount.com';
const keySigner = createKeySigner(EMAIL, createPrivateKey(pem));

const key = fc
  .string({
    unit: fc.oneof(fc.constantFrom(...` +!'()*~%&=?#:é漢😀`), fc.constantFrom(...'abcXYZ019._-/')),
    minLength: 1,
    maxLength: 40,
  })
  .filter((text) => !/^\/|\/\/|\/$|(^|\/)\.{1,2}(\/|$)/.test(text));

describe('beside @google-cloud/storage', () => {
  it('signs the same bytes, for any key, header and moment', async () => {
    // It says that the option its own manual names has been superseded.
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const storage = new Storage({
      projectId: 'acme-project',
      credentials: { client_email: EMAIL, private_key: pem },
    });
    const bucket = storage.bucket('acme-project-123');
    const moment = fc.date({
      min: new Date('2020-01-01'),
      max: new Date('2035-12-31'),
      noInvalidDate: true,
    });
    await fc.assert(
      fc.asyncProperty(
        key,
        moment,
        fc.integer({ min: 1, max: 900 }),
        fc.constantFrom('image/png', 'text/plain; charset=utf-8'),
        async (name, at, expiresIn, contentType) => {
          const now = new Date(Math.floor(at.getTime() / 1000) * 1000);
          const extension = {
            'x-goog-content-length-range': '17,17',
            'x-goog-if-generation-match': '0',
          };
          // It refuses an end that is past by its own clock.
          const clock = jest.useFakeTimers({ now, advanceTimers: true });
          try {
            const [theirs] = await bucket.file(name).getSignedUrl({
              version: 'v4',
              action: 'write',
              accessibleAt: now,
              expires: new Date(now.getTime() + expiresIn * 1000),
              contentType,
              extensionHeaders: extension,
            });
            const ours = await presignV4(
              {
                method: 'PUT',
                origin: 'https://storage.googleapis.com',
                path: `/acme-project-123/${encodeKey(name)}`,
                query: {},
                headers: {
                  'content-type': contentType,
                  ...extension,
                  host: 'storage.googleapis.com',
                },
                expiresIn,
              },
              keySigner,
              now,
            );
            const [our, their] = [new URL(ours), new URL(theirs)];
            expect([...our.searchParams].sort()).toEqual([...their.searchParams].sort());
            expect(decodeURIComponent(our.pathname)).toBe(decodeURIComponent(their.pathname));
          } finally {
            clock.useRealTimers();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('signing without a key of our own', () => {
  /** IAM, as far as it signs; `answer` may spoil that. */
  const startIam = async (answer?: { status: number; body: string }) => {
    const asked: { url: string; authorization: string | undefined }[] = [];
    const server = createServer(async (request, response) => {
      const { payload } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
      const text = Buffer.from(payload, 'base64').toString();
      const signedBlob = (await keySigner.sign(text)).toString('base64');
      response.writeHead(answer?.status ?? 200);
      response.end(answer?.body ?? JSON.stringify({ signedBlob }));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const signer = createIamSigner({
      account: async () => EMAIL,
      call: createCall(async () => 'Bearer ambient'),
      endpoint,
    });
    return { asked, signer, stop: () => void server.close() };
  };
  const request = {
    method: 'GET',
    origin: 'https://storage.googleapis.com',
    path: '/acme-project-123/a',
    query: {},
    headers: { host: 'storage.googleapis.com' },
    expiresIn: 60,
  } as const;

  it('asks IAM once for each URL, which then holds as any other does', async () => {
    const iam = await startIam();
    const now = new Date();
    const url = new URL(await presignV4(request, iam.signer, now));
    const sent = { method: 'GET', headers: { host: url.host } };
    const target = url.pathname + url.search;
    expect(() => mustBeSigned({ ...sent, url: target }, pair.publicKey)).not.toThrow();
    const moved = target.replace('/a?', '/b?');
    expect(() => mustBeSigned({ ...sent, url: moved }, pair.publicKey)).toThrow('Signature');
    await presignV4(request, iam.signer, now);
    expect(iam.asked).toEqual(
      Array(2).fill({
        url: `/v1/projects/-/serviceAccounts/${encodeURIComponent(EMAIL)}:signBlob`,
        authorization: 'Bearer ambient',
      }),
    );
    iam.stop();
  });

  it.each([
    ['says no', { status: 403, body: '{}' }],
    ['answers nonsense', { status: 200, body: 'hello' }],
    ['answers nothing', { status: 200, body: '{}' }],
  ])('is 503 where IAM %s', async (_, answer) => {
    const iam = await startIam(answer);
    await expect(iam.signer.sign('text')).rejects.toMatchObject({ status: 503 });
    iam.stop();
  });

  it('is 503 where IAM is not there', async () => {
    const iam = await startIam();
    iam.stop();
    await expect(iam.signer.sign('text')).rejects.toMatchObject({ status: 503 });
  });
});
