import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StorageAction } from '../../../src/protocol/authorization-details.ts';
import { OAuthError, unavailable } from '../../../src/protocol/oauth-error.ts';
import { holdCredentials } from '../../../src/storage/s3/held-credentials.ts';
import { createS3Store } from '../../../src/storage/s3/s3-store.ts';
import { sessionPolicy } from '../../../src/storage/s3/session-policy.ts';
import type { S3Credentials } from '../../../src/storage/s3/signature-v4.ts';
import { createTokenService } from '../../../src/storage/s3/token-service.ts';
import { startTokenService } from '../../support/sts-stand-in.ts';

const START = Date.parse('2026-11-22T03:00:00Z');
const HOUR = 3_600_000;

/** Sessions of an hour by a clock of our own, numbered. */
const sessions = () => {
  let at = START;
  const asked: Promise<S3Credentials>[] = [];
  let fails = false;
  const source = holdCredentials(
    () => {
      const session = fails
        ? Promise.reject<S3Credentials>(unavailable('STS is down'))
        : Promise.resolve({
            accessKeyId: `session-${asked.length + 1}`,
            secretAccessKey: 's',
            sessionToken: 't',
            expiresAt: new Date(at + HOUR),
          });
      asked.push(session);
      return session;
    },
    () => new Date(at),
  );
  const settle = async () => {
    await Promise.allSettled(asked);
    await new Promise(setImmediate);
  };
  return {
    source,
    asked,
    settle,
    pass: (milliseconds: number) => {
      at += milliseconds;
    },
    fail: (does: boolean) => {
      fails = does;
    },
  };
};

describe('credentials that are renewed', () => {
  it('are asked for once by all who wait, and then at hand at once', async () => {
    const { source, asked } = sessions();
    const all = await Promise.all([source(300), source(60), source(900)]);
    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(Array(3).fill('session-1'));
    expect(asked).toHaveLength(1);
    expect(source(900)).not.toBeInstanceOf(Promise);
  });

  it('are renewed ahead of their end, and nobody waits for that', async () => {
    const { source, asked, pass, settle } = sessions();
    await source(60);
    pass(39 * 60_000);
    expect(source(60)).toMatchObject({ accessKeyId: 'session-1' });
    expect(asked).toHaveLength(1);
    pass(2 * 60_000);
    expect(source(60)).toMatchObject({ accessKeyId: 'session-1' });
    expect(asked).toHaveLength(2);
    await settle();
    expect(source(60)).toMatchObject({ accessKeyId: 'session-2' });
  });

  it('are kept while they hold, where the renewal fails, and asked for again only after a while', async () => {
    const { source, asked, pass, settle, fail } = sessions();
    await source(60);
    fail(true);
    pass(50 * 60_000);
    for (let tries = 0; tries < 5; tries += 1) {
      expect(source(60)).toMatchObject({ accessKeyId: 'session-1' });
      await settle();
    }
    expect(asked).toHaveLength(2);
    pass(11 * 60_000);
    await expect(source(60)).rejects.toMatchObject({ status: 503 });
  });

  it('are never used for what outlives them', async () => {
    const { source, pass } = sessions();
    await source(60);
    pass(HOUR - 60_000);
    expect(await source(900)).toMatchObject({ accessKeyId: 'session-2' });
  });
});

const actions = fc.uniqueArray(fc.constantFrom<StorageAction>('read', 'write', 'list', 'delete'), {
  minLength: 1,
});
const grant = { expiresAt: new Date(START), sessionName: 'tk_1@u_1' };
const place = { bucket: 'acme', region: 'eu-west-1' };

interface Statement {
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: string;
  readonly Condition: Record<string, Record<string, string>>;
}

/** Below the folder, until the end, and nothing else. */
const isWithin = ({ Effect, Action, Resource, Condition }: Statement, folder: string): boolean => {
  const { DateLessThan, StringLike, ...others } = Condition;
  const lists = Action.includes('s3:ListBucket');
  return (
    Effect === 'Allow' &&
    Object.keys(others).length === 0 &&
    DateLessThan?.['aws:CurrentTime'] === '2026-11-22T03:00:00Z' &&
    Resource === (lists ? 'arn:aws:s3:::acme' : `arn:aws:s3:::acme/${folder}*`) &&
    StringLike?.['s3:prefix'] === (lists ? `${folder}*` : undefined)
  );
};

