import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Column, EnforcementTable } from '../contract/enforcement.ts';
import { type Answer, newKey } from '../support/client.ts';
import type { StorageProvider, StorageUnderTest } from '../support/storage-providers.ts';
import { startTarget } from '../unit/egress/target.ts';
import { itLivesItsLife } from './life-cycle.ts';
import { mustRefuse, refuses, refusesEverywhere } from './refusal.ts';
import { eventually, type Held, openStage, type Stage } from './stage.ts';
import { itKeepsTickets } from './ticket-life.ts';
import { put, TEXT, upload, uploadsOf } from './uploads.ts';

/** The storage cases of the threat list, as one text for every provider: docs/storage-cases.md has who is covered. */

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** When a signed URL ends, in epoch seconds: in each dialect. */
const endOf = (query: URLSearchParams): number => {
  const se = query.get('se');
  if (se !== null) return Date.parse(se) / 1000;
  const expires = query.get('expires');
  if (expires !== null) return Number(expires);
  const vendor = query.has('X-Amz-Date') ? 'Amz' : 'Goog';
  const [date, time] = (query.get(`X-${vendor}-Date`) ?? '').split('T');
  const at = `${date?.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time?.replace(/(..)(..)(..)Z/, '$1:$2:$3Z')}`;
  return Date.parse(at) / 1000 + Number(query.get(`X-${vendor}-Expires`));
};

/** docs/enforcement.md, as its tests have it. */
const ENFORCEMENT: EnforcementTable = JSON.parse(
  readFileSync(join(import.meta.dirname, '../contract/enforcement.json'), 'utf8'),
);
const columnOf = (name: StorageProvider['name']): Column => (name === 's3' ? 's3rver' : name);

export interface OnProvider {
  readonly name: StorageProvider['name'];
  readonly under: () => StorageUnderTest;
  readonly stage: () => Stage;
}

/** Starts a broker of two instances whose bucket is on this provider, and attacks it. */
export const itWithstandsStorageCases = ({ name, start }: StorageProvider): void => {
  describe(`a bucket on ${name}`, () => {
    let storage: StorageUnderTest;
    let opened: Stage;
    beforeAll(async () => {
      storage = await start();
      opened = await openStage({ instances: 2, bucket: storage.bucket, env: storage.env });
    }, 60_000);
    afterAll(async () => {
      await opened?.stop();
      await storage?.stop();
    });

    const on = { name, under: () => storage, stage: () => opened };
    itLivesItsLife(on);
    itKeepsTickets(on);
    itSignsWhatWasDecided(on);
    itReleasesWhatWasGranted(on);
    itTakesWhatItCanHold(on);
    itSignsForWhoMay(on);
    itHearsNoStranger(on);
    itCutsWhatWasSigned(on); // last: afterwards nothing can be stored
  });
};

/** test/security/storage-paths.test.ts has more of them. */
const FOLDERS = [
  '../',
  '..%2f',
  '%2e%2e/',
  '%252e%252e%252f',
  '..\\',
  '/etc',
  'a//b',
  'a%00b',
  'trailing. ',
  'x'.repeat(1_025),
];

