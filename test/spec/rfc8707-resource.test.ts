import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { BUCKET, FILES, ORDERS, openTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const invalidTarget = (rule: string) => ({
  status: 400,
  body: { error: 'invalid_target', violations: [{ field: 'resource', rule }] },
});

describe('a resource, RFC 8707', () => {
  it('§2 becomes the audience of the token, letter by letter', async () => {
    const { body } = await endpoint.credentials({ resource: ORDERS });
    expect(decodeJwt(String(body.access_token)).aud).toBe(ORDERS);
  });

  it('§2 is wanted, where nothing else names it', async () => {
    expect(await endpoint.credentials({ resource: [] })).toMatchObject(invalidTarget('required'));
    expect(await endpoint.credentials({ resource: '' })).toMatchObject(invalidTarget('required'));
  });

  it.each([
    ['orders.acme.example', 'resource_uri'],
    ['urn:orders', 'resource_uri'],
    ['/orders', 'resource_uri'],
    [`${ORDERS}#part`, 'resource_fragment'],
    [`${ORDERS}#`, 'resource_fragment'],
    ['https://orders@evil.example', 'resource_userinfo'],
    ['https://ORDERS.acme.example', 'resource_normal'],
    [`${ORDERS}:443`, 'resource_normal'],
    [`${ORDERS}/a/../b`, 'resource_normal'],
    [`${ORDERS}/%2e%2e/b`, 'resource_normal'],
    ['bucket:', 'bucket_id'],
    ['bucket:Project', 'bucket_id'],
  ])('§2 is an absolute URI without fragment, in normal form: %s', async (resource, rule) => {
    expect(await endpoint.credentials({ resource })).toMatchObject(invalidTarget(rule));
  });

  it.each([
    `${ORDERS}/`,
    `${ORDERS}/?x=1`,
    'http://orders.acme.example',
    'https://orders.acme.example.evil.example',
    'https://api.globex.example',
    'bucket:of-nobody',
  ])('§2.2 that is not known, or not granted, reads alike: %s', async (resource) => {
    const { body } = await endpoint.credentials({ resource });
    const { body: other } = await endpoint.credentials({ resource: 'https://unknown.example' });
    expect({ ...body, request_id: '' }).toEqual({ ...other, request_id: '' });
    expect(body).toMatchObject(invalidTarget('not_granted').body);
  });

  it('§2.2 restricts the scope to what is held there', async () => {
    const orders = await endpoint.credentials({ resource: ORDERS });
    expect(orders.body).toMatchObject({ scope: 'orders:read orders:list' });
    const files = await endpoint.credentials({ resource: FILES });
    expect(files.body).toMatchObject({ scope: 'files:read' });
    expect(await endpoint.credentials({ resource: FILES, scope: 'orders:read' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
  });

  it('§2 may be two, which we leave to two requests', async () => {
    const answer = await endpoint.credentials({ resource: [ORDERS, FILES] });
    expect(answer).toMatchObject(invalidTarget('one_target'));
  });

  it('§2.2 may be left out where a scope names the bucket', async () => {
    const scope = `storage:${BUCKET}:read`;
    const whole = await endpoint.exchange({ resource: BUCKET, scope: 'read' });
    const prefix = /:prefix=[^:]+/.exec(String(whole.body.scope))?.[0] ?? '';
    const limits = ':max_size=1000000:types=image/*';
    const named = await endpoint.exchange({ scope: `${scope}${prefix}${limits}` });
    expect(named).toMatchObject({ status: 200, body: { scope: whole.body.scope } });
  });

  it('§2.2 is the one the scope names, or none is', async () => {
    const scope = `storage:${BUCKET}:read`;
    for (const resource of [ORDERS, 'bucket:vault']) {
      expect(await endpoint.exchange({ resource, scope })).toMatchObject(
        invalidTarget('one_target'),
      );
    }
  });
});
