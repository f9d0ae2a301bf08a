import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStage, type Stage } from '../security/stage.ts';
import { newKey } from '../support/client.ts';

/** `dry_run` at `/exchange`: the decision, and nothing issued. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

const issued = async (): Promise<number> => {
  const [row] = await stage.query<{ count: string }>('SELECT count(*) FROM issued_token');
  return Number(row?.count);
};

const dryRun = async (body: object) => {
  const before = await issued();
  const answer = await stage.exchange({ key: newKey(), body: { ...body, dry_run: true } });
  expect(await issued()).toBe(before);
  return answer;
};

describe('a dry run', () => {
  const body = { actions: ['read', 'write'], ttl: 120 };

  it('says what would be issued, and it is what then is issued', async () => {
    const answer = await dryRun(body);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(/dp_at_/);
    const real = (await stage.exchange({ key: newKey(), body })).body;
    expect(answer.body).toEqual({
      decision: 'permit',
      policies: ['permit_exchange'],
      violations: [],
      would_issue: {
        resource: 'bucket:project-123',
        expires_in: real.expires_in,
        scopes: real.scopes,
        authorization_details: real.authorization_details,
      },
    });
  });

  it.each<[string, object, string]>([
    ['an action beyond the grant', { actions: ['admin'] }, 'actions'],
    ['a prefix beyond the grant', { constraints: { prefix: '/elsewhere/' } }, 'prefix'],
    ['what policy forbids', { resource: 'bucket:vault', actions: ['read'] }, 'lawful_basis'],
  ])('denies %s with 200 and the violations the exchange has', async (_, asked, field) => {
    const answer = await dryRun(asked);
    expect(answer).toMatchObject({ status: 200, body: { decision: 'deny', would_issue: null } });
    const real = await stage.exchange({ key: newKey(), body: asked });
    expect(real.status).toBeGreaterThanOrEqual(400);
    expect(answer.body.violations).toEqual(real.body.violations);
    expect(JSON.stringify(answer.body.violations)).toContain(field);
  });

  it('proves who asks like any exchange, and is on record', async () => {
    const refused = await stage.exchange({ body: { dry_run: true }, token: 'not-a-token' });
    expect(refused.status).toBe(401);
    const answer = await dryRun({ actions: ['admin'] });
    const rows = await stage.query(
      'SELECT action, outcome FROM audit_event WHERE request_id = $1',
      [answer.headers.get('x-request-id')],
    );
    expect(rows).toEqual([{ action: 'token.dry_run', outcome: 'denied' }]);
  });

  it('binds no sign-in to a key', async () => {
    const token = stage.idToken();
    for (const key of [newKey(), newKey()]) {
      const answer = await stage.exchange({ token, key, body: { ...body, dry_run: true } });
      expect(answer.body).toMatchObject({ decision: 'permit' });
    }
    expect((await stage.exchange({ token, key: newKey(), body })).status).toBe(200);
  });
});
