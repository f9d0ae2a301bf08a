import { describe, expect, it } from '@jest/globals';
import { awsCredentials } from '../../../src/compose/aws-credentials.ts';
import {
  createComplaint,
  missingVariableOf,
  notSet,
} from '../../../src/compose/missing-variable.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';

const complaints = () => {
  const lines: unknown[][] = [];
  let time = 0;
  const warn = (...line: unknown[]) => void lines.push(line);
  const complain = createComplaint({ warn } as never, () => time);
  return {
    lines,
    complain,
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
  };
};

describe('a variable that a bucket names and nobody has set', () => {
  const names = { access_key_id_env: 'S3_KEY_ID', secret_access_key_env: 'S3_SECRET' };

  it('is what its use fails of, with the bucket', () => {
    const use = () => awsCredentials(names, () => undefined, 'photos');
    expect(use).toThrow(expect.objectContaining({ code: 'temporarily_unavailable' }));
    try {
      use();
    } catch (error) {
      const wrapped = unavailable('storage head failed', error);
      expect(missingVariableOf(wrapped)).toMatchObject({ bucket: 'photos', variable: 'S3_KEY_ID' });
    }
    expect.assertions(2);
  });

  it('is said once a minute, without a stack, and each by itself', () => {
    const { lines, complain, pass } = complaints();
    const line = (bucket: string) => [{ bucket, variable: 'S3_KEY_ID' }, expect.any(String)];
    for (const bucket of ['photos', 'photos', 'films']) complain(notSet('S3_KEY_ID', bucket));
    expect(lines).toEqual([line('photos'), line('films')]);
    pass(59_999);
    complain(notSet('S3_KEY_ID', 'photos'));
    expect(lines).toHaveLength(2);
    pass(1);
    complain(notSet('S3_KEY_ID', 'photos'));
    expect(lines.slice(2)).toEqual([line('photos')]);
  });

  it('hides no other failure', () => {
    const { lines, complain } = complaints();
    const err = new Error('another');
    complain(err);
    complain(err);
    expect(lines).toEqual([
      [{ err }, expect.any(String)],
      [{ err }, expect.any(String)],
    ]);
  });
});
