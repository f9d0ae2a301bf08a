import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, type Held, openStage, type Stage } from '../security/stage.ts';
import { type Answer, newKey } from '../support/client.ts';

/** An app's `limits`: per user of the app, over a sliding window. */

const LIMITS = { exchanges_per_minute: 4, uploads_per_hour: 3, bytes_per_day: 1_000 };
const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.reconfigure((draft) => {
    for (const app of draft.apps) if (app.id === 'where2eat') app.limits = LIMITS;
  });
}, 60_000);
afterAll(() => stage?.stop());

/** So that no window ends in the middle of a test, and none has anything in it of the test before. */
const beginWindow = async (seconds: number): Promise<void> => {
  stage.broker.advance(2 * seconds - (stage.now() % seconds) + 1);
  await stage.freshNonce();
};

const advance = async (seconds: number): Promise<void> => {
  stage.broker.advance(seconds);
  await stage.freshNonce();
};

const upload = (held: Held, size = 10, through = held): Promise<Answer> =>
  stage.client.call('/request-upload', {
    body: { filename: 'a.png', size, contentType: 'image/png' },
    token: through.token,
    key: through.key,
  });

const mustBeLimited = (answer: Answer, name: string, limit: number, window: number): number => {
  expect(answer).toMatchObject({
    status: 429,
    body: { error: 'too_many_requests', violations: [{ rule: name }] },
  });
  const after = Number(answer.headers.get('retry-after'));
  expect(after).toBeGreaterThan(0);
  expect(answer.headers.get('ratelimit')).toBe(`"${name}";r=0;t=${after}`);
  expect(answer.headers.get('ratelimit-policy')).toBe(`"${name}";q=${limit};w=${window}`);
  return after;
};

describe('exchanges_per_minute', () => {
  beforeEach(() => beginWindow(MINUTE));

  const exchange = (sub: string) => stage.tokenOf({ claims: { sub } }).then(({ answer }) => answer);
  const refused = (sub: string) =>
    stage.tokenOf({ claims: { sub } }).then(
      () => undefined,
      (error: Error) => error.message,
    );

  it('refuses the one beyond, with the header fields that say when to come back', async () => {
    for (let times = 0; times < 4; times += 1) expect((await exchange('ana')).status).toBe(200);
    const { answer } = await tooMany('ana');
    mustBeLimited(answer, 'exchanges_per_minute', 4, MINUTE);
  });

  it('is right about when: not sooner, and then indeed', async () => {
    for (let times = 0; times < 4; times += 1) await exchange('bea');
    const { answer } = await tooMany('bea');
    const after = mustBeLimited(answer, 'exchanges_per_minute', 4, MINUTE);
    await advance(after - 5);
    expect(await refused('bea')).toMatch(/exchanges_per_minute/);
    await advance(6);
    expect((await exchange('bea')).status).toBe(200);
  });

  it('slides: a new window does not give everything back at once', async () => {
    for (let times = 0; times < 4; times += 1) await exchange('cai');
    await advance(MINUTE + MINUTE / 2);
    expect((await exchange('cai')).status).toBe(200);
    expect((await exchange('cai')).status).toBe(200);
    expect(await refused('cai')).toMatch(/exchanges_per_minute/);
  });

  it("is each user's own, and each app's", async () => {
    for (let times = 0; times < 4; times += 1) await exchange('dan');
    expect(await refused('dan')).toMatch(/exchanges_per_minute/);
    expect((await exchange('eve')).status).toBe(200);
    const elsewhere = await stage.exchange({ claims: { sub: 'dan', aud: 'lowcode' } });
    expect(elsewhere.status).toBe(200);
  });

  const tooMany = async (sub: string): Promise<{ answer: Answer }> => {
    return { answer: await stage.exchange({ claims: { sub }, key: newKey() }) };
  };
});

