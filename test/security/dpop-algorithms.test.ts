import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DPOP_ALGORITHMS } from '../../src/protocol/dpop.ts';
import type { Answer } from '../support/client.ts';
import { newKey, signJwt } from '../unit/identity/issuer.ts';
import { PORTAL_SECRET } from './deployment.ts';
import { basic, EXCHANGE, ID_TOKEN, openStage, type Stage, unique } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const ath = (token: string): string => createHash('sha256').update(token).digest('base64url');
const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };

describe('D06 every algorithm of the metadata, at every door', () => {
  it('is what the metadata says', async () => {
    for (const path of ['oauth-authorization-server', 'oauth-protected-resource']) {
      const { body } = await stage.client.call(`/.well-known/${path}`);
      expect(body.dpop_signing_alg_values_supported).toEqual([...DPOP_ALGORITHMS]);
    }
    const { headers } = await stage.client.call('/request-upload', { body: upload });
    expect(headers.get('www-authenticate')).toContain(`algs="${DPOP_ALGORITHMS.join(' ')}"`);
  });

  it.each([...DPOP_ALGORITHMS])('D06 accepts %s, with nonces of either instance', async (alg) => {
    const key = newKey(alg);
    const jwk = key.publicKey.export({ format: 'jwk' });
    const [first, second] = [stage.clients[0] ?? stage.client, stage.clients[1] ?? stage.client];

    const proof = async (path: string, more: object = {}): Promise<string> => {
      const claims = { htm: 'POST', htu: `${stage.issuer}${path}`, iat: stage.now(), ...more };
      const nonce = await stage.freshNonce();
      const header = { typ: 'dpop+jwt', kid: undefined, jwk };
      return signJwt(key, { jti: unique(), nonce, ...claims }, header);
    };
    const mustGrant = (answer: Answer, status: number): Answer => {
      expect({ status: answer.status, text: answer.text }).toEqual({ status, text: answer.text });
      // Every answer to a proof has the nonce for the next one.
      expect(answer.headers.get('dpop-nonce')).toMatch(/./);
      return answer;
    };

    const answer = mustGrant(
      await stage.exchange({ headers: { dpop: await proof('/exchange') } }, first),
      200,
    );
    const token = String(answer.body.access_token);
    expect(answer.body.token_type).toBe('DPoP');
    const use = async (): Promise<Record<string, string>> => ({
      authorization: `DPoP ${token}`,
      dpop: await proof('/request-upload', { ath: ath(token) }),
    });
    mustGrant(await second.call('/request-upload', { body: upload, headers: await use() }), 201);
    mustGrant(
      await second.call('/token', {
        form: {
          grant_type: EXCHANGE,
          subject_token: stage.idToken({ aud: 'portal' }),
          subject_token_type: ID_TOKEN,
          resource: 'bucket:project-123',
        },
        headers: { authorization: basic('portal', PORTAL_SECRET), dpop: await proof('/token') },
      }),
      200,
    );
  });
});
