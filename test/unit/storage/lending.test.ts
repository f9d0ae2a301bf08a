import { createSecretKey, randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StorageAction } from '../../../src/protocol/authorization-details.ts';
import { createLender as createAzureLender } from '../../../src/storage/azure/lending.ts';
import { locate } from '../../../src/storage/azure/location.ts';
import { createCall } from '../../../src/storage/gcs/http.ts';
import { createLender as createGcsLender } from '../../../src/storage/gcs/lending.ts';

const now = new Date('2026-11-22T03:04:05Z');
const expiresAt = new Date('2026-11-22T03:19:05Z');
const sessionName = 'tk_1@u_1';
const ACCOUNT = 'acmestorage';

describe('a SAS for a directory', () => {
  const value = randomBytes(32).toString('base64');
  const location = locate({ account: ACCOUNT, bucket: 'acme' });
  const lender = createAzureLender({
    location,
    keyUntil: () => ({ secret: createSecretKey(Buffer.from(value, 'base64')) }),
  });
  const lend = async (actions: readonly StorageAction[], prefix: string) => {
    const given = await lender
      .prepareCredentials({ actions, prefix, expiresAt, sessionName })
      .issue(now);
    if (given.provider !== 'azure') throw new Error('not of Azure');
    return { url: given.url, query: new URLSearchParams(given.sasToken) };
  };

  it('is for the directory and everything in it, until the moment promised, and never the container', async () => {
    const { url, query } = await lend(['read', 'list'], 'where2eat/uploads/u_1/');
    expect(url).toBe(`https://${ACCOUNT}.blob.core.windows.net/acme`);
    expect(Object.fromEntries(query)).toMatchObject({
      sr: 'd',
      sdd: '3',
      sp: 'rl',
      se: '2026-11-22T03:19:05Z',
      spr: 'https',
    });
  });

  it('may what was granted and nothing more, in the order Azure wants', async () => {
    const expected: Record<StorageAction, string> = {
      read: 'r',
      write: 'cw',
      delete: 'd',
      list: 'l',
    };
    const actions = fc.uniqueArray(
      fc.constantFrom<StorageAction>('read', 'write', 'list', 'delete'),
      {
        minLength: 1,
      },
    );
    await fc.assert(
      fc.asyncProperty(actions, async (granted) => {
        const { query } = await lend(granted, 'a/');
        const letters = [...(query.get('sp') ?? '')].sort().join('');
        return letters === [...granted.map((one) => expected[one]).join('')].sort().join('');
      }),
    );
    expect((await lend(['list', 'delete', 'write', 'read'], 'a/')).query.get('sp')).toBe('rcwdl');
  });

  it("has the signature of Azure's own SDK", async () => {
    const { query } = await lend(['read', 'delete'], 'where2eat/uploads/');
    const theirs = generateBlobSASQueryParameters(
      {
        containerName: 'acme',
        blobName: 'where2eat/uploads',
        isDirectory: true,
        permissions: BlobSASPermissions.parse('rd'),
        startsOn: new Date(now.getTime() - 300_000),
        expiresOn: expiresAt,
        protocol: SASProtocol.Https,
        version: '2023-11-03',
      },
      new StorageSharedKeyCredential(ACCOUNT, value),
    );
    // Its own words have no list for a directory; what is signed is the same but for the letters.
    const sorted = (parameters: URLSearchParams) => [...parameters].map(String).sort();
    expect(sorted(query)).toEqual(sorted(new URLSearchParams(theirs.toString())));
  });
});

interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('an access token with a boundary', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** IAM Credentials and the token service, as Google documents them. */
  const openGoogle = async (status = 200) => {
    const seen: Seen[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        const path = request.url ?? '';
        seen.push({ path, headers: request.headers, body });
        response.writeHead(path === '/v1/token' ? status : 200);
        response.end(
          path === '/v1/token'
            ? JSON.stringify({ access_token: 'narrow', issued_token_type: 'x', secret: 'wide' })
            : JSON.stringify({ accessToken: 'wide', expireTime: 'x' }),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stops.push(() => new Promise((resolve) => server.close(resolve)));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const lender = createGcsLender({
      bucket: 'acme-data',
      serviceAccount: 'lent@acme.iam.gserviceaccount.com',
      call: () => createCall(async () => 'Bearer own'),
      endpoints: { iam: url, sts: url },
    });
    return { seen, lender };
  };
  const grant = { prefix: 'where2eat/u_1/', expiresAt, sessionName };

  it('is made of a token that ends when it should, narrowed to one prefix and one action a rule', async () => {
    const { seen, lender } = await openGoogle();
    const actions = ['read', 'list', 'write'] as const;
    const given = await lender.prepareCredentials({ ...grant, actions }).issue(now);
    expect(given).toEqual({ provider: 'gcs', bucket: 'acme-data', accessToken: 'narrow' });
    const [made, exchanged] = seen;
    expect(made).toMatchObject({
      path: '/v1/projects/-/serviceAccounts/lent%40acme.iam.gserviceaccount.com:generateAccessToken',
      headers: { authorization: 'Bearer own' },
    });
    expect(JSON.parse(made?.body ?? '')).toMatchObject({ lifetime: '900s' });
    expect(exchanged?.headers).not.toHaveProperty('authorization');
    const form = new URLSearchParams(exchanged?.body);
    expect(form.get('subject_token')).toBe('wide');
    const availableResource = '//storage.googleapis.com/projects/_/buckets/acme-data';
    const onObjects = {
      expression: "resource.name.startsWith('projects/_/buckets/acme-data/objects/where2eat/u_1/')",
    };
    expect(JSON.parse(form.get('options') ?? '')).toEqual({
      accessBoundary: {
        accessBoundaryRules: [
          {
            availableResource,
            availablePermissions: ['inRole:roles/storage.legacyObjectReader'],
            availabilityCondition: onObjects,
          },
          {
            availableResource,
            availablePermissions: ['inRole:roles/storage.legacyBucketReader'],
            availabilityCondition: {
              expression:
                "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('where2eat/u_1/')",
            },
          },
          {
            availableResource,
            availablePermissions: ['inRole:roles/storage.objectCreator'],
            availabilityCondition: onObjects,
          },
        ],
      },
    });
  });

  it.each([
    ['deleting, which no role has by itself', { actions: ['delete'] as const }, 'no_such_role'],
    [
      'a prefix that would end the text',
      { actions: ['read'] as const, prefix: "a'||true/" },
      'prefix_quote',
    ],
  ])('is refused for %s, before Google is asked', async (_, asked, rule) => {
    const { seen, lender } = await openGoogle();
    const prepare = () => lender.prepareCredentials({ ...grant, ...asked });
    expect(prepare).toThrow(
      expect.objectContaining({ violations: [expect.objectContaining({ rule })] }),
    );
    expect(seen).toHaveLength(0);
  });

  it('is never the wide one: where Google does not narrow it, nothing is lent', async () => {
    const { lender } = await openGoogle(400);
    const issue = lender.prepareCredentials({ ...grant, actions: ['read'] }).issue(now);
    const refused = await issue.catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 503 });
    expect(String((refused as { detail?: string }).detail)).not.toContain('wide');
  });
});
