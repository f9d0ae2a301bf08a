import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { part } from './corporate-sso.ts';
import { PORTAL_SECRET } from './deployment.ts';
import { mustHaveOneWinner, mustRefuse, refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, type Held, ID_TOKEN, openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };
const badProof = { status: 400, error: 'invalid_dpop_proof' } as const;
const tokenCount = async (): Promise<number> =>
  Number((await stage.query<{ n: string }>('SELECT count(*) AS n FROM issued_token'))[0]?.n);

/** `/exchange` of a fresh ID token with exactly this `DPoP` header. */
const exchangeWith = (dpop: string, through = stage.client, token = stage.idToken()) =>
  through.call('/exchange', {
    token,
    body: { resource: 'bucket:project-123' },
    headers: { dpop },
  });

const useWith = (held: Held, dpop: string, through = stage.client) =>
  through.call('/request-upload', {
    body: upload,
    headers: { authorization: `DPoP ${held.token}`, dpop },
  });

describe('D01 replay', () => {
  it('D01 refuses a proof the second time, on every instance', async () => {
    const dpop = await stage.proofFor(newKey());
    expect((await exchangeWith(dpop)).status).toBe(200);
    await refusesEverywhere(stage, { ...badProof, audited: true, secrets: [dpop] }, (through) =>
      exchangeWith(dpop, through),
    );
  });

  it('D01 refuses a proof that was refused once for another reason', async () => {
    const dpop = await stage.proofFor(newKey());
    const call = (resource: string) =>
      stage.client.call('/exchange', {
        token: stage.idToken(),
        body: { resource },
        headers: { dpop },
      });
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      call('bucket:nowhere'),
    );
    await refuses(stage, { ...badProof, audited: true }, () => call('bucket:project-123'));
  });

  it('D01 refuses the proof of a use of a token the second time, on every instance', async () => {
    const held = await stage.tokenOf();
    const dpop = await stage.proofFor(held.key, {
      url: `${stage.issuer}/request-upload`,
      accessToken: held.token,
    });
    expect((await useWith(held, dpop)).status).toBe(201);
    await refusesEverywhere(
      stage,
      { status: 401, error: 'invalid_dpop_proof', audited: false, secrets: [held.token, dpop] },
      (through) => useWith(held, dpop, through),
    );
  });

  it('D01 refuses one proof at two doors: /exchange and its alias are not one URL', async () => {
    const dpop = await stage.proofFor(newKey());
    await refuses(stage, { ...badProof, audited: false }, () =>
      stage.client.call('/issue-token', {
        token: stage.idToken(),
        body: { resource: 'bucket:project-123' },
        headers: { dpop },
      }),
    );
    expect((await exchangeWith(dpop)).status).toBe(200);
  });

  it('D01 takes a proof of a dry run for used', async () => {
    const dpop = await stage.proofFor(newKey());
    const dry = await stage.client.call('/exchange', {
      token: stage.idToken(),
      body: { resource: 'bucket:project-123', dry_run: true },
      headers: { dpop },
    });
    expect(dry.body).toMatchObject({ decision: 'permit' });
    await refuses(stage, { ...badProof, audited: true }, () => exchangeWith(dpop));
  });
});

describe('D02 concurrent replay', () => {
  it('D02 lets exactly one of 50 exchanges with one proof through, over two instances', async () => {
    for (let round = 0; round < 5; round += 1) {
      const dpop = await stage.proofFor(newKey());
      const token = stage.idToken();
      const before = await tokenCount();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => exchangeWith(dpop, stage.clients[n % 2], token)),
      );
      mustHaveOneWinner(answers);
      const lost = answers.filter(({ status }) => status !== 200);
      // 503 where the machine is too busy to say: nothing is issued all the same.
      for (const answer of lost) mustRefuse(answer, { status: [400, 503] });
      expect(await tokenCount()).toBe(before + 50 - lost.length);
    }
  });

  it('D02 lets exactly one of 50 uses of a token with one proof through', async () => {
    const held = await stage.tokenOf();
    const dpop = await stage.proofFor(held.key, {
      url: `${stage.issuer}/request-upload`,
      accessToken: held.token,
    });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => useWith(held, dpop, stage.clients[n % 2])),
    );
    mustHaveOneWinner(answers);
    const lost = answers.filter(({ status }) => status !== 201);
    for (const answer of lost) mustRefuse(answer, { status: [401, 503] });
  });

  it('D02 lets exactly one of 20 keys have an ID token', async () => {
    const token = stage.idToken();
    const proofs = await Promise.all(Array.from({ length: 20 }, () => stage.proofFor(newKey())));
    const answers = await Promise.all(
      proofs.map((dpop, n) => exchangeWith(dpop, stage.clients[n % 2], token)),
    );
    mustHaveOneWinner(answers);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      mustRefuse(answer, { status: [401, 503] });
    }
  });
});

