import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, type Held, openStage, type Stage } from '../security/stage.ts';
import type { Answer } from '../support/client.ts';

/** Limits that uploads share: of all users of an app, of a user over all apps, of a tenant, of a bucket. */

const DAY = 86_400;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 60_000);
afterAll(() => stage?.stop());

beforeEach(async () => {
  stage.broker.advance(2 * DAY - (stage.now() % DAY) + 1);
  await stage.freshNonce();
});

type Draft = Parameters<Parameters<Stage['reconfigure']>[0]>[0];

/** These, and no others. */
const limited = (limits: {
  readonly app?: object;
  readonly tenant?: object;
  readonly bucket?: object;
}): Promise<unknown> =>
  stage.reconfigure((draft: Draft) => {
    const replace = (entry: object | undefined, given: object | undefined): void => {
      if (entry && given) Object.assign(entry, { limits: given });
      else if (entry) Reflect.deleteProperty(entry, 'limits');
    };
    const [tenant] = draft.tenants ?? [];
    replace(tenant, limits.tenant);
    for (const app of draft.apps ?? []) if (app.id === 'where2eat') replace(app, limits.app);
    for (const bucket of draft.buckets ?? []) {
      if (bucket.tenant === tenant?.id) replace(bucket, limits.bucket);
    }
  });

const as = (sub: string): Promise<Held> => stage.tokenOf({ claims: { sub } });

const upload = (held: Held, size = 10, contentType = 'text/plain'): Promise<Answer> =>
  stage.client.call('/request-upload', {
    body: { filename: 'a', size, contentType },
    token: held.token,
    key: held.key,
  });

const send = async ({ body }: Answer, text: string): Promise<void> => {
  const headers = body.headers as Record<string, string>;
  await fetch(String(body.uploadUrl), { method: 'PUT', headers, body: text });
};

const comesTo = ({ body }: Answer, status: string) =>
  eventually(async () => {
    const [row] = await stage.query<{ status: string }>(
      'SELECT status FROM stored_object WHERE object_id = $1',
      [String(body.objectId)],
    );
    return row?.status === status;
  });

const rulesOf = ({ body }: Answer): unknown =>
  (body.violations as { rule: string }[] | undefined)?.map(({ rule }) => rule);

describe('a limit that is shared', () => {
  it.each([
    ['app', { app: { all_users: { uploads_per_hour: 2 } } }, 'app_uploads_per_hour'],
    ['tenant', { tenant: { uploads_per_hour: 2 } }, 'tenant_uploads_per_hour'],
    ['bucket', { bucket: { uploads_per_hour: 2 } }, 'bucket_uploads_per_hour'],
  ])('by the users of one %s is used up by all of them together', async (_, limits, rule) => {
    await limited(limits);
    expect((await upload(await as('ana'))).status).toBe(201);
    expect((await upload(await as('bea'))).status).toBe(201);
    const answer = await upload(await as('cai'));
    expect(answer.status).toBe(429);
    expect(rulesOf(answer)).toEqual([rule]);
    expect(answer.headers.get('ratelimit-policy')).toBe(`"${rule}";q=2;w=3600`);
  });

  it('by the apps of one user is nobody else’s', async () => {
    await limited({ tenant: { each_user: { bytes_per_day: 100 } } });
    expect((await upload(await as('ana'), 100)).status).toBe(201);
    const answer = await upload(await as('ana'), 1);
    expect(rulesOf(answer)).toEqual(['user_bytes_per_day']);
    expect((await upload(await as('bea'), 100)).status).toBe(201);
  });

  it('says all that is reached, and takes nothing from the others', async () => {
    await limited({
      app: { uploads_per_hour: 3 },
      tenant: { bytes_per_day: 100 },
      bucket: { uploads_per_hour: 1 },
    });
    expect((await upload(await as('ana'), 60)).status).toBe(201);
    const answer = await upload(await as('ana'), 60);
    expect(rulesOf(answer)).toEqual(['tenant_bytes_per_day', 'bucket_uploads_per_hour']);
    expect(answer.headers.get('ratelimit')).toMatch(
      /^"tenant_bytes_per_day";r=0;t=\d+, "bucket_uploads_per_hour";r=0;t=\d+$/,
    );
    await limited({ app: { uploads_per_hour: 3 } });
    expect((await upload(await as('ana'))).status).toBe(201);
    expect((await upload(await as('ana'))).status).toBe(201);
    expect((await upload(await as('ana'))).status).toBe(429);
  });

  it('refuses as too large what no day is long enough for', async () => {
    await limited({ bucket: { bytes_per_day: 100 } });
    const answer = await upload(await as('ana'), 101);
    expect([answer.status, rulesOf(answer)]).toEqual([400, ['bucket_bytes_per_day']]);
  });
});

describe('live_uploads', () => {
  it('counts what is not settled: room comes with what is available, rejected or expired', async () => {
    await limited({ bucket: { live_uploads: 2 } });
    const held = await as('ana');
    const [first, second] = [await upload(held, 4), await upload(held, 4)];
    const beyond = await upload(held, 4);
    expect([beyond.status, rulesOf(beyond)]).toEqual([429, ['bucket_live_uploads']]);
    expect(beyond.headers.get('ratelimit-policy')).toBe('"bucket_live_uploads";q=2');
    expect(Number(beyond.headers.get('retry-after'))).toBeLessThanOrEqual(60);

    await send(first, 'text');
    await comesTo(first, 'available');
    const third = await upload(held, 4, 'image/png');
    expect(third.status).toBe(201);
    await send(third, 'text');
    await comesTo(third, 'rejected');
    expect((await upload(held, 4)).status).toBe(201);
    expect((await upload(held, 4)).status).toBe(429);

    stage.broker.advance(1_000);
    await stage.freshNonce();
    await comesTo(second, 'expired');
    const again = await as('ana');
    expect((await upload(again, 4)).status).toBe(201);
  });

  it('holds for requests that come at once, too', async () => {
    await limited({ app: { live_uploads: 3 } });
    const held = await as('ana');
    const answers = await Promise.all(Array.from({ length: 10 }, () => upload(held)));
    const granted = answers.filter(({ status }) => status === 201);
    expect(granted).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
  });
});
