import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { ORIGIN } from './deployment.ts';
import { mustRefuse, refuses } from './refusal.ts';
import { ID_TOKEN, openStage, type Stage, unique } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

describe('CORS', () => {
  it('lets an app be called from its own origin, and says so to the browser', async () => {
    const answer = await stage.exchange({ key: newKey(), headers: { origin: ORIGIN.where2eat } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN.where2eat);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('access-control-expose-headers')).toMatch(
      /DPoP-Nonce.*WWW-Authenticate.*Retry-After.*RateLimit.*X-Request-Id/,
    );
  });

  it.each(['null', 'https://evil.example', `${ORIGIN.where2eat}.evil.example`, 'http://localhost'])(
    'refuses the origin %s, with nothing a browser would let it read',
    async (origin) => {
      const answer = await refuses(
        stage,
        { status: 403, error: 'access_denied', audited: false },
        () => stage.exchange({ key: newKey(), headers: { origin } }),
      );
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      const preflight = await stage.client.call('/exchange', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
      expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  it("refuses another app's origin at every use, not at the preflight", async () => {
    const headers = { origin: ORIGIN.lowcode };
    const preflight = await stage.client.call('/exchange', { method: 'OPTIONS', headers });
    expect(preflight.headers.get('access-control-allow-origin')).toBe(ORIGIN.lowcode);
    const { token, key } = await stage.tokenOf();
    const denied = { status: 403, error: 'access_denied', audited: true };
    await refuses(stage, denied, () => stage.exchange({ key: newKey(), headers }));
    await refuses(stage, denied, () =>
      stage.client.call('/exchange', { body: {}, token, key, headers }),
    );
    const body = { filename: 'a.png', size: 10, contentType: 'image/png' };
    await refuses(stage, denied, () =>
      stage.client.call('/request-upload', { body, token, key, headers }),
    );
    await refuses(stage, denied, () => stage.client.call('/objects', { token, key, headers }));
    await refuses(stage, { status: 400, audited: true }, () =>
      stage.tokenExchange(
        {
          subject_token: stage.idToken(),
          subject_token_type: ID_TOKEN,
          resource: 'bucket:project-123',
        },
        { app: 'where2eat', key: newKey(), headers },
      ),
    );
  });

  it('says nothing of CORS under /admin, and takes no cookie anywhere', async () => {
    for (const origin of [ORIGIN.where2eat, 'https://evil.example']) {
      for (const method of ['OPTIONS', 'GET']) {
        const answer = await stage.client.call('/admin/v1/tokens', { method, headers: { origin } });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      }
    }
    const answer = await stage.client.call('/admin/v1/tokens', {
      headers: { cookie: `_session=${unique()}` },
    });
    mustRefuse(answer, { status: 401, error: 'invalid_token' });
  });
});
