import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sections } from '../../../src/config/deployment/schema.ts';
import { deploymentFromObject } from '../../../src/config/deployment.ts';
import { junkFor, NOT_OURS } from '../../support/junk.ts';
import { OPTIONS, problemsOf } from './deployment-fixture.ts';

describe('whatever stands in the configuration', () => {
  it.each(Object.entries(sections))(
    'as %s is taken, or reported by place, rule, message and remedy of ours',
    (name, schema) => {
      fc.assert(
        fc.property(junkFor(schema), (value) => {
          const problems = problemsOf(() => deploymentFromObject({ [name]: value }, OPTIONS));
          for (const { path, rule, message, remedy } of problems) {
            expect(path).not.toBe('');
            expect(rule).toMatch(/^[a-z][a-z0-9_]*$/);
            expect(message).not.toMatch(NOT_OURS);
            expect(remedy).not.toMatch(NOT_OURS);
          }
        }),
        { numRuns: 15 },
      );
    },
  );
});
