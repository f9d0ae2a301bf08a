import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BUCKET, ORDERS, openTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

let endpoint: TokenEndpoint;
let prefix: string;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
  const { body } = await endpoint.exchange({ resource: BUCKET });
  const [held] = body.authorization_details as [{ prefix: string }];
  prefix = held.prefix;
}, 60_000);
afterAll(() => endpoint?.stop());

const detail = (members: object = {}) => ({
  type: 'daypass_storage',
  locations: [BUCKET],
  actions: ['read'],
  prefix,
  max_size: 1000,
  content_types: ['image/png'],
  ...members,
});

const ask = (details: unknown, form: Record<string, string> = {}) =>
  endpoint.exchange({ authorization_details: JSON.stringify(details), ...form });

describe('authorization_details, RFC 9396', () => {
  it('§7 come back as they were given, and as scopes that say the same', async () => {
    const { status, body } = await ask([detail()]);
    expect(status).toBe(200);
    expect(body.authorization_details).toEqual([detail()]);
    const encoded = encodeURIComponent(prefix).replaceAll('%2F', '/');
    expect(body.scope).toBe(
      `storage:${BUCKET}:read:prefix=${encoded}:max_size=1000:types=image/png`,
    );
  });

  it('§6 take the place of a resource, and may stand beside the same one', async () => {
    expect(await ask([detail()])).toMatchObject({ status: 200 });
    expect(await ask([detail()], { resource: BUCKET })).toMatchObject({ status: 200 });
    expect(await ask([detail()], { audience: BUCKET })).toMatchObject({ status: 200 });
  });

  it.each([ORDERS, 'bucket:vault'])('§6 never speak of another target than %s', async (target) => {
    for (const named of [{ resource: target }, { audience: target }]) {
      expect(await ask([detail()], named)).toMatchObject({
        status: 400,
        body: { error: 'invalid_target', violations: [{ rule: 'one_target' }] },
      });
    }
  });

  it('§7 show each part, where parts have limits of their own', async () => {
    const parts = [detail(), detail({ actions: ['write'], max_size: 500 })];
    const { status, body } = await ask(parts);
    expect({ status, parts: body.authorization_details }).toEqual({ status: 200, parts });
  });

  it('§7 show what is held where none were asked for', async () => {
    const { body } = await endpoint.exchange({ resource: BUCKET, scope: 'read' });
    expect(body.authorization_details).toEqual([
      detail({ max_size: 1_000_000, content_types: ['image/*'] }),
    ]);
  });

  it('§7 are left out where the token has none', async () => {
    const { body } = await endpoint.exchange({ resource: ORDERS });
    expect(body).not.toHaveProperty('authorization_details');
  });

  it('§6.1 add to storage scopes of the same bucket, and mix with no others', async () => {
    const encoded = encodeURIComponent(prefix).replaceAll('%2F', '/');
    const scope = `storage:${BUCKET}:list:prefix=${encoded}:max_size=1000:types=image/png`;
    const both = await ask([detail()], { scope });
    expect(both).toMatchObject({
      status: 200,
      body: { authorization_details: [{ actions: ['read', 'list'] }] },
    });
    expect(await ask([detail()], { scope: 'orders:read' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope', violations: [{ rule: 'one_kind' }] },
    });
  });

  it.each<[string, unknown]>([
    ['an unknown type', [detail({ type: 'payment' })]],
    ['no type', [detail({ type: undefined })]],
    ['an unknown member', [detail({ colour: 'green' })]],
    ['a member of the wrong kind', [detail({ max_size: '1000' })]],
    ['no location', [detail({ locations: [] })]],
    ['two locations', [detail({ locations: [BUCKET, 'bucket:vault'] })]],
    ['no list', detail()],
    ['an empty list', []],
    ['a word', 'read'],
    ['nothing', null],
    ['a list in a list', [[detail()]]],
    ['NUL, spelled out', [detail({ prefix: `${prefix}\0/` })]],
    ['half a character', [detail({ prefix: `${prefix}\ud800/` })]],
    ['an unknown action', [detail({ actions: ['own'] })]],
  ])('§5 are refused with %s', async (_, details) => {
    const answer = await ask(details);
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'invalid_authorization_details', violations: [expect.anything()] },
    });
    const [{ field }] = answer.body.violations as [{ field: string }];
    expect(field).toMatch(/^authorization_details/);
  });

  it.each(['{', 'read', '[{"type":"daypass_storage"'])(
    '§5 are refused where they are not JSON: %s',
    async (text) => {
      expect(await endpoint.exchange({ authorization_details: text })).toMatchObject({
        status: 400,
        body: { error: 'invalid_authorization_details', violations: [{ rule: 'json' }] },
      });
    },
  );

  it.each<[string, object]>([
    ['an action', { actions: ['delete'] }],
    ['a prefix', { prefix: '/' }],
    ['a sibling’s prefix', { prefix: '/portal/u_aaaaaaaaaaaaaaaaaaaaaaaaaa/' }],
    ['a size', { max_size: 1_000_001 }],
    ['a content type', { content_types: ['text/html'] }],
  ])('§6 never reach beyond what is held: %s', async (_, members) => {
    expect(await ask([detail(members)])).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope', violations: [expect.anything()] },
    });
  });
});
