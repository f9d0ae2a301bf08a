import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PORTAL_SECRET, SECRET } from '../security/deployment.ts';
import { basic, openStage, type Stage } from '../security/stage.ts';
import { newKey } from '../support/client.ts';
import { openEventStream } from '../support/event-stream.ts';

/** `GET /revocations/feed`: server-sent events for those that verify tokens themselves. */

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const AUTHORIZED = { authorization: basic('orders-api', SECRET) };

const open = (url: string, headers: Record<string, string> = AUTHORIZED) =>
  openEventStream(url, { headers });

describe('the revocation feed', () => {
  it('tells of a revocation at another instance, and of the lifting of its block', async () => {
    const stream = await open(stage.brokers[1]!.url);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    const start = await stream.next();
    expect(start?.event).toBeUndefined();

    const receipt = await stage.revoke({ app_id: 'lowcode' });
    const told = await stream.next();
    expect(told).toMatchObject({
      id: start!.id + 1,
      event: 'revocation',
      data: {
        revocation_id: receipt.body.revocation_id,
        target: { app_id: 'lowcode' },
        effective_at: receipt.body.effective_at,
        block: true,
        lifted: false,
      },
    });

    const { token, key } = await stage.adminOf(['security']);
    const path = `/admin/v1/revocations/${receipt.body.revocation_id}`;
    await stage.client.call(path, { method: 'DELETE', token, key });
    expect(await stream.next()).toMatchObject({ id: start!.id + 2, data: { lifted: true } });
    stream.close();
  });

  it('resumes where the reader was, with nothing left out and nothing twice', async () => {
    const first = await open(stage.broker.url);
    const { id } = (await first.next())!;
    first.close();
    const held = [await stage.tokenOf(), await stage.tokenOf(), await stage.tokenOf()];
    for (const { id: token_id } of held) await stage.revoke({ token_id });
    const again = await open(stage.broker.url, { ...AUTHORIZED, 'last-event-id': String(id) });
    await again.next();
    for (const [place, { id: token_id }] of held.entries()) {
      expect(await again.next()).toMatchObject({
        id: id + 1 + place,
        data: { target: { token_id } },
      });
    }
    again.close();
  });

  it("says nothing of another tenant's, but of a signing key", async () => {
    const stream = await open(stage.broker.url);
    const { id } = (await stream.next())!;
    const [key] = ((await stage.client.call('/jwks')).body as { keys: { kid: string }[] }).keys;
    await stage.revoke({ app_id: 'globex-app' }, { block: false });
    await stage.revoke({ key_id: key!.kid }, { block: false });
    expect(await stream.next()).toMatchObject({
      id: id + 2,
      data: { target: { key_id: key!.kid } },
    });
    stream.close();
  });

  it('tells each tenant of a key that is used in both, and of nothing that has ended there', async () => {
    await stage.reconfigure((draft) => {
      const api = draft.resource_servers.find(({ tenant }) => tenant === 'globex')!;
      Object.assign(api, { introspection_clients: ['globex-service'] });
    });
    const globex = { authorization: basic('globex-service', SECRET) };
    const [ours, theirs] = [await open(stage.broker.url), await open(stage.broker.url, globex)];
    const { id } = (await ours.next())!;
    await theirs.next();
    const [shared, alone] = [newKey(), newKey()];
    const claims = { iss: stage.sso.issuer('globex'), aud: 'globex-app', region: 'us' };
    const body = { resource: 'bucket:globex-files' };
    await stage.tokenOf({ key: shared });
    await stage.tokenOf({ key: shared, claims, body });
    await stage.tokenOf({ key: alone });
    // What they held there has ended: nobody there needs to hear of it.
    await stage.tokenOf({ key: alone, claims, body });
    await stage.query(
      'UPDATE issued_token SET expires_at = issued_at WHERE device_id = $1 AND tenant_id = $2',
      [`d_${alone.jkt}`, 'globex'],
    );

    const target = { device_id: `d_${shared.jkt}` };
    const { body: receipt } = await stage.revoke(target);
    expect(receipt.killed).toMatchObject({ tokens: 2 });
    await stage.revoke({ device_id: `d_${alone.jkt}` });
    const { token, key } = await stage.adminOf(['security']);
    const path = `/admin/v1/revocations/${receipt.revocation_id}`;
    await stage.client.call(path, { method: 'DELETE', token, key });

    const revoked = { data: { revocation_id: receipt.revocation_id, target, lifted: false } };
    const lifted = { data: { revocation_id: receipt.revocation_id, target, lifted: true } };
    const toldUs = [await ours.next(), await ours.next(), await ours.next()];
    expect(toldUs).toMatchObject([
      revoked,
      { data: { target: { device_id: `d_${alone.jkt}` } } },
      lifted,
    ]);
    const toldThem = [await theirs.next(), await theirs.next()];
    expect(toldThem).toMatchObject([revoked, lifted]);
    // One number each: nobody's event takes another's place.
    const numbers = [...toldUs, ...toldThem].map((event) => event!.id - id);
    expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5]);
    for (const stream of [ours, theirs]) stream.close();
    await stage.reconfigure(() => undefined);
  });

  it('is for introspection clients alone', async () => {
    const ask = (headers: Record<string, string>) =>
      stage.client.call('/revocations/feed', { headers });
    const wrong = [
      {},
      { authorization: 'Basic' },
      { authorization: 'Basic !' },
      { authorization: basic('orders-api', 'wrong') },
      { authorization: basic('nobody', SECRET) },
      { authorization: basic('signer', '') },
      { authorization: `Bearer ${(await stage.tokenOf()).token}` },
    ] as Record<string, string>[];
    const answers = await Promise.all(wrong.map(ask));
    for (const [place, { status, body, headers }] of answers.entries()) {
      expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_client' });
      // RFC 6749 §5.2: where the client tried it. A browser that did not would ask its user for a password.
      const challenge = place === 0 ? null : expect.stringContaining('Basic');
      expect(headers.get('www-authenticate')).toEqual(challenge);
    }
    const other = await ask({ authorization: basic('portal', PORTAL_SECRET) });
    expect([other.status, other.body.error]).toEqual([403, 'access_denied']);
  });

  it('refuses an id it never gave', async () => {
    const headers = { ...AUTHORIZED, 'last-event-id': '1; DROP TABLE lock' };
    const answer = await stage.client.call('/revocations/feed', { headers });
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
  });

  it('keeps no more than five streams open for one client', async () => {
    const streams = await Promise.all(Array.from({ length: 5 }, () => open(stage.broker.url)));
    for (const stream of streams) await stream.next();
    const sixth = await stage.client.call('/revocations/feed', { headers: AUTHORIZED });
    expect([sixth.status, sixth.body.error]).toEqual([429, 'too_many_requests']);
    for (const stream of streams) stream.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const freed = await open(stage.broker.url);
    expect(freed.response.status).toBe(200);
    freed.close();
  });

  it('ends its streams when the broker stops, without waiting for them', async () => {
    const own = await openStage();
    const stream = await open(own.broker.url);
    await stream.next();
    const ended = stream.next();
    const before = performance.now();
    await own.stop();
    expect(await ended).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(5_000);
  }, 60_000);
});
