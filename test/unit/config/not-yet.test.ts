import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { demoDeployment } from '../../../src/config/demo-deployment.ts';
import { type DeploymentDocument, readDeployment } from '../../../src/config/deployment.ts';
import { notYet } from '../../../src/config/not-yet.ts';
import { withSchemaFiles } from '../../../src/config/schema-files.ts';

const fieldsOf = (document: DeploymentDocument): readonly string[] =>
  notYet(document).map(({ field }) => field);

const app = {
  id: 'a',
  tenant: 'acme',
  owner: 'o',
  purpose: 'p',
  expires: '2099-01-01',
  type: 'service',
} as const;
const bucket = { id: 'b', tenant: 'acme' };
const s3 = { ...bucket, provider: 's3', bucket: 'acme', region: 'eu-west-1' } as const;

describe('what a configuration asks for beyond this release', () => {
  it.each<[string, DeploymentDocument]>([
    [
      'buckets[0].validate.schema.text/csv',
      { buckets: [{ ...s3, validate: { schema: { 'text/csv': 'a' } } }] },
    ],
  ])('is named: %s', (field, document) => {
    expect(fieldsOf(document)).toEqual([field]);
  });

  it('is in the example of the contract, which loads all the same', () => {
    const path = join(import.meta.dirname, 'fixtures/contract-example.txt');
    const { document } = readDeployment(readFileSync(path, 'utf8'), {
      production: false,
      now: new Date('2026-11-01T00:00:00Z'),
      source: 'the contract',
    });
    // Until its file is read with it.
    expect(fieldsOf(document)).toEqual(['buckets[0].validate.schema.text/csv']);
    const read = withSchemaFiles(document, () => '{ "type": "object" }', 'the contract');
    expect(fieldsOf(read)).toEqual([]);
  });

  it('is not in the demo, nor in settings left out', () => {
    const now = new Date('2026-11-01T00:00:00Z');
    const demo = demoDeployment('http://localhost:8081', { now, nightlySecretHash: 'sha256:0' });
    expect(fieldsOf(demo)).toEqual([]);
    expect(fieldsOf({ apps: [{ ...app, tls_client_auth: { san_dns: 'a.b' } }] })).toEqual([]);
    expect(fieldsOf({ limits: {}, apps: [app], buckets: [{ ...s3, validate: {} }] })).toEqual([]);
  });
});
