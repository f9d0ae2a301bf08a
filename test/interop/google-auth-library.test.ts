import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityPoolClient } from 'google-auth-library';
import { decodeJwt } from 'jose';
import {
  BUCKET,
  ID_TOKEN,
  ORDERS,
  openTokenEndpoint,
  PLAIN_SECRET,
  type TokenEndpoint,
} from '../spec/token-endpoint.ts';

/** Google's client of workload identity federation, pointed at this token endpoint by its configuration alone. */

let endpoint: TokenEndpoint;
let dir: string;
beforeAll(async () => {
  endpoint = await openTokenEndpoint();
  dir = await mkdtemp(join(tmpdir(), 'daypass-google-'));
}, 60_000);
afterAll(async () => {
  await endpoint?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** Its own Basic authentication does not form-encode the pair, so this secret needs no encoding. */
const configuration = (audience: string, scopes: string[]) => ({
  type: 'external_account' as const,
  audience,
  subject_token_type: ID_TOKEN,
  token_url: `${endpoint.issuer}/token`,
  client_id: 'workload',
  client_secret: PLAIN_SECRET,
  scopes,
});

const signIn = () => endpoint.signIn('workload');

describe('google-auth-library', () => {
  it('exchanges the ID token in a file, as a credential configuration says', async () => {
    const file = join(dir, 'id-token');
    await writeFile(file, await signIn());
    const client = new IdentityPoolClient({
      ...configuration(ORDERS, ['orders:read']),
      credential_source: { file },
    });
    const { token } = await client.getAccessToken();
    expect(decodeJwt(token ?? '')).toMatchObject({ aud: ORDERS, scope: 'orders:read' });
  });

  it.each([
    ['keeps what it got while that is fresh', 60_000, 1],
    ['asks again when that is about to run out', 301_000, 2],
  ])(
    'exchanges what a supplier supplies, and %s',
    async (_, eagerRefreshThresholdMillis, times) => {
      let supplied = 0;
      const client = new IdentityPoolClient({
        ...configuration(BUCKET, ['read', 'list']),
        subject_token_supplier: {
          getSubjectToken: async ({ audience, subjectTokenType }) => {
            expect({ audience, subjectTokenType }).toEqual({
              audience: BUCKET,
              subjectTokenType: ID_TOKEN,
            });
            supplied += 1;
            return signIn();
          },
        },
        // Its default, five minutes, is as long as our tokens live: it would ask anew each time.
        eagerRefreshThresholdMillis,
      });
      const tokens = [await client.getAccessToken(), await client.getAccessToken()];
      for (const { token } of tokens) expect(token).toMatch(/^dp_at_/);
      expect(new Set(tokens.map(({ token }) => token)).size).toBe(times);
      expect(supplied).toBe(times);
    },
  );

  it('says what the broker says', async () => {
    const client = new IdentityPoolClient({
      ...configuration('bucket:unknown', ['read']),
      subject_token_supplier: { getSubjectToken: signIn },
    });
    await expect(client.getAccessToken()).rejects.toThrow(/invalid_target: the app has no grant/);
  });
});