const itSignsWhatWasDecided = ({ name, under, stage }: OnProvider): void => {
  const keyIn = (url: string): string => {
    const { pathname } = new URL(url);
    expect(pathname.startsWith(under().root)).toBe(true);
    return decodeURIComponent(pathname.slice(under().root.length));
  };

  it(`S01 on ${name}: signs the key that was decided, byte for byte, below its prefix`, async () => {
    const { askUpload, askDownload, stored } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const rowOf = async (objectId: string) => {
      const [row] = await stage().query<{ key: string; staging_key: string; user_id: string }>(
        'SELECT key, staging_key, user_id FROM stored_object WHERE object_id = $1',
        [objectId],
      );
      return row;
    };
    for (const more of [
      { filename: 'naïve\u202egnp.exe' },
      { filename: 'a"; b?c=d&e#f' },
      { path: "a b+é'!*()~&=?#漢😀" },
      { path: 'cafe\u0301/%7Ex' },
    ]) {
      const { objectId, uploadUrl } = await askUpload(held, more);
      const row = await rowOf(objectId);
      expect(keyIn(uploadUrl)).toBe(row?.staging_key);
      expect(row?.staging_key).toMatch(/^\.daypass-staging\/ob_[0-9A-Z]{26}\/[0-9a-f]{32}$/);
      expect(row?.key.startsWith(`where2eat/${row.user_id}/`)).toBe(true);
    }
    const objectId = await stored(held, { path: "a b+é'!*()~&=?#漢😀", filename: '=1+1 (2).txt' });
    const url = await askDownload(held, { objectId, once: false });
    expect(keyIn(url)).toBe((await rowOf(objectId))?.key);
    expect(await (await fetch(url)).text()).toBe(TEXT);
  });

  it(`S01 on ${name}: signs nothing for a folder that leads elsewhere`, async () => {
    const { token, key } = await stage().tokenOf();
    const invalid = { status: 400, error: 'invalid_request', audited: true } as const;
    for (const path of FOLDERS)
      await refuses(stage(), invalid, () =>
        stage().client.call('/request-upload', { body: { ...upload, path }, token, key }),
      );
  });

  it(`S07 on ${name}: signs one method on one object, until an end, and nothing that is wider`, async () => {
    const { askUpload, askDownload, stored } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const put = await askUpload(held, { ttl: 120 });
    const get = await askDownload(held, { objectId: await stored(held), once: false, ttl: 60 });
    for (const [url, seconds] of [
      [put.uploadUrl, 120],
      [get, 60],
    ] as const) {
      const query = new URL(url).searchParams;
      expect(new Set(query.keys()).size).toBe([...query.keys()].length);
      // An account's SAS (`ss`, `srt`), a container's (`sr=c`), a stored policy (`si`), a session of more than a role.
      for (const wider of ['ss', 'srt', 'si', 'list-type', 'restype', 'comp'])
        expect(query.has(wider)).toBe(false);
      expect(query.get('sr') ?? 'b').toBe('b');
      expect(query.get('sp') ?? 'r').toMatch(/^[cr]$/);
      expect(endOf(query) - stage().now()).toBeLessThanOrEqual(seconds);
      expect(endOf(query) - stage().now()).toBeGreaterThan(seconds - 60);
    }
    expect((await fetch(put.uploadUrl)).status).toBe(403);
    expect((await fetch(get, { method: 'DELETE' })).status).toBeGreaterThanOrEqual(400);
  });

  it(`S02 on ${name}: takes no bucket, region or endpoint that leads elsewhere`, async () => {
    const { token, key } = await stage().adminOf(['platform']);
    const { document, client } = stage();
    for (const part of under().astray) {
      const bucket = { ...under().bucket, id: 'astray', ...part };
      const body = { ...document, buckets: [...document.buckets, bucket] };
      const invalid = { status: 400, error: 'invalid_request', audited: true } as const;
      await refuses(stage(), invalid, () =>
        client.call('/admin/v1/config', { method: 'PUT', body, token, key }),
      );
    }
  });
};

const itReleasesWhatWasGranted = ({ name, under, stage }: OnProvider): void => {
  it.each<[string, object, Record<string, string>, string]>([
    ['more than was granted', {}, {}, `${TEXT}and more`],
    ['less than was granted', {}, {}, 'what'],
    ['other bytes than were declared', { sha256: sha256(TEXT) }, {}, TEXT.replace('ana', 'eve')],
    [
      'another type',
      { contentType: 'image/png' },
      { 'content-type': 'text/html' },
      '<html> <html> <',
    ],
  ])(`S06 on ${name}: releases nothing where %s came`, async (_, asked, sent, body) => {
    const { askUpload } = uploadsOf(stage);
    const { token, key, ...held } = await stage().tokenOf();
    const { uploadUrl, headers, objectId } = await askUpload({ token, key, ...held }, asked);
    const { status } = await put(uploadUrl, { ...headers, ...sent }, body);
    const path = `/uploads/${objectId}`;
    if (under().stored.includes(status)) {
      await stage().client.call(`${path}/complete`, { method: 'POST', token, key });
      await eventually(async () => {
        const answer = await stage().client.call(path, { token, key });
        expect(answer.body.status).not.toBe('available');
        return answer.body.status === 'rejected';
      });
    } else expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    const unseen = { status: 404, error: 'not_found', audited: true } as const;
    await refuses(stage(), unseen, () =>
      stage().client.call('/request-download', { body: { objectId }, token, key }),
    );
  });
};

const itTakesWhatItCanHold = ({ name, stage }: OnProvider): void => {
  it(`S06 on ${name}: takes no upload that nobody would hold to its type`, async () => {
    await stage().reconfigure(({ buckets: [bucket] }) => {
      Object.assign(bucket ?? {}, { validate: { sniff: false } });
    });
    try {
      const { token, key } = await stage().tokenOf();
      const ask = () => stage().client.call('/request-upload', { body: upload, token, key });
      if (ENFORCEMENT['declared content type, `sniff: false`']?.[columnOf(name)] === 'nobody') {
        const denied = { status: 403, error: 'access_denied', audited: true } as const;
        await refuses(stage(), { ...denied, rule: 'upload_enforceable' }, ask);
      } else expect((await ask()).status).toBe(201);
    } finally {
      await stage().reconfigure(() => undefined);
    }
  });
};

