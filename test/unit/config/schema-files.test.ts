import { describe, expect, it } from '@jest/globals';
import type { DeploymentDocument } from '../../../src/config/deployment/schema.ts';
import { ConfigurationError } from '../../../src/config/problem.ts';
import { withSchemaFiles } from '../../../src/config/schema-files.ts';

const FILES: Readonly<Record<string, string>> = {
  'orders.json': '{ "type": "object" }',
  'list.json': '[]',
  'torn.json': '{ "type": ',
};

const read = (name: string): string => {
  const text = FILES[name];
  if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  return text;
};

const documentWith = (...schemas: object[]): DeploymentDocument =>
  ({
    tenants: [{ id: 'acme' }],
    buckets: schemas.map((schema, at) => ({ id: `b${at}`, validate: { sniff: true, schema } })),
  }) as unknown as DeploymentDocument;

describe('a schema that a configuration names by its file', () => {
  it('becomes part of it, beside those that are written out, and nothing else changes', () => {
    const written = { type: 'array' };
    const document = documentWith({ 'text/csv': 'orders.json', 'application/json': written });
    expect(withSchemaFiles(document, read, 'daypass.yaml')).toEqual(
      documentWith({ 'text/csv': { type: 'object' }, 'application/json': written }),
    );
  });

  it('is reported with all others that cannot be used, each with its place', () => {
    const document = documentWith(
      { 'text/csv': 'missing.json' },
      { 'text/csv': 'list.json', 'application/json': 'torn.json' },
    );
    let thrown: unknown;
    try {
      withSchemaFiles(document, read, 'daypass.yaml');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect((thrown as ConfigurationError).problems).toMatchObject([
      { path: 'buckets[0].validate.schema.text/csv', message: expect.stringContaining('ENOENT') },
      {
        path: 'buckets[1].validate.schema.text/csv',
        message: expect.stringContaining('no JSON object'),
      },
      { path: 'buckets[1].validate.schema.application/json', rule: 'schema_file' },
    ]);
  });

  it('is looked for nowhere where there are no buckets, or none that names one', () => {
    const never = (): string => {
      throw new Error('nothing is to be read');
    };
    const bare = { tenants: [] } as unknown as DeploymentDocument;
    expect(withSchemaFiles(bare, never, 'x')).toBe(bare);
    const plain = {
      buckets: [{ id: 'b' }, { id: 'c', validate: {} }],
    } as unknown as DeploymentDocument;
    expect(withSchemaFiles(plain, never, 'x')).toEqual(plain);
  });
});
