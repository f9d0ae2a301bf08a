import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type UserDelegationKey,
} from '@azure/storage-blob';
import { Storage } from '@google-cloud/storage';
import { locate } from '../src/storage/azure/location.ts';
import { createPresigner } from '../src/storage/azure/presigner.ts';
import { createGcsStore } from '../src/storage/gcs/gcs-store.ts';
import type { GetGrant, PutGrant } from '../src/storage/object-store.ts';

export type Presign = (key: string, now: Date) => unknown;
/** Its title, and that of what the SDK takes for the same. */
export type NamedPresign = readonly [title: string, presign: Presign, beside?: string];
type Named = readonly NamedPresign[];

export interface Grants {
  readonly put: (key: string) => PutGrant;
  readonly get: (key: string) => GetGrant;
}

const BUCKET = 'acme-project-123';
const ACCOUNT = 'acmestorage';
const AZURE_SDK = '@azure/storage-blob SAS PUT';
const GCS_SDK = '@google-cloud/storage getSignedUrl PUT';

/** By user delegation, the key at hand, as it is but once in hours. */
export const azurePresigns = ({ put, get }: Grants): Named => {
  const value = Buffer.alloc(32, 7);
  const [startsOn, expiresOn] = [new Date('2026-01-01'), new Date('2099-01-01')];
  const [objectId, tenantId] = [
    'b6f3c7a0-0000-4000-8000-000000000001',
    'b6f3c7a0-0000-4000-8000-000000000002',
  ];
  const delegation = {
    objectId,
    tenantId,
    startsOn,
    expiresOn,
    service: 'b',
    version: '2023-11-03',
  };
  const secret = createSecretKey(value);
  const azure = createPresigner({
    location: locate({ account: ACCOUNT, bucket: BUCKET }),
    pinHeaders: false,
    keyUntil: () => ({ secret, delegation }),
  });
  const issued: UserDelegationKey = {
    signedObjectId: objectId,
    signedTenantId: tenantId,
    signedStartsOn: startsOn,
    signedExpiresOn: expiresOn,
    signedService: 'b',
    signedVersion: '2023-11-03',
    value: value.toString('base64'),
  };
  const bySdk = (key: string, now: Date) =>
    generateBlobSASQueryParameters(
      {
        containerName: BUCKET,
        blobName: key,
        permissions: BlobSASPermissions.parse('c'),
        startsOn: now,
        expiresOn: new Date(now.getTime() + 300_000),
        protocol: SASProtocol.Https,
        version: '2023-11-03',
      },
      issued,
      ACCOUNT,
    ).toString();
  return [
    ['azure PUT', (key, now) => azure.presignPut(put(key), now), AZURE_SDK],
    ['azure GET', (key, now) => azure.presignGet(get(key), now)],
    [AZURE_SDK, bySdk],
  ];
};

/** With a key at hand: signing by IAM is a call across the network, and no matter of cores. */
export const gcsPresigns = ({ put, get }: Grants): Named => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const credentials = {
    client_email: 'daypass@acme-project.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  const json = JSON.stringify(credentials);
  const gcs = createGcsStore({
    bucket: BUCKET,
    credentials: { kind: 'service_account', json: () => json },
  });
  const sdk = new Storage({ projectId: 'acme-project', credentials }).bucket(BUCKET);
  const bySdk: Presign = (key, now) =>
    sdk.file(key).getSignedUrl({
      version: 'v4',
      action: 'write',
      expires: now.getTime() + 300_000,
      contentType: 'image/png',
      extensionHeaders: {
        'x-goog-content-length-range': '482113,482113',
        'x-goog-if-generation-match': '0',
      },
    });
  return [
    ['gcs PUT', (key, now) => gcs.presignPut(put(key), now), GCS_SDK],
    ['gcs GET', (key, now) => gcs.presignGet(get(key), now)],
    [GCS_SDK, bySdk],
  ];
};
