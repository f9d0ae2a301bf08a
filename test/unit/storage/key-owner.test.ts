import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type AskKeyOwner,
  createKeyOwners,
  type KeyOwner,
  refuseRootKeys,
} from '../../../src/storage/s3/key-owner.ts';
import { startTokenService } from '../../support/sts-stand-in.ts';

const key = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };

describe('whose a key is', () => {
  let stop: (() => Promise<void>) | undefined;
  afterEach(() => stop?.());
  const serviceThat = async (...says: Parameters<typeof startTokenService>) => {
    const service = await startTokenService(...says);
    stop = service.stop;
    return { service, place: { region: 'eu-west-1', endpoint: service.url } };
  };

  it.each<[string, KeyOwner]>([
    ['arn:aws:iam::123456789012:root', 'root'],
    ['arn:aws-cn:iam::123456789012:root', 'root'],
    ['arn:aws:iam::123456789012:user/root', 'other'],
    ['arn:aws:sts::123456789012:assumed-role/root/root', 'other'],
    ['arn:aws:iam::000000000000:root', 'other'], // an emulator, of whoever asks
  ])('S08 on s3: is what the token service says: %s is %s', async (arn, owner) => {
    const { service, place } = await serviceThat(undefined, arn);
    expect(await createKeyOwners()(place, key)).toBe(owner);
    expect(service.callers[0]?.headers.authorization).toContain('Credential=AKIDTEST/');
  });

  it('is asked once, and again where nobody said', async () => {
    let status = 501;
    const { service, place } = await serviceThat(() => status);
    const ownerOf = createKeyOwners();
    expect(await ownerOf(place, key)).toBe('unknown');
    status = 200;
    expect(await Promise.all([ownerOf(place, key), ownerOf(place, key)])).toEqual([
      'other',
      'other',
    ]);
    expect(await ownerOf(place, key)).toBe('other');
    expect(service.callers).toHaveLength(2);
  });

  it('is unknown where no token service answers', async () => {
    const place = { region: 'eu-west-1', endpoint: 'http://127.0.0.1:1' };
    expect(await createKeyOwners()(place, key)).toBe('unknown');
  });
});

describe('credentials that are no root user’s', () => {
  const guarded = (
    says: () => KeyOwner,
    more: { endpoint?: string; sessionToken?: string } = {},
  ) => {
    const { sessionToken, endpoint } = more;
    let [asked, at] = [0, 0];
    const ownerOf: AskKeyOwner = async () => {
      asked += 1;
      return says();
    };
    const credentials = { ...key, ...(sessionToken === undefined ? {} : { sessionToken }) };
    const source = refuseRootKeys(() => credentials, {
      place: { region: 'eu-west-1', endpoint },
      ownerOf,
      now: () => new Date(at),
    });
    return {
      use: async () => source(60),
      useAtOnce: () => source(60),
      asked: () => asked,
      pass: (milliseconds: number) => {
        at += milliseconds;
      },
    };
  };

  it('S08 on s3: sign nothing where they are one', async () => {
    const { use } = guarded(() => 'root');
    for (let time = 0; time < 2; time += 1)
      await expect(use()).rejects.toMatchObject({
        status: 503,
        detail: expect.stringContaining('root user'),
      });
  });

  it('are asked about before their first use, and then at hand', async () => {
    const { use, useAtOnce, asked } = guarded(() => 'other');
    expect(await use()).toEqual(key);
    expect(useAtOnce()).toEqual(key);
    expect(asked()).toBe(1);
  });

  it('are not asked about where they end by themselves', () => {
    const { useAtOnce, asked } = guarded(() => 'root', { sessionToken: 'session' });
    expect(useAtOnce()).toMatchObject({ sessionToken: 'session' });
    expect(asked()).toBe(0);
  });

  it('are used where nobody says whose they are, and on AWS asked about again', async () => {
    let says: KeyOwner = 'unknown';
    const { use, pass, asked } = guarded(() => says);
    expect(await use()).toEqual(key);
    says = 'root';
    pass(59_000);
    expect(await use()).toEqual(key);
    pass(1_000);
    expect(await use()).toEqual(key); // waits for no answer
    await expect(use()).rejects.toThrow();
    expect(asked()).toBe(2);
  });

  it('are asked about once where a server of one’s own says nothing', async () => {
    const { use, pass, asked } = guarded(() => 'unknown', { endpoint: 'https://s3.example' });
    await use();
    pass(3_600_000);
    expect(await use()).toEqual(key);
    expect(asked()).toBe(1);
  });
});
