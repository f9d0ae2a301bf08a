import { createSecretKey } from 'node:crypto';
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type UserDelegationKey,
} from '@azure/storage-blob';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type SasKey, type SasRequest, signSas } from '../../../src/storage/azure/sas.ts';

const ACCOUNT = 'acmestorage';
const CONTAINER = 'acme-project-123';
const VALUE = Buffer.alloc(64, 7).toString('base64');
const secret = createSecretKey(Buffer.from(VALUE, 'base64'));

const moment = fc.date({
  min: new Date('2000-01-01'),
  max: new Date('2099-12-31'),
  noInvalidDate: true,
});
const key = fc
  .string({
    unit: fc.oneof(fc.constantFrom(...` +!'()*~%&=?#:/é漢😀`), fc.constantFrom(...'abcXYZ019._-')),
    minLength: 1,
    maxLength: 40,
  })
  .filter((text) => text.trim() !== '');
const response = fc.record(
  {
    cacheControl: fc.constant('no-store'),
    contentDisposition: fc
      .stringMatching(/^[A-Za-z0-9._-]{1,40}$/)
      .map((name) => `attachment; filename="${name}"`),
    contentType: fc.constantFrom('image/png', 'text/plain; charset=utf-8', 'application/x+y'),
  },
  { requiredKeys: ['cacheControl', 'contentDisposition'] },
);
const common = {
  permission: fc.constantFrom('c' as const, 'r' as const),
  key,
  startsOn: moment,
  expiresOn: moment,
  protocol: fc.constantFrom('https' as const, 'https,http' as const),
};

const delegation = fc.record({
  objectId: fc.uuid(),
  tenantId: fc.uuid(),
  startsOn: moment,
  expiresOn: moment,
  service: fc.constant('b'),
  version: fc.constantFrom('2023-11-03', '2026-04-06'),
});

/** The same, as the SDK is told it. */
const bySdk = (
  { permission, startsOn, expiresOn, protocol, ...more }: Omit<SasRequest, 'canonicalName'>,
  blobName: string,
) => ({
  containerName: CONTAINER,
  blobName,
  permissions: BlobSASPermissions.parse(permission),
  startsOn,
  expiresOn,
  protocol: protocol === 'https' ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
  version: more.requestHeaders === undefined ? '2023-11-03' : '2026-04-06',
  ...(more.correlationId === undefined ? {} : { correlationId: more.correlationId }),
  ...(more.requestHeaders === undefined ? {} : { requestHeaders: { ...more.requestHeaders } }),
  ...more.response,
});

const sorted = (query: string): string[] => query.split('&').sort();
/** The SDK leaves `!'()*` as they are; encoded they are the same parameter. */
const strictly = (query: string): string =>
  query.replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

describe('a shared access signature', () => {
  it('has the bytes of the SDK, signed with an account key', () => {
    const credential = new StorageSharedKeyCredential(ACCOUNT, VALUE);
    fc.assert(
      fc.property(
        fc.record(
          { ...common, response },
          { requiredKeys: ['permission', 'key', 'startsOn', 'expiresOn', 'protocol'] },
        ),
        ({ key: blob, ...request }) => {
          const ours = signSas(
            { ...request, canonicalName: `/blob/${ACCOUNT}/${CONTAINER}/${blob}` },
            { secret },
          );
          const theirs = generateBlobSASQueryParameters(bySdk(request, blob), credential);
          expect(sorted(ours)).toEqual(sorted(strictly(theirs.toString())));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has the bytes of the SDK, signed with a user delegation key', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            ...common,
            response,
            correlationId: fc.uuid(),
            requestHeaders: fc.constantFrom(
              { 'if-none-match': '*' },
              { 'if-none-match': '*', 'x-ms-blob-content-type': 'image/png' },
            ),
          },
          { requiredKeys: ['permission', 'key', 'startsOn', 'expiresOn', 'protocol'] },
        ),
        delegation,
        ({ key: blob, ...request }, said) => {
          const sasKey: SasKey = { secret, delegation: said };
          const ours = signSas(
            { ...request, canonicalName: `/blob/${ACCOUNT}/${CONTAINER}/${blob}` },
            sasKey,
          );
          const issued: UserDelegationKey = {
            signedObjectId: said.objectId,
            signedTenantId: said.tenantId,
            signedStartsOn: said.startsOn,
            signedExpiresOn: said.expiresOn,
            signedService: said.service,
            signedVersion: said.version,
            value: VALUE,
          };
          const theirs = generateBlobSASQueryParameters(bySdk(request, blob), issued, ACCOUNT);
          expect(sorted(ours)).toEqual(sorted(strictly(theirs.toString())));
        },
      ),
      { numRuns: 500 },
    );
  });
});