describe('uploads_per_hour', () => {
  beforeEach(() => beginWindow(HOUR));

  it('refuses the one beyond, whichever token of the user asks', async () => {
    const [first, second] = [await stage.tokenOf(), await stage.tokenOf()];
    for (const held of [first, second, first]) expect((await upload(held)).status).toBe(201);
    mustBeLimited(await upload(second), 'uploads_per_hour', 3, HOUR);
    const other = await stage.tokenOf({ claims: { sub: 'somebody-else' } });
    expect((await upload(other)).status).toBe(201);
  });

  it('counts what was granted, not what was refused', async () => {
    const held = await stage.tokenOf();
    for (let times = 0; times < 5; times += 1) {
      expect((await upload(held, 2_000_000)).status).toBe(400); // beyond the grant's max_size
    }
    for (let times = 0; times < 5; times += 1) {
      expect((await upload(held, 1_001)).status).toBe(400); // beyond what a day holds
    }
    for (let times = 0; times < 3; times += 1) expect((await upload(held)).status).toBe(201);
  });
});

describe('bytes_per_day', () => {
  beforeEach(() => beginWindow(DAY));

  it('says of what can never fit that it is too large, not that it came too often', async () => {
    const held = await stage.tokenOf({ claims: { sub: 'greedy' } });
    const answer = await upload(held, 1_001);
    expect(answer).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_request',
        violations: [
          { field: 'size', rule: 'bytes_per_day', message: expect.stringMatching(/1000 bytes/) },
        ],
      },
    });
    expect(answer.headers.get('retry-after')).toBeNull();
    expect((await upload(held, 1_000)).status).toBe(201);
  });
});

describe('what an upload took', () => {
  beforeEach(() => beginWindow(DAY));

  const holderOf = (sub: string): Promise<Held> => stage.tokenOf({ claims: { sub } });
  const asked = async (held: Held, size: number): Promise<string> => {
    const { status, body } = await upload(held, size);
    expect(status).toBe(201);
    return String(body.objectId);
  };
  const comesTo = (objectId: string, status: string) =>
    eventually(async () => {
      const [row] = await stage.query<{ status: string }>(
        'SELECT status FROM stored_object WHERE object_id = $1',
        [objectId],
      );
      return row?.status === status;
    });
  /** Declares an image or a text, and sends a text. */
  const send = async (held: Held, size: number, contentType: string): Promise<string> => {
    const { body } = await stage.client.call('/request-upload', {
      body: { filename: 'a', size, contentType },
      token: held.token,
      key: held.key,
    });
    const headers = body.headers as Record<string, string>;
    await fetch(String(body.uploadUrl), { method: 'PUT', headers, body: 'x'.repeat(size) });
    return String(body.objectId);
  };

  it('is given back, once, when nothing ever arrives', async () => {
    const held = await holderOf('absent-minded');
    await comesTo(await send(held, 400, 'text/plain'), 'available');
    const lost = await asked(held, 600);
    await advance(1_000);
    await comesTo(lost, 'expired');
    const again = await holderOf('absent-minded');
    expect((await upload(again, 601)).status).toBe(429);
    await asked(again, 600);
    expect((await upload(again, 1)).status).toBe(429);
  });

  it('is given back when what arrived is not what was declared', async () => {
    const held = await holderOf('careless');
    await comesTo(await send(held, 1_000, 'image/png'), 'rejected');
    for (const size of [400, 300, 300]) await asked(held, size);
    expect((await upload(held, 1)).status).toBe(429);
  });

  it('is given back to the window it was taken from, and to no other', async () => {
    await advance(DAY - 400);
    const lost = await asked(await holderOf('nocturnal'), 600);
    await advance(HOUR); // another day
    const held = await holderOf('nocturnal');
    await asked(held, 1);
    await comesTo(lost, 'expired');
    await asked(held, 999);
    expect((await upload(held, 1)).status).toBe(429);
  });

  it('stays taken by what became available', async () => {
    const held = await holderOf('careful');
    await comesTo(await send(held, 900, 'text/plain'), 'available');
    expect((await upload(held, 101)).status).toBe(429);
  });

  it('is inclusive, adds up, and comes back in the course of the next day', async () => {
    const held = await holderOf('thrifty');
    for (const size of [600, 400]) {
      await comesTo(await send(held, size, 'text/plain'), 'available');
    }
    const after = mustBeLimited(await upload(held, 500), 'bytes_per_day', 1_000, DAY);
    expect(after).toBeGreaterThan(DAY);
    await advance(after - 60);
    expect((await upload(await holderOf('thrifty'), 500)).status).toBe(429);
    await advance(120);
    expect((await upload(await holderOf('thrifty'), 500)).status).toBe(201);
  });
});
