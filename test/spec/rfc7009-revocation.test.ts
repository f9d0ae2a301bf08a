import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.ts';
import {
  ACCESS_TOKEN,
  BUCKET,
  EXCHANGE,
  FILES,
  type Form,
  ID_TOKEN,
  ORDERS,
  ORIGIN,
  openTokenEndpoint,
  type PostOptions,
  SECRET,
  type TokenEndpoint,
} from './token-endpoint.ts';

let endpoint: TokenEndpoint;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
}, 60_000);
afterAll(() => endpoint?.stop());

const revoke = (token: string, options: PostOptions = {}, form: Form = {}): Promise<Answer> =>
  endpoint.post({ token, ...form }, { path: '/revoke', as: 'reports', ...options });

const isActive = async (token: string, as = 'orders-api'): Promise<unknown> =>
  (await endpoint.post({ token }, { path: '/introspect', as })).body.active;

const tokenFor = async (resource: string): Promise<string> =>
  (await endpoint.credentials({ resource })).body.access_token as string;

const mustBeDone = ({ status, text, headers }: Answer): void => {
  expect({ status, text }).toEqual({ status: 200, text: '' });
  expect(headers.get('cache-control')).toBe('no-store');
};

/** A token of the browser app `where2eat`, bound to its key. */
const publicToken = async () => {
  const key = endpoint.newKey();
  const form = {
    grant_type: EXCHANGE,
    subject_token: await endpoint.signIn('where2eat'),
    subject_token_type: ID_TOKEN,
    resource: BUCKET,
  };
  const { body } = await endpoint.post(form, { as: 'where2eat', by: 'none', key });
  return { token: body.access_token as string, key };
};

describe('revocation by a client, RFC 7009', () => {
  it.each([
    ['a JWT', ORDERS],
    ['an opaque token', FILES],
  ])('§2.2 ends %s the moment it answers, without a word', async (_, resource) => {
    const token = await tokenFor(resource);
    const other = await tokenFor(resource);
    expect(await isActive(token)).toBe(true);
    mustBeDone(await revoke(token));
    expect(await isActive(token)).toBe(false);
    expect(await isActive(other)).toBe(true);
  });

  it('§2.1 ends all that descends from it, and not what it descends from', async () => {
    const { body: parent } = await endpoint.exchange({ resource: BUCKET });
    const narrow = async (subject_token: unknown): Promise<string> => {
      const form = { subject_token: String(subject_token), subject_token_type: ACCESS_TOKEN };
      return (await endpoint.exchange(form)).body.access_token as string;
    };
    const child = await narrow(parent.access_token);
    const grandchild = await narrow(child);
    mustBeDone(await revoke(child, { as: 'portal' }));
    for (const dead of [child, grandchild]) expect(await isActive(dead, 'portal')).toBe(false);
    expect(await isActive(String(parent.access_token), 'portal')).toBe(true);
    // Nor is anything issued from it any more.
    const form = { subject_token: grandchild, subject_token_type: ACCESS_TOKEN };
    expect(await endpoint.exchange(form)).toMatchObject({ status: 400 });
  });

  it('§2.1, §5 lets a public app give back its own token by having it, without its key', async () => {
    const { token, key } = await publicToken();
    const use = () => endpoint.client.call('/objects', { token, key });
    expect((await use()).status).toBe(200);
    mustBeDone(await revoke(token, { as: 'where2eat', by: 'none' }));
    expect((await use()).status).toBe(401);
  });

  it('§2 is for pages too: the app’s own, and no others', async () => {
    const { token } = await publicToken();
    const elsewhere = { origin: 'http://localhost:5174' };
    const stolen = await revoke(token, { as: 'where2eat', by: 'none', headers: elsewhere });
    expect(stolen).toMatchObject({ status: 400, body: { violations: [{ rule: 'origin' }] } });
    const own = { origin: ORIGIN };
    const answer = await revoke(token, { as: 'where2eat', by: 'none', headers: own });
    mustBeDone(answer);
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  });

  it('§2.1 refuses a token of another client, and revokes nothing', async () => {
    const token = await tokenFor(ORDERS);
    const { token: ofPage, key } = await publicToken();
    const refused: [string, PostOptions][] = [
      [token, { as: 'portal' }],
      [token, { as: 'orders-api' }], // may ask about it, and no more
      [token, { as: 'where2eat', by: 'none' }],
      [ofPage, { as: 'lowcode', by: 'none' }],
      [ofPage, { as: 'portal' }],
    ];
    for (const [each, options] of refused) {
      const answer = await revoke(each, options);
      expect(answer).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant', violations: [{ field: 'token', rule: 'own_token' }] },
      });
      expect(answer.text).not.toContain(each);
    }
    expect(await isActive(token)).toBe(true);
    expect((await endpoint.client.call('/objects', { token: ofPage, key })).status).toBe(200);
  });

  it('§2.2 answers 200 where there is nothing to revoke', async () => {
    const token = await tokenFor(ORDERS);
    mustBeDone(await revoke(token));
    const tokens = [
      token, // twice
      'x',
      `dp_at_${'0'.repeat(38)}`,
      `${token}x`,
      'a'.repeat(50_000),
      await endpoint.signIn('reports'),
    ];
    for (const each of tokens) mustBeDone(await revoke(each));
    // Dead is dead, whosever it was.
    mustBeDone(await revoke(token, { as: 'portal' }));
  });

  it.each(['access_token', 'refresh_token', 'nonsense'])(
    '§2.1 takes the hint %s for a hint',
    async (token_type_hint) => {
      for (const resource of [ORDERS, FILES]) {
        const token = await tokenFor(resource);
        mustBeDone(await revoke(token, {}, { token_type_hint }));
        expect(await isActive(token)).toBe(false);
      }
    },
  );

  it.each<[string, PostOptions]>([
    ['no client', { by: 'none', as: '' }],
    ['a confidential client by its id alone', { by: 'none' }],
    ['a wrong secret', { secret: 'wrong' }],
    ['a client out of service', { as: 'retired' }],
  ])('§2.1 refuses %s as the token endpoint does, and revokes nothing', async (_, options) => {
    const token = await tokenFor(ORDERS);
    expect(await revoke(token, options)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await isActive(token)).toBe(true);
  });

  it.each<[string, Form]>([
    ['two ways of authenticating', { client_secret: SECRET }],
    ['a token twice', { token: ['x', 'y'] }],
    ['no token', { token: '' }],
    ['a NUL', { token: '\0' }],
  ])('§2.1 refuses %s', async (_, form) => {
    expect(await revoke('x', {}, form)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
  });

  it('§2 is POST with a form, never a link', async () => {
    const token = await tokenFor(ORDERS);
    const get = await fetch(`${endpoint.issuer}/revoke?token=${token}&client_id=reports`);
    expect(get.status).toBe(405);
    expect(await isActive(token)).toBe(true);
  });
});
