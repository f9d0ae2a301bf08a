import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { locate } from '../../src/storage/azure/location.ts';
import { createPresigner } from '../../src/storage/azure/presigner.ts';
import { createGcsStore } from '../../src/storage/gcs/gcs-store.ts';
import { createLocalStore } from '../../src/storage/local/local-store.ts';
import type { GetGrant, ObjectStore, PutGrant } from '../../src/storage/object-store.ts';
import { createS3Store } from '../../src/storage/s3/s3-store.ts';

/**
 * Signed URLs, read back by nothing but a URL parser: the key is the one that was decided, nothing else is
 * allowed by them, and they end when they should (S01, S07). The same grants for each provider; SEED repeats them.
 */
const GRANTS = Number(process.env.GRANTS ?? 10_000);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const BUCKET = 'acme-project-123';

/** What a signed URL says of itself. */
interface Reading {
  readonly origin: string;
  readonly key: string;
  /** Epoch milliseconds. */
  readonly ends: number;
  readonly permissions: string;
  /** Names of the parameters, sorted. */
  readonly names: readonly string[];
}

const character = fc.oneof(
  fc.constantFrom(...` +!'()*~%&=?#:;,@$"<>[]^|{}äéñ漢😀`),
  fc.constantFrom(...'abcXYZ019._-'),
);
const segment = fc
  .string({ unit: character, minLength: 1, maxLength: 12 })
  .map((text) => text.normalize('NFC'))
  .filter((text) => !/^\.{1,2}$/.test(text));
const key = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const expiresIn = fc.integer({ min: 1, max: 900 });
const put: fc.Arbitrary<PutGrant> = fc.record(
  {
    key,
    size: fc.integer({ min: 0, max: 5_000_000_000 }),
    contentType: fc.constantFrom('image/png', 'application/pdf', 'text/csv; charset=utf-8'),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    expiresIn,
    correlationId: fc.uuid(),
  },
  { requiredKeys: ['key', 'size', 'contentType', 'expiresIn'] },
);
const get: fc.Arbitrary<GetGrant> = fc.record(
  {
    key,
    expiresIn,
    fileName: fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,40}$/),
    contentType: fc.constantFrom('image/png', 'application/octet-stream'),
  },
  { requiredKeys: ['key', 'expiresIn', 'fileName'] },
);
const moment = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2090-12-31'), noInvalidDate: true })
  .map((at) => new Date(Math.floor(at.getTime() / 1000) * 1000));