describe('D03 time', () => {
  it.each([8, 60, 300, 600])(
    'D03 refuses a proof without a nonce whose iat is %i s ahead',
    async (offset) => {
      const dpop = await stage.proofFor(newKey(), {
        iat: stage.now() + offset,
        nonce: undefined,
      });
      await refuses(stage, { ...badProof, audited: false }, () => exchangeWith(dpop));
    },
  );

  it('D03 tells a client whose clock is slow what it lacks: a nonce, with which it gets in', async () => {
    for (const offset of [-61, -3600]) {
      const key = newKey();
      const iat = stage.now() + offset;
      const first = await stage.proofFor(key, { iat, nonce: undefined });
      const wants = { status: 400, error: 'use_dpop_nonce', audited: false } as const;
      const answer = await refuses(stage, wants, () => exchangeWith(first));
      const nonce = answer.headers.get('dpop-nonce') ?? '';
      expect((await exchangeWith(await stage.proofFor(key, { iat, nonce }))).status).toBe(200);
    }
  });

  it('D03 wants a nonce of every proof, and of now', async () => {
    const wants = { status: 400, error: 'use_dpop_nonce', audited: false } as const;
    const without = await stage.proofFor(newKey(), { nonce: undefined, iat: stage.now() });
    const answer = await refuses(stage, wants, () => exchangeWith(without));
    expect(answer.headers.get('dpop-nonce')).toMatch(/./);
    const held = await stage.tokenOf();
    const atUse = await stage.proofFor(held.key, {
      url: `${stage.issuer}/request-upload`,
      accessToken: held.token,
      nonce: undefined,
      iat: stage.now(),
    });
    const challenged = await refuses(stage, { ...wants, status: 401 }, () => useWith(held, atUse));
    expect(challenged.headers.get('www-authenticate')).toContain('use_dpop_nonce');
    for (const nonce of ['made up', '', `${await stage.freshNonce()}x`]) {
      const proof = await stage.proofFor(newKey(), { nonce, iat: stage.now() });
      const { status } = await exchangeWith(proof);
      expect(status).toBe(400);
    }
  });

  it('D03 accepts a proof at no later moment once it was used, whatever its iat says', async () => {
    const nonce = await stage.freshNonce();
    const claims = { nonce, iat: stage.now() + 290 };
    const dpop = await stage.proofFor(newKey(), claims);
    expect((await exchangeWith(dpop)).status).toBe(200);
    // Past each boundary: the nonce's life, the replay id's, and the purge of expired rows between.
    for (const seconds of [59, 2, 240, 60, 60, 120]) {
      await stage.advance(seconds);
      await stage.broker.ledger.purge();
      await stage.freshNonce();
      const answer = await exchangeWith(dpop);
      expect({ seconds, status: answer.status }).toEqual({ seconds, status: 400 });
      expect(['invalid_dpop_proof', 'use_dpop_nonce']).toContain(answer.body.error);
    }
  });
});