const itSignsForWhoMay = ({ name, stage }: OnProvider): void => {
  const signing = (objectId: string): readonly (readonly [string, object])[] => [
    ['/request-upload', upload],
    ['/request-download', { objectId }],
    ['/request-download', { objectId, once: false }],
    ['/request-download', { objectId, delivery: 'redirect' }],
  ];
  const unproven = { status: 401, error: 'invalid_token' } as const;

  it(`S09 on ${name}: signs nothing for a token that was revoked, on any instance`, async () => {
    const { stored } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const objectId = await stored(held);
    await stage().revoke({ token_id: held.id });
    for (const [path, body] of signing(objectId)) {
      await refusesEverywhere(stage(), { ...unproven, audited: true }, (through) =>
        through.call(path, { body, token: held.token, key: held.key }),
      );
    }
  });

  it(`S09 on ${name}: signs nothing without a proof, or with one under another key`, async () => {
    const { stored } = uploadsOf(stage);
    const { token, key, ...held } = await stage().tokenOf();
    const objectId = await stored({ token, key, ...held });
    const authorization = `DPoP ${token}`;
    const url = (path: string): string => `${stage().issuer}${path}`;
    for (const [path, body] of signing(objectId)) {
      const call = (headers: Record<string, string>): Promise<Answer> =>
        stage().client.call(path, { body, headers });
      const unbound = await stage().proofFor(key, { url: url(path) });
      for (const headers of [
        { authorization },
        { authorization: `Bearer ${token}` },
        { authorization, dpop: unbound }, // says nothing of the token (`ath`)
      ])
        await refuses(stage(), { status: 401, audited: false }, () => call(headers));
      await refuses(stage(), { status: 401, audited: false }, () =>
        stage().client.call(path, { body, token, key: newKey() }),
      );
    }
  });

  it(`S09 on ${name}: signs nothing beyond the quota of the app, on any instance`, async () => {
    await stage().reconfigure((draft) => {
      const app = draft.apps.find(({ id }) => id === 'where2eat');
      if (app) Object.assign(app, { limits: { uploads_per_hour: 2, bytes_per_day: '1KB' } });
    });
    try {
      const { token, key } = await stage().tokenOf({ claims: { sub: 'hurried' } });
      const ask = (size: number, through = stage().client) =>
        through.call('/request-upload', { body: { ...upload, size }, token, key });
      const tooMuch = { status: 429, error: 'too_many_requests', audited: true } as const;
      expect((await ask(10)).status).toBe(201);
      await refuses(stage(), tooMuch, () => ask(1_000));
      expect((await ask(10)).status).toBe(201);
      await refusesEverywhere(stage(), tooMuch, (through) => ask(10, through));
    } finally {
      await stage().reconfigure(() => undefined);
    }
  });

  it(`S09 on ${name}: writes one record for each URL, with its key's hash, its method and its end`, async () => {
    const { stored, askDownload } = uploadsOf(stage);
    const held = await stage().tokenOf();
    const objectId = await stored(held);
    const presigned = await askDownload(held, { objectId, once: false });
    const ticket = await askDownload(held, { objectId, delivery: 'redirect' });
    const redirected = await fetch(ticket, { redirect: 'manual' });
    const [object] = await stage().query<{ key: string; staging_key: string }>(
      'SELECT key, staging_key FROM stored_object WHERE object_id = $1',
      [objectId],
    );
    const rows = await stage().query<{ action: string; detail: Record<string, string> }>(
      `SELECT action, detail FROM audit_event WHERE object_id = $1 AND outcome = 'granted'
         AND detail ? 'signed_key_sha256' ORDER BY action DESC`,
      [objectId],
    );
    const signed = (method: string, key = '') => ({
      method,
      signed_key_sha256: sha256(key),
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(rows).toMatchObject([
      { action: 'upload.request', detail: signed('PUT', object?.staging_key) },
      { action: 'download.request', detail: signed('GET', object?.key) },
      { action: 'download.redeem', detail: signed('GET', object?.key) },
    ]);
    // What is on record lets nobody in.
    for (const url of [presigned, String(redirected.headers.get('location'))])
      for (const value of new URL(url).searchParams.values())
        if (value.length > 40) expect(JSON.stringify(rows)).not.toContain(value);
  });
};

/** Events from whom a bucket names are test/security/storage-events.test.ts's. */
const itHearsNoStranger = ({ name, under, stage }: OnProvider): void => {
  it(`S10 on ${name}: hears no event from whom its bucket does not name, and calls nowhere`, async () => {
    const inside = await startTarget();
    const bucket = 'bucket' in under().bucket ? String(under().bucket.bucket) : under().bucket.id;
    const { uploadUrl } = await uploadsOf(stage).askUpload(await stage().tokenOf());
    const key = decodeURIComponent(new URL(uploadUrl).pathname.slice(under().root.length));
    const record = { s3: { bucket: { name: bucket }, object: { key } }, opaqueData: 'a guess' };
    const sns = {
      TopicArn: 'arn:aws:sns:eu-west-1:123456789012:uploads',
      MessageId: 'm',
      Timestamp: stage().broker.ledger.clock.now().toISOString(),
      SignatureVersion: '1',
      Signature: 'c2lnbmVk',
      SigningCertURL: `${inside.origin}/cert.pem`,
    };
    const subscription = { Token: 't', SubscribeURL: `${inside.origin}/confirm` };
    const pushed = { bucketId: bucket, eventType: 'OBJECT_FINALIZE', objectId: key };
    const created = { eventType: 'Microsoft.Storage.BlobCreated', data: { url: uploadUrl } };
    const validated = { validationCode: 'c', validationUrl: `${inside.origin}/validate` };
    try {
      for (const [cloud, body] of [
        ['s3', { Records: [{ eventName: 'ObjectCreated:Put', ...record }] }],
        ['s3', { ...sns, Type: 'Notification', Message: JSON.stringify({ Records: [record] }) }],
        ['s3', { ...sns, Type: 'SubscriptionConfirmation', Message: '', ...subscription }],
        ['gcs', { message: { messageId: '1', attributes: pushed }, subscription: 's' }],
        ['azure', [{ id: '1', subject: key, topic: 't', ...created }]],
        [
          'azure',
          [{ eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent', data: validated }],
        ],
      ] as const) {
        const headers = { 'x-daypass-event-secret': 'a guess', authorization: 'Bearer a.b.c' };
        const answer = await stage().client.call(`/events/${cloud}`, { body, headers });
        mustRefuse(answer, { status: 401, error: 'invalid_token' });
      }
      expect(inside.connections).toBe(0);
    } finally {
      await inside.close();
    }
  });
};

const itCutsWhatWasSigned = ({ name, under, stage }: OnProvider): void => {
  /** An object, the URLs to it that are out, and an upload under way. */
  const outstanding = async (held: Held) => {
    const { stored, askDownload, askUpload } = uploadsOf(stage);
    const objectId = await stored(held);
    return {
      objectId,
      presigned: await askDownload(held, { objectId, once: false }),
      tickets: [
        await askDownload(held, { objectId }),
        await askDownload(held, { objectId, delivery: 'redirect' }),
      ],
      pending: await askUpload(held),
    };
  };

  it(`S08 on ${name}: a revocation ends tickets, counts the URLs it leaves, and can take their object away`, async () => {
    const held = await stage().tokenOf();
    const { objectId, presigned, tickets, pending } = await outstanding(held);
    const receipt = (await stage().revoke({ token_id: held.id }, { contain_objects: true })).body;
    expect(receipt).toMatchObject({ killed: { tickets: 2 }, contained_objects: 1 });
    const provider = under().bucket.provider;
    const residual = receipt.residual as { kind: string; mitigation: string }[];
    expect(residual.toSorted((a, b) => a.kind.localeCompare(b.kind))).toMatchObject([
      { kind: 'presigned_get', provider, count: 1 },
      { kind: 'presigned_put', provider, count: 1 },
    ]);
    for (const { mitigation } of residual) expect(mitigation).toMatch(under().advice);

    for (const ticket of tickets)
      expect((await fetch(ticket, { redirect: 'manual' })).status).toBe(410);
    await eventually(async () => (await fetch(presigned)).status === 404);
    // What was under way may arrive, and is nobody's to read.
    expect(under().stored).toContain((await put(pending.uploadUrl, pending.headers)).status);
    const other = await stage().tokenOf();
    const { token, key } = other;
    await stage().client.call(`/uploads/${pending.objectId}/complete`, {
      method: 'POST',
      token,
      key,
    });
    for (const one of [objectId, pending.objectId])
      await refuses(stage(), { status: 404, error: 'not_found', audited: true }, () =>
        stage().client.call('/request-download', { body: { objectId: one }, token, key }),
      );
  });

  it(`S08 on ${name}: what the receipt advises cuts every URL that is out`, async () => {
    const held = await stage().tokenOf();
    const { presigned, pending } = await outstanding(held);
    expect(await (await fetch(presigned)).text()).toBe(TEXT);
    const cut = await under().cut(stage().broker);
    try {
      const read = await cut.fetch(presigned);
      expect(read.status).toBe(403);
      expect(await read.text()).not.toContain(TEXT.trim());
      const { uploadUrl, headers } = pending;
      const written = await cut.fetch(uploadUrl, { method: 'PUT', headers, body: TEXT });
      expect(written.status).toBe(403);
    } finally {
      await cut.end();
    }
  });
};
