import { describe, expect, it } from '@jest/globals';
import { loadBundle } from '../../../src/policy/cedar/bundle.ts';
import { createCedarEngine } from '../../../src/policy/cedar/cedar-engine.ts';
import { mustPermit } from '../../../src/policy/engine.ts';
import { explain } from '../../../src/policy/explain.ts';
import { POLICIES, upload } from './questions.ts';

const engine = createCedarEngine(loadBundle(POLICIES));

describe('explain', () => {
  it('says what was asked and which policies permit it', () => {
    expect(explain(engine, upload)).toEqual([
      'upload (write) on bucket:project-123/where2eat/u_ana/a.png by u_ana through where2eat',
      'permit: permit_upload',
      `policies ${engine.digest}`,
    ]);
  });

  it('says for a refusal which field broke which rule, why, and what would help', () => {
    const { user: _, object: __, ...rest } = upload;
    const lines = explain(engine, { ...rest, action: 'exchange' });
    expect(lines).toEqual([
      'exchange (write) on bucket:project-123 by where2eat alone',
      'deny',
      '  person_behind_app (subject_token): an app that people run acts for a person, and nobody is signed in',
      '    to fix it: present the ID token of a signed-in person as the subject',
      `policies ${engine.digest}`,
    ]);
  });

  it('says that an error is a refusal', () => {
    expect(explain(engine, { ...upload, ttl: -1 })[1]).toMatch(/^error, hence refused: /);
  });

  it('shows a cloud key and a path alike', () => {
    const object = { key: 'where2eat/u_ana/a.png' };
    expect(explain(engine, { ...upload, object })[0]).toContain('project-123/where2eat/');
  });
});

describe('mustPermit', () => {
  it('answers the policies of a permit', () => {
    expect(mustPermit({ effect: 'permit', policies: ['a'] })).toEqual(['a']);
  });

  it('refuses with the violations of a denial', () => {
    const decision = engine.decide({ ...upload, actors: 4 });
    expect(() => mustPermit(decision)).toThrow(
      expect.objectContaining({
        code: 'access_denied',
        status: 403,
        violations: [expect.objectContaining({ rule: 'actor_chain' })],
      }),
    );
  });

  it('is unavailable where the engine could not answer', () => {
    expect(() => mustPermit({ effect: 'error', detail: 'why' })).toThrow(
      expect.objectContaining({ code: 'temporarily_unavailable', detail: 'policy: why' }),
    );
  });
});
