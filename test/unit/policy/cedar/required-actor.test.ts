import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadBundle } from '../../../../src/policy/cedar/bundle.ts';
import { createCedarEngine } from '../../../../src/policy/cedar/cedar-engine.ts';
import type { Question } from '../../../../src/policy/engine.ts';

const POLICIES = join(import.meta.dirname, '../../../../policies');

/** What a deployment adds: a service that handles people's data acts in its own name. */
const REQUIRED = `
@id("support_acts_as_itself")
@reason("support works for people under its own name")
@remediation("present the token of whoever acts as actor_token (RFC 8693)")
@field("actor_token")
forbid (
  principal is Daypass::User,
  action == Daypass::Action::"exchange",
  resource
)
when { context.app.id == "support" }
unless { context has actor && context.actor.kind == Daypass::ActorKind::"person" };
`;

const folder = mkdtempSync(join(tmpdir(), 'daypass-policy-'));
writeFileSync(join(folder, 'support.cedar'), REQUIRED.trimStart());
const engine = createCedarEngine(loadBundle([POLICIES, folder]));

const question: Question = {
  action: 'exchange',
  user: { id: 'u_ana', tenant: 'acme', issuer: 'corp', attributes: {} },
  app: { id: 'support', tenant: 'acme', type: 'service', owner: 'dana@acme.example' },
  resource: { id: 'https://orders.acme.example', kind: 'api', tenant: 'acme' },
  actions: ['orders:read'],
  constraints: {},
  grant: { actions: ['orders:read'] },
  ttl: 300,
  ttlCeiling: 3600,
  bound: true,
  actors: 0,
};
const by = (kind: 'person' | 'service'): Question => ({
  ...question,
  actors: 1,
  actor: { issuer: 'https://sso.acme.example', subject: 'bob', tenant: 'acme', kind },
});

describe('a policy that requires an actor', () => {
  it('T11 refuses an exchange without one, and one by another kind of actor', () => {
    for (const refused of [question, by('service')]) {
      expect(engine.decide(refused)).toMatchObject({
        effect: 'deny',
        violations: [{ field: 'actor_token', rule: 'support_acts_as_itself' }],
      });
    }
  });

  it('permits it with the actor it asks for, and leaves other apps alone', () => {
    const other = { ...question, app: { ...question.app, id: 'reports' } };
    for (const permitted of [by('person'), other]) {
      expect(engine.decide(permitted).effect).toBe('permit');
    }
  });
});
