import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ORDERS, SECRET } from '../security/deployment.ts';
import { refuses } from '../security/refusal.ts';
import { basic, eventually, type Held, openStage, type Stage } from '../security/stage.ts';

/** Client secrets: several at once while one replaces the other, until when, and made here. */

let stage: Stage;
let platform: Held;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  platform = await stage.adminOf(['tenant-platform']);
}, 60_000);
afterAll(() => stage?.stop());

const APP = '/admin/v1/apps/nightly-report';
const call = (method: string, path: string, body?: object, by = platform) =>
  stage.client.call(path, { method, token: by.token, key: by.key, ...(body && { body }) });
const mint = async (body: object = {}) => {
  const answer = await call('POST', `${APP}/secrets`, body);
  if (answer.status !== 201) throw new Error(`no secret: ${answer.text}`);
  return answer.body as Record<'client_secret' | 'secret_hash' | 'expires', string>;
};
const withdraw = (secretHash: string) => call('DELETE', `${APP}/secrets/${secretHash}`);
const statusWith = async (secret: string, through = stage.client) =>
  (
    await through.call('/token', {
      form: { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
      headers: { authorization: basic('nightly-report', secret) },
    })
  ).status;
const everywhere = async (secret: string, status: number): Promise<void> => {
  for (const through of stage.clients)
    await eventually(async () => (await statusWith(secret, through)) === status);
};

describe('a secret that is made here', () => {
  it('is 32 random bytes, shown once, kept as its hash, and good on every instance', async () => {
    const { client_secret: secret, secret_hash } = await mint();
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(secret_hash).toBe(`sha256:${hash('sha256', secret)}`);
    await everywhere(secret, 200);
    const { text } = await call('GET', APP);
    expect(text).toContain(secret_hash);
    expect(text).not.toContain(secret);
    const kept = await stage.query('SELECT * FROM app');
    const record = await stage.query('SELECT detail FROM audit_event');
    expect(JSON.stringify([kept, record])).not.toContain(secret);
    expect(JSON.stringify(record)).not.toContain(secret_hash);
    await withdraw(secret_hash);
  });

  it('replaces another while both are good, and the old one is taken out', async () => {
    const { client_secret: next, secret_hash } = await mint();
    await everywhere(next, 200);
    await everywhere(SECRET, 200);
    expect((await withdraw(`sha256:${hash('sha256', SECRET)}`)).status).toBe(204);
    await everywhere(SECRET, 401);
    await everywhere(next, 200);
    await stage.reconfigure(() => undefined);
    await everywhere(next, 401);
    expect((await withdraw(secret_hash)).status).toBe(404);
  });

  it('is good until it expires, and the next one clears it away', async () => {
    const until = (seconds: number) => new Date((stage.now() + seconds) * 1000).toISOString();
    const { client_secret: secret, secret_hash } = await mint({ expires: until(120) });
    await everywhere(secret, 200);
    await stage.advance(121);
    platform = await stage.adminOf(['tenant-platform']);
    await everywhere(secret, 401);
    await everywhere(SECRET, 200);
    expect((await call('GET', APP)).text).toContain(secret_hash);
    const other = await mint({ expires: until(60) });
    expect((await call('GET', APP)).text).not.toContain(secret_hash);
    await withdraw(other.secret_hash);
    await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
      call('POST', `${APP}/secrets`, { expires: until(-1) }),
    );
  });

  it('is one of five at most', async () => {
    const made = await Promise.all([mint(), mint(), mint(), mint()]);
    await refuses(stage, { status: 409, error: 'conflict', audited: true }, () =>
      call('POST', `${APP}/secrets`, {}),
    );
    for (const { secret_hash } of made) await withdraw(secret_hash);
  });

  it.each([
    ['a browser app', 'where2eat', 'secret_hash'],
    ['an app with keys', 'signer', 'secret_hash'],
  ])('is refused to %s', async (_, id, field) => {
    const answer = await call('POST', `/admin/v1/apps/${id}/secrets`, {});
    expect(answer.status).toBe(400);
    expect(answer.body.violations).toEqual([expect.objectContaining({ field })]);
  });

  it('is not made for an app that is not what was seen (If-Match)', async () => {
    const path = '/admin/v1/apps/nightly-report/secrets';
    const headers = { 'if-match': '"stale"' };
    const { token, key } = platform;
    const made = await stage.client.call(path, { method: 'POST', body: {}, headers, token, key });
    expect(made).toMatchObject({ status: 412, body: { error: 'precondition_failed' } });
  });

  it('A03 is not made for an app of another tenant, nor for one that is not there', async () => {
    for (const id of ['globex-service', 'nobody']) {
      await refuses(stage, { status: 404, error: 'not_found', audited: true }, () =>
        call('POST', `/admin/v1/apps/${id}/secrets`, {}),
      );
    }
  });
});