describe('the policy of a session', () => {
  const EXPECTED: Record<StorageAction, readonly string[]> = {
    read: ['s3:GetObject'],
    write: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
    delete: ['s3:DeleteObject'],
    list: ['s3:ListBucket'],
  };

  it('allows exactly what was granted, below the prefix, until the end: 10,000 random grants', () => {
    const prefix = fc
      .array(fc.stringMatching(/^[a-zA-Z0-9_.é -]{1,20}$/), { minLength: 1, maxLength: 6 })
      .map((segments) => `${segments.join('/')}/`);
    fc.assert(
      fc.property(actions, prefix, (granted, folder) => {
        const text = sessionPolicy({ ...grant, actions: granted, prefix: folder }, place);
        if (text.length > 2048) return false;
        const { Statement } = JSON.parse(text) as { Statement: readonly Statement[] };
        const allowed = Statement.flatMap(({ Action }) => Action).sort();
        const expected = granted.flatMap((action) => EXPECTED[action]).sort();
        return (
          allowed.join() === expected.join() && Statement.every((one) => isWithin(one, folder))
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([
    ['a star', 'a*/', 'prefix_pattern'],
    ['a question mark', 'a?/', 'prefix_pattern'],
    ['a variable', `a\${aws:username}/`, 'prefix_pattern'],
    ['a thousand characters', `${'x'.repeat(1_000)}/`, 'prefix_length'],
    ['two hundred that are not ASCII', `${'日'.repeat(200)}/`, 'prefix_length'],
  ])('is not made for a prefix with %s, which it could not say exactly', (_, prefix, rule) => {
    const all = ['read', 'list'] as const;
    expect(() => sessionPolicy({ ...grant, actions: all, prefix }, place)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        violations: [expect.objectContaining({ field: 'prefix', rule })],
      }),
    );
  });

  it('is ASCII, which every token service takes and counts alike', () => {
    const folder = 'menüs/日本/';
    const text = sessionPolicy({ ...grant, actions: ['read', 'list'], prefix: folder }, place);
    expect(text).toMatch(/^[ -~]+$/);
    const { Statement } = JSON.parse(text) as { Statement: readonly Statement[] };
    expect(Statement.every((one) => isWithin(one, folder))).toBe(true);
  });

  it('names the partition of the region', () => {
    const of = (region: string) =>
      sessionPolicy({ ...grant, actions: ['read'], prefix: 'a/' }, { bucket: 'acme', region });
    expect(of('cn-north-1')).toContain('"arn:aws-cn:s3:::acme/a/*"');
    expect(of('us-gov-west-1')).toContain('"arn:aws-us-gov:s3:::acme/a/*"');
  });
});

describe('the token service', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  const start = async (...answer: Parameters<typeof startTokenService>) => {
    const service = await startTokenService(...answer);
    stops.push(service.stop);
    return service;
  };
  const role = { arn: 'arn:aws:iam::1:role/x', sessionName: 'daypass-b', duration: 60 };

  it('is shown a web identity and nothing else: the call bears no signature', async () => {
    const service = await start();
    const webIdentity = async () => 'a.b.c';
    const { assume } = createTokenService({
      region: 'eu-west-1',
      endpoint: service.url,
      asker: { webIdentity },
    });
    expect(await assume(role)).toMatchObject({ sessionToken: 'session', accessKeyId: 'ASIA1' });
    const [call] = service.calls;
    expect(call?.headers).not.toHaveProperty('authorization');
    expect(Object.fromEntries(call?.form ?? [])).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: role.arn,
      RoleSessionName: 'daypass-b',
      WebIdentityToken: 'a.b.c',
      DurationSeconds: '900',
    });
  });

  it('is asked under our own key where there is one, with the policy of the session', async () => {
    const service = await start();
    const { assume } = createTokenService({
      region: 'eu-west-1',
      endpoint: service.url,
      asker: { credentials: () => ({ accessKeyId: 'AKID', secretAccessKey: 's' }) },
    });
    await assume({ ...role, policy: '{}', duration: 1_800 });
    const [call] = service.calls;
    expect(call?.headers.authorization).toContain('Credential=AKID/');
    expect(Object.fromEntries(call?.form ?? [])).toMatchObject({
      Action: 'AssumeRole',
      Policy: '{}',
      DurationSeconds: '1800',
    });
  });

  it('that refuses is an outage, and what it says of the assertion is told to nobody', async () => {
    const service = await start(() => 403);
    const { assume } = createTokenService({
      region: 'eu-west-1',
      endpoint: service.url,
      asker: { webIdentity: async () => 'a.b.c' },
    });
    const refused = await assume(role).catch((error: unknown) => error as OAuthError);
    expect(refused).toMatchObject({ status: 503 });
    expect(JSON.stringify(refused)).not.toContain('a.b.c');
  });

  it('that packs a policy and finds it too large says so of the prefix: asking again would not help', async () => {
    const service = await start(() => 'PackedPolicyTooLarge');
    const { assume } = createTokenService({
      region: 'eu-west-1',
      endpoint: service.url,
      asker: { webIdentity: async () => 'a.b.c' },
    });
    const refused = await assume({ ...role, policy: '{}' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      status: 400,
      code: 'invalid_request',
      violations: [{ field: 'prefix', rule: 'prefix_length' }],
    });
  });

  it('serves a store whose URLs wait for the first session, and then for none', async () => {
    const service = await start();
    const { assume } = createTokenService({
      region: 'us-east-1',
      endpoint: service.url,
      asker: { webIdentity: async () => 'a.b.c' },
    });
    const store = createS3Store({
      bucket: 'acme',
      region: 'us-east-1',
      endpoint: service.url,
      credentials: holdCredentials(
        () => assume(role),
        () => new Date(),
      ),
    });
    const get = { key: 'a.png', expiresIn: 60, fileName: 'a.png' };
    const first = store.presignGet(get, new Date());
    expect(first).toBeInstanceOf(Promise);
    expect(new URL((await first).url).searchParams.get('X-Amz-Security-Token')).toBe('session');
    expect(store.presignGet(get, new Date())).not.toBeInstanceOf(Promise);
    expect(service.calls).toHaveLength(1);
  });
});

describe('what else is signed', () => {
  const base = {
    bucket: 'acme-data',
    region: 'eu-west-1',
    credentials: () => ({ accessKeyId: 'AKID', secretAccessKey: 'secret' }),
  };
  const now = new Date(START);
  const put = { key: 'a/b', size: 10, contentType: 'image/png', expiresIn: 300 };

  it('is the encryption of the bucket, in a PUT and in a form', () => {
    const encryption = { sse: 'aws:kms', kms_key_id: 'arn:aws:kms:eu-west-1:1:key/2' } as const;
    const store = createS3Store({ ...base, encryption });
    const { headers, url } = store.presignPut(put, now);
    expect(headers).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'arn:aws:kms:eu-west-1:1:key/2',
    });
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe(
      'content-length;content-type;host;if-none-match;x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id',
    );
    const form = store.presignPost({ ...put, minSize: 1, maxSize: 10 }, now);
    const policy = Buffer.from(form.fields?.Policy ?? '', 'base64').toString();
    expect(policy).toContain('{"x-amz-server-side-encryption":"aws:kms"}');
  });

  it('has the bucket in the host name of an endpoint that wants it there', () => {
    const endpoint = 'https://s3.example:9000';
    const { url } = createS3Store({ ...base, endpoint, pathStyle: false }).presignPut(put, now);
    expect(url).toMatch(/^https:\/\/acme-data\.s3\.example:9000\/a\/b\?/);
    expect(createS3Store({ ...base, endpoint }).presignPut(put, now).url).toMatch(
      /^https:\/\/s3\.example:9000\/acme-data\/a\/b\?/,
    );
  });

  it('signs, for a server that may obey what nobody signed, that nothing is to be copied (S04)', () => {
    const store = createS3Store({ ...base, endpoint: 'https://s3.example' });
    const part = { key: 'a/b', uploadId: 'up', partNumber: 1, size: 5, expiresIn: 60 };
    for (const { url, headers } of [store.presignPut(put, now), store.presignPart(part, now)]) {
      const signed = new URL(url).searchParams.get('X-Amz-SignedHeaders')?.split(';');
      for (const name of ['x-amz-copy-if-match', 'x-amz-copy-source-if-match']) {
        expect(signed).toContain(name);
        expect(headers).toHaveProperty([name], '"none"');
      }
    }
  });

  it('is one part, of one size, of one upload', () => {
    const store = createS3Store(base);
    const part = { key: 'a/b', uploadId: 'up+1', partNumber: 7, size: 5, expiresIn: 60 };
    const { url, headers } = store.presignPart(part, now);
    const { searchParams } = new URL(url);
    expect(headers).toEqual({});
    expect(searchParams.get('partNumber')).toBe('7');
    expect(searchParams.get('uploadId')).toBe('up+1');
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host');
    expect(() => store.presignPart({ ...part, partNumber: 10_001 }, now)).toThrow(OAuthError);
    expect(() => store.presignPart({ ...part, size: 0 }, now)).toThrow(OAuthError);
  });
});
