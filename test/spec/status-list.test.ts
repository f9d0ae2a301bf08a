import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { ORDERS, SECRET } from '../security/deployment.ts';
import { basic, openStage, type Stage } from '../security/stage.ts';

/** draft-ietf-oauth-status-list, verified as a resource server would: with jose and zlib. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

interface Place {
  readonly idx: number;
  readonly uri: string;
}

/** A JWT access token for the orders API, and its place. */
const jwtOf = async (): Promise<{ jwt: string; id: string; place: Place }> => {
  const answer = await stage.client.call('/token', {
    form: { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
    headers: { authorization: basic('nightly-report', SECRET) },
  });
  const jwt = answer.body.access_token as string;
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString());
  return { jwt, id: answer.body.token_id as string, place: claims.status.status_list };
};

const pathOf = ({ uri }: Place): string => uri.slice(stage.issuer.length);

const read = async (place: Place, through = stage.client) => {
  const answer = await through.call(pathOf(place));
  expect(answer.status).toBe(200);
  const keys = createRemoteJWKSet(new URL(`${stage.broker.url}/jwks`));
  const { payload, protectedHeader } = await jwtVerify(answer.text, keys, {
    currentDate: new Date(stage.now() * 1000),
  });
  const { bits, lst } = payload.status_list as { bits: number; lst: string };
  const bytes = inflateSync(Buffer.from(lst, 'base64url'));
  const isSet = (index: number): boolean => ((bytes[index >> 3]! >> (index & 7)) & 1) === 1;
  return { answer, payload, protectedHeader, bits, bytes, isSet };
};

describe('Token Status List', () => {
  it('§6.1 every JWT access token has a place of its own', async () => {
    const places = await Promise.all(Array.from({ length: 20 }, jwtOf));
    const names = places.map(({ place }) => `${place.uri}#${place.idx}`);
    expect(new Set(names).size).toBe(20);
    for (const { place } of places) {
      expect(place.uri).toMatch(new RegExp(`^${stage.issuer}/status/\\d+$`));
      expect(place.idx).toBeLessThan(2 ** 17);
    }
  });

  it('§5.1 is a signed JWT that names itself, and ends within a minute', async () => {
    const { place } = await jwtOf();
    const { answer, payload, protectedHeader, bits, bytes } = await read(place);
    expect(answer.headers.get('content-type')).toBe('application/statuslist+jwt');
    expect(protectedHeader).toMatchObject({ typ: 'statuslist+jwt', alg: 'ES256' });
    expect(payload).toMatchObject({ iss: stage.issuer, sub: place.uri, ttl: 30 });
    expect(payload.exp! - payload.iat!).toBe(60);
    expect({ bits, length: bytes.length }).toEqual({ bits: 1, length: 2 ** 14 });
    expect(answer.headers.get('cache-control')).toBe('public, max-age=30');
  });

  it('§4.1 sets the bit of a revoked token, and no other, once the revocation is acknowledged', async () => {
    const dead = await jwtOf();
    const alive = await jwtOf();
    expect((await read(dead.place)).isSet(dead.place.idx)).toBe(false);
    await stage.revoke({ token_id: dead.id });
    for (const through of stage.clients) {
      const { isSet, bytes } = await read(dead.place, through);
      expect(isSet(dead.place.idx)).toBe(true);
      expect(isSet(alive.place.idx)).toBe(false);
      expect(bytes.reduce((sum, byte) => sum + (byte === 0 ? 0 : 1), 0)).toBe(1);
    }
  });

  it('sets the bits of all that an app, and a key, are behind', async () => {
    const first = await jwtOf();
    await stage.revoke({ app_id: 'nightly-report' }, { block: false });
    expect((await read(first.place)).isSet(first.place.idx)).toBe(true);
    await stage.advance(1);
    const second = await jwtOf();
    expect((await read(second.place)).isSet(second.place.idx)).toBe(false);
    const kid = JSON.parse(Buffer.from(second.jwt.split('.')[0]!, 'base64url').toString()).kid;
    await stage.revoke({ key_id: kid }, { block: false });
    expect((await read(second.place)).isSet(second.place.idx)).toBe(true);
    await stage.advance(1);
  });

  it('keeps the bit set when a block is lifted', async () => {
    const { place } = await jwtOf();
    const receipt = await stage.revoke({ app_id: 'nightly-report' });
    const { token, key } = await stage.adminOf(['security']);
    const path = `/admin/v1/revocations/${receipt.body.revocation_id}`;
    expect((await stage.client.call(path, { method: 'DELETE', token, key })).status).toBe(204);
    expect((await read(place)).isSet(place.idx)).toBe(true);
    await stage.advance(1);
  });

  it('RFC 9110 §13 answers 304 to who has it, until something is revoked', async () => {
    const { place, id } = await jwtOf();
    const { answer } = await read(place);
    const etag = answer.headers.get('etag') ?? '';
    const ask = () => stage.client.call(pathOf(place), { headers: { 'if-none-match': etag } });
    expect((await ask()).status).toBe(304);
    await stage.revoke({ token_id: id });
    expect((await ask()).status).toBe(200);
  });

  it('is not there once its last token has expired, and never was under another name', async () => {
    const { place } = await jwtOf();
    await stage.advance(2 * 3600);
    expect((await stage.client.call(pathOf(place))).status).toBe(404);
    for (const list of ['999999', '00', '-1', '1e3', 'x', '9'.repeat(30)])
      expect((await stage.client.call(`/status/${list}`)).status).toBe(404);
  });
});
