import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import {
  BUCKET,
  EXCHANGE,
  ID_TOKEN,
  ORDERS,
  openTokenEndpoint,
  type TokenEndpoint,
} from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const form = { grant_type: 'client_credentials', resource: ORDERS };
const url = () => `${endpoint.issuer}/token`;
const freshNonce = async (): Promise<string> => {
  const key = endpoint.newKey();
  const proof = key.prove({ method: 'POST', url: url() });
  const { headers } = await endpoint.post(form, { as: 'reports', headers: { dpop: proof } });
  return headers.get('dpop-nonce') ?? '';
};

const present = (dpop: string) => endpoint.once(form, { as: 'reports', headers: { dpop } });
const refused = (error: string) => ({
  status: 400,
  body: { error, violations: [{ field: 'DPoP' }] },
});

describe('a proof at the token endpoint, RFC 9449', () => {
  it('§5 binds the token to its key', async () => {
    const key = endpoint.newKey();
    const { status, body } = await endpoint.credentials({}, { key });
    expect({ status, type: body.token_type }).toEqual({ status: 200, type: 'DPoP' });
    expect(decodeJwt(String(body.access_token)).cnf).toEqual({ jkt: key.jkt });
  });

  it('§5 is not needed by a confidential app, whose token is a bearer token then', async () => {
    expect(await endpoint.credentials()).toMatchObject({ body: { token_type: 'Bearer' } });
  });

  it('§5 is needed where the app’s registration says so', async () => {
    const subject_token = await endpoint.signIn('where2eat');
    const exchange = { grant_type: EXCHANGE, subject_token, subject_token_type: ID_TOKEN };
    const answer = await endpoint.post(
      { ...exchange, resource: BUCKET },
      { as: 'where2eat', by: 'none' },
    );
    expect(answer).toMatchObject(refused('invalid_dpop_proof'));
  });

  it('§8 is asked for with a nonce, at a status that is no authentication’s', async () => {
    const key = endpoint.newKey();
    const answer = await present(key.prove({ method: 'POST', url: url() }));
    expect(answer).toMatchObject(refused('use_dpop_nonce'));
    expect(answer.headers.get('dpop-nonce')).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/); // §8.1
    expect(answer.headers.get('www-authenticate')).toBeNull();
    expect(answer.headers.get('cache-control')).toBe('no-store'); // §8: uncacheable
    const nonce = answer.headers.get('dpop-nonce') ?? '';
    expect(await present(key.prove({ method: 'POST', url: url(), nonce }))).toMatchObject({
      status: 200,
    });
  });

  it('§8.2 is answered with the nonce for the next one, whatever the answer', async () => {
    const key = endpoint.newKey();
    const nonce = await freshNonce();
    const granted = await present(key.prove({ method: 'POST', url: url(), nonce }));
    expect(granted.status).toBe(200);
    expect(granted.headers.get('dpop-nonce')).toMatch(/./);
    const denied = await endpoint.credentials({ resource: 'bucket:unknown' }, { key });
    expect(denied.status).toBe(400);
    expect(denied.headers.get('dpop-nonce')).toMatch(/./);
    const stranger = await endpoint.credentials({}, { key, secret: 'wrong' });
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('dpop-nonce')).toMatch(/./);
    expect((await endpoint.credentials()).headers.get('dpop-nonce')).toBeNull();
  });

  it('§8 is refused with a nonce that is too old, or not ours', async () => {
    const key = endpoint.newKey();
    const nonce = await freshNonce();
    endpoint.broker.advance(600);
    const old = await present(key.prove({ method: 'POST', url: url(), nonce }));
    endpoint.broker.advance(-600);
    expect(old).toMatchObject(refused('use_dpop_nonce'));
    const made = await present(key.prove({ method: 'POST', url: url(), nonce: 'made.up' }));
    expect(made).toMatchObject(refused('use_dpop_nonce'));
  });

  it('§11.1 is good once', async () => {
    const proof = endpoint
      .newKey()
      .prove({ method: 'POST', url: url(), nonce: await freshNonce() });
    expect(await present(proof)).toMatchObject({ status: 200 });
    const { status, body } = await present(proof);
    expect({ status, body }).toMatchObject(refused('invalid_dpop_proof'));
    // It reads like any other proof that is not acceptable.
    const { body: other } = await present('a.b.c');
    expect({ ...body, request_id: '' }).toEqual({ ...other, request_id: '' });
  });

  it('§11.1 is good once, also among many at a time', async () => {
    const nonce = await freshNonce();
    const proof = endpoint.newKey().prove({ method: 'POST', url: url(), nonce });
    const answers = await Promise.all(Array.from({ length: 8 }, () => present(proof)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 200);
    for (const { body } of others) expect(body).toMatchObject({ error: 'invalid_dpop_proof' });
  });

  it('§11.1 is used up by a refusal as well', async () => {
    const proof = endpoint
      .newKey()
      .prove({ method: 'POST', url: url(), nonce: await freshNonce() });
    const options = { as: 'reports', headers: { dpop: proof } };
    const refusal = await endpoint.once({ ...form, scope: 'orders:write' }, options);
    expect(refusal.body).toMatchObject({ error: 'invalid_scope' });
    expect(await present(proof)).toMatchObject({ body: { error: 'invalid_dpop_proof' } });
  });

  it.each<[string, object]>([
    ['another method', { method: 'GET' }],
    ['the method in lower case', { method: 'post' }],
    ['another path', { url: 'https://other.example/token' }],
  ])('§4.3 is refused for %s', async (_, claims) => {
    const nonce = await freshNonce();
    const proof = endpoint.newKey().prove({ method: 'POST', url: url(), nonce, ...claims });
    expect(await present(proof)).toMatchObject(refused('invalid_dpop_proof'));
  });

  it('§4.3 names the configured URL, whatever Host the request has', async () => {
    const key = endpoint.newKey();
    const nonce = await freshNonce();
    const forwarded = { 'x-forwarded-host': 'proxy.example', 'x-forwarded-proto': 'https' };
    const post = (target: string) =>
      endpoint.once(form, {
        as: 'reports',
        headers: { ...forwarded, dpop: key.prove({ method: 'POST', url: target, nonce }) },
      });
    expect(await post(url())).toMatchObject({ status: 200 });
    expect(await post('https://proxy.example/token')).toMatchObject(refused('invalid_dpop_proof'));
  });

  it('§4.3 is exactly one', async () => {
    const nonce = await freshNonce();
    const key = endpoint.newKey();
    const [first, second] = [1, 2].map(() => key.prove({ method: 'POST', url: url(), nonce }));
    for (const dpop of [`${first}, ${second}`, `${first},`, 'x', 'a.b.c']) {
      expect(await present(dpop)).toMatchObject(refused('invalid_dpop_proof'));
    }
  });

  it('§5 ties an ID token to the first key it is exchanged with', async () => {
    const subject_token = await endpoint.signIn('portal');
    const key = endpoint.newKey();
    const again = { subject_token, resource: ORDERS };
    expect(await endpoint.exchange(again, { key })).toMatchObject({ status: 200 });
    expect(await endpoint.exchange(again, { key })).toMatchObject({ status: 200 });
    expect(await endpoint.exchange(again, { key: endpoint.newKey() })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', violations: [{ field: 'subject_token' }] },
    });
  });
});
