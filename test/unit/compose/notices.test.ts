import { describe, expect, it } from '@jest/globals';
import { noticesOf } from '../../../src/compose/configuration.ts';

const bucket = { id: 'b', tenant: 'acme', bucket: 'acme', region: 'eu-west-1' } as const;
const credentials = { access_key_id_env: 'A', secret_access_key_env: 'B' };

describe('what is said of the configuration at start', () => {
  it('calls a standing key by its name, and not a setting without effect', () => {
    const said = noticesOf({ buckets: [{ ...bucket, provider: 's3', credentials }] });
    expect(said).toEqual([
      {
        notice: expect.objectContaining({ field: 'buckets[0].credentials.access_key_id_env' }),
        text: 'a bucket is opened by a key that has no end',
      },
    ]);
  });

  it('tells of a schema that nobody has read', () => {
    const validate = { schema: { 'text/csv': 'report.json' } };
    const said = noticesOf({ buckets: [{ id: 'b', tenant: 'acme', provider: 'local', validate }] });
    expect(said.map(({ text }) => text)).toEqual([
      'a setting does not do what it says in this release',
    ]);
  });
});
