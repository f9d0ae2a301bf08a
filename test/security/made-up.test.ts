import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mintOpaqueToken } from '../../src/protocol/opaque-token.ts';
import { newKey } from '../support/client.ts';
import { refuses } from './refusal.ts';
import { openStage, type Stage } from './stage.ts';

/** What an outsider can send without having been given anything: it must cost the database nothing. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const TABLES = ['replay', 'audit_event', 'device', 'person', 'sign_in_binding', 'quota_counter'];

const rows = async (): Promise<object[]> =>
  stage.query(`SELECT ${TABLES.map((name) => `(SELECT count(*) FROM ${name}) AS ${name}`).join()}`);

describe('a token nobody was given', () => {
  it.each([
    ['GET', '/objects', undefined],
    ['POST', '/request-upload', { filename: 'a.txt', size: 1, contentType: 'text/plain' }],
    ['POST', '/exchange', { actions: ['read'] }],
    ['POST', '/exchange', { actions: 'nonsense' }],
    ['GET', '/admin/v1/audit', undefined],
  ])('writes nothing, however well it is made and proven: %s %s', async (method, path, body) => {
    await stage.freshNonce();
    const before = await rows();
    for (let times = 0; times < 3; times += 1) {
      const options = { method, token: mintOpaqueToken('at'), key: newKey() };
      await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
        stage.client.call(path, { ...options, ...(body && { body }) }),
      );
    }
    expect(await rows()).toEqual(before);
  });
});

describe('an upload larger than one PUT', () => {
  it('is refused before anything is recorded but the refusal', async () => {
    const held = await stage.tokenOf();
    const ask = (size: number) =>
      stage.client.call('/request-upload', {
        body: { filename: 'a.png', size, contentType: 'image/png' },
        token: held.token,
        key: held.key,
      });
    const expected = { status: 400, error: 'invalid_request', rule: 'one_put', audited: true };
    await refuses(stage, expected, () => ask(5 * 1024 ** 3 + 1));
    // Whereas what one PUT could carry is a matter of what the token holds.
    await refuses(stage, { status: 400, error: 'invalid_scope', audited: true }, () =>
      ask(5 * 1024 ** 3),
    );
  });
});
