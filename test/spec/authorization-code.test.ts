import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { authorize, redeem } from '../support/authorization.ts';
import { createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey } from '../support/dpop.ts';

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass();
}, 60_000);
afterAll(() => daypass?.stop());

const BUCKET = 'bucket:project-123';

describe('the authorization code grant (RFC 6749 §4.1)', () => {
  it('signs a person in at the company, asks them, and gives the app a bound token for its bucket', async () => {
    const authorized = await authorize(daypass, { params: { resource: BUCKET } });
    expect(authorized.page.url).toMatch(/^http:\/\/localhost:5173\/callback\?/);
    expect(authorized.answer.get('state')).toBe('state-of-the-app');
    expect(authorized.answer.get('iss')).toBe(daypass.issuer);

    const key = createProofKey();
    const answer = await redeem(daypass, authorized, { key });
    expect(answer.body).toMatchObject({ token_type: 'DPoP', expires_in: 300 });
    expect(answer.body).not.toHaveProperty('refresh_token');
    const { sub, nonce, aud, iss } = decodeJwt(String(answer.body.id_token));
    expect({ nonce, aud, iss }).toEqual({
      nonce: 'nonce-of-the-app',
      aud: 'where2eat',
      iss: daypass.issuer,
    });
    expect(sub).toMatch(/^u_/);

    const client = createClient(daypass.url);
    const token = String(answer.body.access_token);
    const list = await client.call(`/objects?resource=${BUCKET}`, { token, key });
    expect(list.status).toBe(200);
  });
});