describe('D05 request', () => {
  it.each([
    ['another method', { method: 'GET' }],
    ['a method in lower case', { method: 'post' }],
    ['another path', { url: '/token' }],
    ['another host', { url: 'http://evil.example/exchange' }],
    ['the alias', { url: '/issue-token' }],
    ['a path below', { url: '/exchange/' }],
    ['a doubled path', { url: '//exchange' }],
  ])('D05 refuses a proof for %s', async (_, claims: { method?: string; url?: string }) => {
    const url = claims.url?.startsWith('/') ? `${stage.issuer}${claims.url}` : claims.url;
    const dpop = await stage.proofFor(newKey(), { ...claims, ...(url && { url }) });
    await refuses(stage, { ...badProof, audited: false }, () => exchangeWith(dpop));
  });

  it('D05 refuses a proof for one token beside another, and one that names none', async () => {
    const [held, other] = [await stage.tokenOf(), await stage.tokenOf()];
    const url = `${stage.issuer}/request-upload`;
    const refused = { status: 401, error: 'invalid_dpop_proof', audited: false } as const;
    for (const claims of [{ url, accessToken: other.token }, { url }]) {
      const dpop = await stage.proofFor(held.key, claims);
      await refuses(stage, refused, () => useWith(held, dpop));
    }
  });
});