const keyAfter = (url: URL, prefix: string): string => {
  if (!url.pathname.startsWith(prefix)) throw new Error(`not below ${prefix}: ${url.pathname}`);
  return decodeURIComponent(url.pathname.slice(prefix.length));
};
const basic = (text: string | null): number =>
  Date.parse(
    (text ?? '').replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
const namesOf = ({ searchParams }: URL): string[] => [...searchParams.keys()].sort();

interface Provider {
  readonly store: Pick<ObjectStore, 'presignPut' | 'presignGet'>;
  read(url: URL): Reading;
  readonly put: { readonly permissions: string; readonly names: RegExp };
  readonly get: { readonly permissions: string; readonly names: RegExp };
}

// Half of what Google has: nothing here is verified, and signing ten thousand times takes a quarter as long.
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
const serviceAccount = JSON.stringify({
  client_email: 'daypass@acme-project.iam.gserviceaccount.com',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
});

const v4 =
  (vendor: 'Amz' | 'Goog', prefix: string) =>
  (url: URL): Reading => {
    const query = url.searchParams;
    return {
      origin: url.origin,
      key: keyAfter(url, prefix),
      ends: basic(query.get(`X-${vendor}-Date`)) + Number(query.get(`X-${vendor}-Expires`)) * 1000,
      permissions: query.get(`X-${vendor}-SignedHeaders`) ?? '',
      names: namesOf(url),
    };
  };

/** By user delegation, as it is unless somebody chooses otherwise. */
const azure: Provider = {
  store: createPresigner({
    location: locate({ account: 'acmestorage', bucket: BUCKET }),
    pinHeaders: false,
    keyUntil: () => ({
      secret: createSecretKey(Buffer.alloc(64, 7)),
      delegation: {
        objectId: '9f9e9d9c-0000-4000-8000-000000000002',
        tenantId: '9f9e9d9c-0000-4000-8000-000000000001',
        startsOn: new Date('2020-01-01'),
        expiresOn: new Date('2099-01-01'),
        service: 'b',
        version: '2023-11-03',
      },
    }),
  }),
  read: (url) => {
    const query = url.searchParams;
    // One blob, https alone. Account, container list and stored policies would be other names.
    const place = `${query.get('sr')} ${query.get('spr')} ${query.get('sp')}`;
    return {
      origin: url.origin,
      key: keyAfter(url, `/${BUCKET}/`),
      ends: Date.parse(query.get('se') ?? ''),
      permissions: place,
      names: namesOf(url),
    };
  },
  put: {
    permissions: 'b https c',
    names: /^(scid|se|sig|sp|spr|sr|st|sv|ske|skoid|sks|skt|sktid|skv)$/,
  },
  get: {
    permissions: 'b https r',
    names: /^(rscc|rscd|rsct|se|sig|sp|spr|sr|st|sv|ske|skoid|sks|skt|sktid|skv)$/,
  },
};

const PROVIDERS: Readonly<Record<string, Provider>> = {
  local: {
    store: createLocalStore({
      root: '/nonexistent',
      bucket: BUCKET,
      baseUrl: 'https://content.example/local',
      secret: Buffer.alloc(32, 7),
    }),
    read: (url) => ({
      origin: url.origin,
      key: keyAfter(url, `/local/${BUCKET}/`),
      ends: Number(url.searchParams.get('expires')) * 1000,
      permissions: '',
      names: namesOf(url),
    }),
    put: { permissions: '', names: /^(expires|sha256|signature|size|type)$/ },
    get: { permissions: '', names: /^(expires|name|signature|type)$/ },
  },
  s3: {
    store: createS3Store({
      bucket: BUCKET,
      region: 'eu-west-1',
      credentials: () => ({ accessKeyId: 'AKID', secretAccessKey: 'secret' }),
    }),
    read: v4('Amz', '/'),
    put: {
      permissions: 'content-length;content-type;host;if-none-match',
      names:
        /^X-Amz-(Algorithm|Content-Sha256|Credential|Date|Expires|Signature|SignedHeaders)$|^x-id$/,
    },
    get: {
      permissions: 'host',
      names:
        /^X-Amz-(Algorithm|Content-Sha256|Credential|Date|Expires|Signature|SignedHeaders)$|^x-id$|^response-(cache-control|content-disposition|content-type)$/,
    },
  },
  azure,
  gcs: {
    store: createGcsStore({
      bucket: BUCKET,
      credentials: { kind: 'service_account', json: () => serviceAccount },
    }),
    read: v4('Goog', `/${BUCKET}/`),
    put: {
      permissions: 'content-type;host;x-goog-content-length-range;x-goog-if-generation-match',
      names: /^X-Goog-(Algorithm|Credential|Date|Expires|Signature|SignedHeaders)$/,
    },
    get: {
      permissions: 'host',
      names:
        /^X-Goog-(Algorithm|Credential|Date|Expires|Signature|SignedHeaders)$|^response-content-(disposition|type)$/,
    },
  },
};

const ORIGINS: Readonly<Record<string, string>> = {
  local: 'https://content.example',
  s3: `https://${BUCKET}.s3.eu-west-1.amazonaws.com`,
  azure: 'https://acmestorage.blob.core.windows.net',
  gcs: 'https://storage.googleapis.com',
};

let grants: readonly (readonly [PutGrant, GetGrant, Date])[];
beforeAll(() => {
  grants = fc.sample(fc.tuple(put, get, moment), { numRuns: GRANTS / 2, seed: SEED });
});

describe.each(Object.entries(PROVIDERS))('what %s signs', (name, provider) => {
  const mustSay = (
    url: string,
    { key: decided, expiresIn: life }: { readonly key: string; readonly expiresIn: number },
    now: Date,
    { permissions, names }: Provider['put'],
  ): void => {
    const parsed = new URL(url);
    const said = provider.read(parsed);
    const wider = said.names.filter((one) => !names.test(one));
    const expected = [ORIGINS[name], decided, now.getTime() + life * 1000, [], ''];
    const more =
      said.permissions.replace(/;x-amz-checksum-sha256$/, '') === permissions
        ? ''
        : said.permissions;
    const found = [said.origin, said.key, said.ends, wider, more, new Set(said.names).size];
    const wanted = [...expected, said.names.length];
    // Jest's own comparison takes longer than all the rest.
    if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found).toEqual(wanted);
    const start = Date.parse(parsed.searchParams.get('st') ?? now.toISOString());
    if (now.getTime() - start > 300_000) throw new Error(`begins too early: ${url}`);
  };

  it(`is what was decided, for ${GRANTS} grants`, async () => {
    for (const [upload, download, now] of grants) {
      const sign = async (): Promise<void> => {
        const written = await provider.store.presignPut(upload, now);
        mustSay(written.url, upload, now, provider.put);
        const read = await provider.store.presignGet(download, now);
        mustSay(read.url, download, now, provider.get);
      };
      await sign().catch((error: unknown) => {
        const which = JSON.stringify({ upload, download, now });
        throw new Error(`with SEED=${SEED}: ${which}`, { cause: error });
      });
    }
  }, 120_000);
});
