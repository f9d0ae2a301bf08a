import { describe, expect, it } from '@jest/globals';
import { loadBundle } from '../../../../src/policy/cedar/bundle.ts';
import { createCedarEngine } from '../../../../src/policy/cedar/cedar-engine.ts';
import type { Question } from '../../../../src/policy/engine.ts';
import { handmade, POLICIES, upload } from '../questions.ts';

const PERMIT = 'permit (principal, action, resource);';
const FORBID = 'forbid (principal, action, resource);';

const engine = createCedarEngine(loadBundle(POLICIES));
const { object } = upload;

describe('the Cedar engine', () => {
  it('permits, naming the policy', () => {
    expect(engine.decide(upload)).toEqual({ effect: 'permit', policies: ['permit_upload'] });
  });

  it('refuses with the reason, remedy and field its policy is annotated with', () => {
    expect(engine.decide({ ...upload, actors: 4 })).toEqual({
      effect: 'deny',
      policies: ['actor_chain'],
      violations: [
        {
          field: 'actor_token',
          rule: 'actor_chain',
          message:
            'more actors stand between the person and this request than the deployment allows',
          remedy: "exchange a token nearer to the person's own",
        },
      ],
    });
  });

  it('names every forbid that matches, in the order of the bundle', () => {
    const texts = Array.from({ length: 12 }, () => FORBID);
    const decision = createCedarEngine(handmade(...texts)).decide(upload);
    expect(decision).toMatchObject({ policies: texts.map((_, index) => `p${index}`) });
  });

  it('gives a reason even where no policy has one', () => {
    expect(createCedarEngine(handmade()).decide(upload)).toMatchObject({
      effect: 'deny',
      policies: [],
      violations: [{ rule: 'no_policy_permits' }],
    });
  });

  it('refuses where a forbid fails to evaluate, which Cedar would skip and permit', () => {
    const failing = 'forbid (principal, action, resource) when { context.nowhere == 1 };';
    expect(createCedarEngine(handmade(PERMIT, failing)).decide(upload)).toMatchObject({
      effect: 'error',
      detail: expect.stringContaining('p1'),
    });
  });

  it('keeps two engines apart, though Cedar has one cache for both', () => {
    const open = createCedarEngine(handmade(PERMIT));
    const closed = createCedarEngine(handmade(FORBID));
    const effects = [open, closed, open, closed].map((one) => one.decide(upload).effect);
    expect(effects).toEqual(['permit', 'deny', 'permit', 'deny']);
  });

  it('refuses to start with policies Cedar cannot read', () => {
    expect(() => createCedarEngine(handmade('permit'))).toThrow();
  });

  it('sees attributes under any name, also those Cedar uses itself', () => {
    const tagged = createCedarEngine(
      handmade(
        'permit (principal, action, resource) when { principal.getTag("__extn").contains("a") };',
      ),
    );
    const user = { ...upload.user!, attributes: { __extn: ['a', 'b'], __entity: 'c' } };
    expect(tagged.decide({ ...upload, user })).toMatchObject({ effect: 'permit' });
  });

  const malformed: readonly [string, object][] = [
    ['an unknown action', { action: 'format' }],
    ['an action named like a property', { action: 'constructor' }],
    ['an unknown kind of resource', { resource: { ...upload.resource, kind: 'queue' } }],
    ['a kind named like a property', { resource: { ...upload.resource, kind: 'toString' } }],
    ['an unknown class', { resource: { ...upload.resource, classification: 'Restricted' } }],
    ['an unknown type of app', { app: { ...upload.app, type: 'desktop' } }],
    ['a size that is negative', { object: { ...object, size: -1 } }],
    ['a size that is no whole number', { object: { ...object, size: 1.5 } }],
    ['a size that is a text', { object: { ...object, size: '1' } }],
    ['a size that is null', { object: { ...object, size: null } }],
    ['no life', { ttl: Number.NaN }],
    ['an endless life', { ttl: Number.POSITIVE_INFINITY }],
    ['a life beyond counting', { ttl: 2 ** 53 }],
    ['a binding that is a text', { bound: 'false' }],
    ['a list that is a set', { actions: new Set(['write']) }],
    ['an action that is an entity', { actions: [{ __entity: { type: 'User', id: 'u' } }] }],
    ['a user id that is an object', { user: { ...upload.user, id: {} } }],
    ['half a character', { object: { ...object, contentType: 'a/\ud800' } }],
    ['a path that climbs', { object: { ...object, key: '/where2eat/u_ana/../u_sam/a.png' } }],
    ['a path that stands still', { object: { ...object, key: '/where2eat/./u_ana/a.png' } }],
    ['a path that ends climbing', { object: { ...object, key: '/where2eat/u_ana/..' } }],
    ['an empty segment', { object: { ...object, key: '/where2eat//u_ana/a.png' } }],
    ['a backslash', { object: { ...object, key: '/where2eat/u_ana\\a.png' } }],
    ['a control character', { object: { ...object, key: '/where2eat/u_ana/a\0.png' } }],
    ['a path not in NFC', { object: { ...object, key: '/where2eat/u_ana/e\u0301.png' } }],
    ['a granted prefix that climbs', { grant: { ...upload.grant, prefix: '/a/../' } }],
    ['a prefix that does not start at the root', { constraints: { prefix: 'where2eat/' } }],
    ['nothing of the app', { app: undefined }],
  ];

  it.each(malformed)('refuses, and does not throw, on %s', (_, change) => {
    const question = { ...upload, ...change } as Question;
    expect(engine.decide(question).effect).toBe('error');
  });

  it('refuses, and does not throw, on no question', () => {
    expect(engine.decide(undefined as unknown as Question).effect).toBe('error');
  });
});