describe('D06 key and header', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = pair.publicKey.export({ format: 'jwk' });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });

  const forged = async (header: object, key = pair.privateKey): Promise<string> => {
    const claims = {
      jti: randomUUID(),
      htm: 'POST',
      htu: `${stage.issuer}/exchange`,
      iat: stage.now(),
      nonce: await stage.freshNonce(),
    };
    const input = `${part({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };

  it('D06 would accept the proof all of these are variations of', async () => {
    expect((await exchangeWith(await forged({}))).status).toBe(200);
  });

  it.each<[string, object]>([
    ['alg none', { alg: 'none' }],
    ['alg nOnE', { alg: 'nOnE' }],
    ['alg HS256', { alg: 'HS256' }],
    ['alg ES384', { alg: 'ES384' }],
    ['alg RS256 with an EC key', { alg: 'RS256' }],
    ['no alg', { alg: undefined }],
    ['typ JWT', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['a private key', { jwk: pair.privateKey.export({ format: 'jwk' }) }],
    ['a symmetric key', { jwk: { kty: 'oct', k: 'c2VjcmV0' } }],
    ['a P-384 key', { jwk: p384.publicKey.export({ format: 'jwk' }) }],
    ['no key', { jwk: undefined }],
    ['a kid alone', { jwk: undefined, kid: 'ec' }],
    ['critical extensions', { crit: ['exp'] }],
    [
      'a key of another',
      {
        jwk: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
      },
    ],
  ])('D06 refuses %s', async (_, header) => {
    const dpop = await forged(header);
    await refuses(stage, { ...badProof, audited: false, secrets: [dpop] }, () =>
      exchangeWith(dpop),
    );
  });

  it('D06 refuses an HMAC with the public key for its secret, an empty signature and a second proof', async () => {
    const genuine = await forged({});
    const input = genuine.slice(0, genuine.lastIndexOf('.'));
    const [, claims] = genuine.split('.');
    const hmacInput = `${part({ alg: 'HS256', typ: 'dpop+jwt', jwk })}.${claims}`;
    const mac = createHmac('sha256', JSON.stringify(jwk)).update(hmacInput).digest('base64url');
    const proofs = [
      `${input}.`,
      input,
      `${hmacInput}.${mac}`,
      `${genuine}, ${await forged({})}`,
      `${genuine}.`,
      `${genuine}=`,
      '',
    ];
    for (const dpop of proofs.slice(0, -1)) {
      await refuses(stage, { ...badProof, audited: false }, () => exchangeWith(dpop));
    }
  });
});

describe('D09 binding', () => {
  it('D09 refuses a bound token as a bearer token, at every door', async () => {
    const { token } = await stage.tokenOf();
    const refused = { status: 401, error: 'invalid_token', audited: false, secrets: [token] };
    const calls: [string, object | undefined][] = [
      ['/exchange', { resource: 'bucket:project-123' }],
      ['/request-upload', upload],
      ['/request-download', { objectId: 'ob_x' }],
      ['/objects', undefined],
    ];
    for (const [path, body] of calls) {
      await refusesEverywhere(stage, refused, (through) =>
        through.call(path, { ...(body && { body }), token }),
      );
    }
  });

  it('D09 refuses a bound token with the key of another', async () => {
    const { token } = await stage.tokenOf();
    const thief = newKey();
    const refused = { status: 401, error: 'invalid_token', audited: false } as const;
    await refusesEverywhere(stage, refused, (through) =>
      through.call('/exchange', { body: {}, token, key: thief }),
    );
    await refusesEverywhere(stage, refused, (through) =>
      through.call('/request-upload', { body: upload, token, key: thief }),
    );
  });

  it('D09 refuses an unbound token in the DPoP scheme, and one that claims a key', async () => {
    const { token } = await stage.unboundToken();
    await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
      stage.client.call('/request-upload', { body: upload, token, key: newKey() }),
    );
  });

  it('D09 gives no unbound token for a bound one, at /exchange and /token', async () => {
    const key = newKey();
    const bound = await stage.tokenOf({ key, claims: { aud: 'lowcode' } });
    const narrowed = await stage.client.call('/exchange', { body: {}, token: bound.token, key });
    expect(narrowed.body).toMatchObject({ token_type: 'DPoP', binding: { jkt: key.jkt } });
    await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
      stage.client.call('/exchange', { body: {}, token: bound.token }),
    );
    const form = {
      subject_token: stage.idToken({ aud: 'portal' }),
      subject_token_type: ID_TOKEN,
      resource: 'bucket:project-123',
    };
    const portal = { app: 'portal', secret: PORTAL_SECRET };
    const atToken = await stage.tokenExchange(form, { ...portal, key: newKey() });
    expect(atToken.body).toMatchObject({ token_type: 'DPoP' });
    const subject_token = atToken.body.access_token as string;
    await refuses(
      stage,
      { status: 400, error: 'invalid_request', audited: true, secrets: [subject_token] },
      () =>
        stage.tokenExchange({ ...form, subject_token, subject_token_type: ACCESS_TOKEN }, portal),
    );
    // Nor with a proof of another key, nor with one that does not name the token.
    for (const accessToken of [undefined, subject_token]) {
      const dpop = await stage.proofFor(newKey(), {
        url: `${stage.issuer}/token`,
        ...(accessToken && { accessToken }),
      });
      await refuses(stage, { status: 400, audited: true, secrets: [subject_token, dpop] }, () =>
        stage.tokenExchange(
          { ...form, subject_token, subject_token_type: ACCESS_TOKEN },
          { ...portal, headers: { dpop } },
        ),
      );
    }
  });

  it('ties an ID token to the first key it came with, on every instance', async () => {
    const [key, thief] = [newKey(), newKey()];
    const token = stage.idToken();
    expect((await stage.exchange({ token, key })).status).toBe(200);
    await refusesEverywhere(
      stage,
      { status: 401, error: 'invalid_token', audited: true, secrets: [token] },
      (through) => stage.exchange({ token, key: thief }, through),
    );
    for (const through of stage.clients) {
      expect((await stage.exchange({ token, key }, through)).status).toBe(200);
    }
  });

  it('ties the sign-in, not its spelling: a re-signed copy of the same ID token needs the key too', async () => {
    const key = newKey();
    const token = stage.idToken();
    expect((await stage.exchange({ token, key })).status).toBe(200);
    const input = token.slice(0, token.lastIndexOf('.'));
    const signature = sign('sha256', Buffer.from(input), {
      key: stage.sso.keys[0].privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    const again = `${input}.${signature.toString('base64url')}`;
    expect(again).not.toBe(token);
    await refuses(stage, { status: 401, error: 'invalid_token', audited: true }, () =>
      stage.exchange({ token: again, key: newKey() }),
    );
  });

  it('gives nothing unbound for an ID token that came with a key once', async () => {
    const token = stage.idToken({ aud: 'lowcode' });
    expect((await stage.exchange({ token, key: newKey() })).body).toMatchObject({
      token_type: 'DPoP',
    });
    await refusesEverywhere(
      stage,
      { status: 401, error: 'invalid_token', audited: true },
      (through) => stage.exchange({ token }, through),
    );
  });

  it('answers every proof with a nonce, also where it refuses', async () => {
    const refused = await exchangeWith('nonsense');
    mustRefuse(refused, badProof);
    expect(refused.headers.get('dpop-nonce')).toMatch(/./);
    expect(refused.headers.get('cache-control')).toContain('no-store');
  });
});
