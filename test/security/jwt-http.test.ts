import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { startTarget, type Target } from '../unit/egress/target.ts';
import { newSigningKey, part, type SigningKey, signJwt } from './corporate-sso.ts';
import { FILES, signerKey } from './deployment.ts';
import { mustHaveOneWinner, mustRefuse, refuses } from './refusal.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
let elsewhere: Target;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
  elsewhere = await startTarget();
}, 60_000);
afterAll(async () => {
  await elsewhere?.close();
  await stage?.stop();
});

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const refusedToken = { status: 401, error: 'invalid_token', audited: false } as const;
const refusedClient = { status: 401, error: 'invalid_client', audited: false } as const;

const claimsOf = (overrides: Record<string, unknown> = {}) => ({
  iss: 'signer',
  sub: 'signer',
  aud: stage.issuer,
  jti: randomUUID(),
  iat: stage.now(),
  exp: stage.now() + 60,
  ...overrides,
});

const assertion = (
  overrides: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: SigningKey = signerKey,
): string => signJwt(key, claimsOf(overrides), header);

/** `client_credentials` of the app that authenticates by assertions. */
const asSigner = (client_assertion: string, through = stage.client, more: object = {}) =>
  through.call('/token', {
    form: {
      grant_type: 'client_credentials',
      resource: FILES,
      client_assertion_type: ASSERTION,
      client_assertion,
      ...more,
    },
  });

const exchange = (token: string) => stage.exchange({ token, key: newKey() });

/** A token signed by HMAC with `secret`, over the claims of `genuine`. */
const hmacOf = (genuine: string, secret: string | Buffer, header: object): string => {
  const input = `${part({ typ: 'JWT', ...header })}.${genuine.split('.')[1]}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
};

/** Every way somebody might hand a public key to an HMAC. */
const spellings = ({ publicKey }: SigningKey): (string | Buffer)[] => {
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }));
  const der = publicKey.export({ format: 'der', type: 'spki' });
  return [pem, pem.trim(), ` ${pem}`, `\n${pem}`, der, der.toString('base64'), jwk, ''];
};

describe('what the attacks below are variations of', () => {
  it('is accepted: an ID token of either key, and an assertion', async () => {
    expect((await exchange(stage.idToken())).status).toBe(200);
    expect((await exchange(stage.sso.idToken(stage.now(), {}, {}, stage.sso.keys[1]))).status).toBe(
      200,
    );
    expect((await asSigner(assertion())).status).toBe(200);
  });
});

describe('J01 algorithm', () => {
  it('J01 refuses an ID token signed by HMAC with a public key', async () => {
    for (const key of stage.sso.keys) {
      for (const secret of spellings(key)) {
        for (const alg of ['HS256', 'ES256', 'RS256']) {
          const token = hmacOf(stage.idToken(), secret, { alg, kid: key.kid });
          await refuses(stage, refusedToken, () => exchange(token));
        }
      }
    }
  });

  it('J01 refuses an assertion signed by HMAC with a public key, as client or as secret', async () => {
    for (const secret of spellings(signerKey)) {
      for (const alg of ['HS256', 'ES256']) {
        const token = hmacOf(assertion(), secret, { alg, kid: signerKey.kid });
        await refuses(stage, refusedClient, () => asSigner(token));
      }
    }
  });

  it.each(['none', 'None', 'nOnE', 'NONE', '', 'HS256', 'ES512', '__proto__', null, 0, ['ES256']])(
    'J01 refuses alg %j, with and without a signature',
    async (alg) => {
      const [, payload] = stage.idToken().split('.');
      const [, claims] = assertion().split('.');
      for (const signature of ['', 'AA', stage.idToken().split('.')[2]]) {
        const header = part({ alg, typ: 'JWT', kid: 'ec' });
        await refuses(stage, refusedToken, () => exchange(`${header}.${payload}.${signature}`));
        await refuses(stage, refusedClient, () =>
          asSigner(`${part({ alg, kid: signerKey.kid })}.${claims}.${signature}`),
        );
      }
    },
  );

  it('J01 refuses a key for another algorithm than its own', async () => {
    const [ec, rsa] = stage.sso.keys;
    for (const header of [{ alg: 'ES384' }, { alg: 'RS256', kid: rsa.kid }, { alg: 'PS256' }]) {
      await refuses(stage, refusedToken, () =>
        exchange(stage.sso.idToken(stage.now(), {}, header, ec)),
      );
    }
  });
});

describe('J03 where keys come from', () => {
  const thief = newSigningKey('thief');

  it('J03 takes no key from a token, and fetches nothing for one', async () => {
    const jwk = thief.publicKey.export({ format: 'jwk' });
    const headers = [
      { jku: `${elsewhere.origin}/jwks` },
      { x5u: `${elsewhere.origin}/cert` },
      { jwk },
      { jwk, jku: `${elsewhere.origin}/jwks`, kid: undefined },
      { x5c: ['MIIB'] },
      { kid: `${elsewhere.origin}/key` },
      { crit: ['jku'], jku: elsewhere.origin },
    ];
    for (const header of headers) {
      const token = stage.sso.idToken(stage.now(), {}, header, thief);
      await refuses(stage, refusedToken, () => exchange(token));
      await refuses(stage, refusedClient, () => asSigner(assertion({}, header, thief)));
    }
    expect(elsewhere.connections).toBe(0);
  });

  it.each([
    '../../../../dev/null',
    "x' UNION SELECT 'key' --",
    'a\0b',
    '__proto__',
    'constructor',
    '',
    'x'.repeat(10_000),
    'ec\n',
  ])('J03 finds no key under the kid %j', async (kid) => {
    const token = stage.sso.idToken(stage.now(), {}, { kid }, thief);
    await refuses(stage, refusedToken, () => exchange(token));
    await refuses(stage, refusedClient, () => asSigner(assertion({}, { kid }, thief)));
  });

  it('J03 asks the issuer for its keys no more than once, whatever kids are made up', async () => {
    const before = stage.sso.requests.filter((path) => path.endsWith('/jwks')).length;
    for (let n = 0; n < 50; n += 1) {
      await exchange(stage.idToken({}, { kid: `made-up-${n}` }));
    }
    const after = stage.sso.requests.filter((path) => path.endsWith('/jwks')).length;
    expect(after - before).toBeLessThanOrEqual(1);
  });

  it('J03 fetches nothing for an issuer that is not configured', async () => {
    const before = stage.sso.requests.length;
    for (const iss of [elsewhere.origin, 'http://169.254.169.254', stage.sso.issuer('nobody')]) {
      await refuses(stage, refusedToken, () => exchange(stage.idToken({ iss })));
    }
    expect(elsewhere.connections).toBe(0);
    expect(stage.sso.requests).toHaveLength(before);
  });
});

describe('J08 client assertions', () => {
  it('J08 takes an assertion once, on all instances together', async () => {
    const once = assertion();
    expect((await asSigner(once)).status).toBe(200);
    for (const through of stage.clients) {
      await refuses(stage, { ...refusedClient, secrets: [once] }, () => asSigner(once, through));
    }
  });

  it('J08 takes one of 50 concurrent uses of an assertion', async () => {
    for (let round = 0; round < 3; round += 1) {
      const once = assertion();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => asSigner(once, stage.clients[n % 2])),
      );
      mustHaveOneWinner(answers);
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        mustRefuse(answer, { status: [401, 503] });
      }
    }
  });

  it('J08 takes a jti once, also in another assertion and after the first has expired', async () => {
    const jti = randomUUID();
    expect((await asSigner(assertion({ jti }))).status).toBe(200);
    await refuses(stage, refusedClient, () => asSigner(assertion({ jti, exp: stage.now() + 200 })));
  });

  it.each<[string, () => object]>([
    ['another audience', () => ({ aud: 'https://other-as.example' })],
    ['an audience too many', () => ({ aud: [stage.issuer, 'https://other-as.example'] })],
    ['no audience', () => ({ aud: undefined })],
    ['an empty audience', () => ({ aud: [] })],
    ['the issuer with a slash', () => ({ aud: `${stage.issuer}/` })],
    ['another subject', () => ({ sub: 'nightly-report' })],
    ['another issuer', () => ({ iss: 'nightly-report' })],
    ['another client altogether', () => ({ iss: 'nightly-report', sub: 'nightly-report' })],
    ['no issuer', () => ({ iss: undefined })],
    ['no end', () => ({ exp: undefined })],
    ['a far end', () => ({ exp: stage.now() + 3_600 })],
    ['an end behind it', () => ({ exp: stage.now() - 60 })],
    ['a future', () => ({ iat: stage.now() + 120 })],
    ['a beginning to come', () => ({ nbf: stage.now() + 120 })],
    ['no jti', () => ({ jti: undefined })],
    ['an end in text', () => ({ exp: `${stage.now() + 60}` })],
  ])('J08 refuses an assertion with %s', async (_, overrides) => {
    const text = assertion(overrides() as Record<string, unknown>);
    await refuses(stage, { ...refusedClient, secrets: [text] }, () => asSigner(text));
  });

  it('J08 refuses an assertion for a client that is named otherwise, of another type, or beside a secret', async () => {
    await refuses(stage, { status: [400, 401], audited: false }, () =>
      asSigner(assertion(), stage.client, { client_id: 'nightly-report' }),
    );
    await refuses(stage, { status: [400, 401], audited: false }, () =>
      asSigner(assertion(), stage.client, { client_assertion_type: 'urn:x' }),
    );
    await refuses(stage, { status: [400, 401], audited: false }, () =>
      asSigner(assertion(), stage.client, { client_secret: 'x' }),
    );
    await refuses(stage, refusedClient, () =>
      asSigner(assertion({}, {}, newSigningKey('signer-1'))),
    );
  });
});

describe('J09 ECDSA signatures', () => {
  const N = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const hex = (value: bigint): string => value.toString(16).padStart(64, '0');
  const raw = (r: bigint, s: bigint): string =>
    Buffer.from(hex(r) + hex(s), 'hex').toString('base64url');
  const partsOf = (token: string): [string, bigint, bigint] => {
    const at = token.lastIndexOf('.');
    const bytes = Buffer.from(token.slice(at + 1), 'base64url').toString('hex');
    return [token.slice(0, at), BigInt(`0x${bytes.slice(0, 64)}`), BigInt(`0x${bytes.slice(64)}`)];
  };

  it('J09 refuses signatures that are zero, out of range or of another form', async () => {
    const forged = (token: string, key: SigningKey): string[] => {
      const [input, r, s] = partsOf(token);
      const der = sign('sha256', Buffer.from(input), key.privateKey).toString('base64url');
      const short = Buffer.from(raw(r, s), 'base64url').subarray(1).toString('base64url');
      return [
        raw(0n, 0n),
        raw(r, 0n),
        raw(0n, s),
        raw(N, N),
        raw(r, N),
        raw(N, s),
        der,
        short,
        '',
      ].map((signature) => `${input}.${signature}`);
    };
    for (const token of forged(stage.idToken(), stage.sso.keys[0])) {
      await refuses(stage, refusedToken, () => exchange(token));
    }
    for (const text of forged(assertion(), signerKey)) {
      await refuses(stage, refusedClient, () => asSigner(text));
    }
  });

  it('J09 takes a signature with the other s for the same sign-in and the same assertion', async () => {
    const twin = (token: string): string => {
      const [input, r, s] = partsOf(token);
      return `${input}.${raw(r, N - s)}`;
    };
    const token = stage.idToken();
    expect((await exchange(token)).status).toBe(200);
    // Another key with the respelled token: it is the same sign-in, tied to the first key.
    await refuses(stage, { status: 401, error: 'invalid_token', audited: true }, () =>
      exchange(twin(token)),
    );
    const once = assertion();
    expect((await asSigner(once)).status).toBe(200);
    await refuses(stage, refusedClient, () => asSigner(twin(once)));
  });

  it('J09 refuses a token respelled in base64url', async () => {
    const token = stage.idToken();
    const [header, payload, signature] = token.split('.');
    const respelled = [
      `${token}=`,
      `${header}=.${payload}.${signature}`,
      token.replaceAll('_', '/').replaceAll('-', '+'),
      `${header}.${payload}.${signature}.`,
      `.${header}.${payload}.${signature}`,
    ].filter((text) => text !== token);
    for (const text of respelled) {
      await refuses(stage, refusedToken, () => exchange(text));
    }
  });

  it('refuses a key of another curve under a known kid', async () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const key: SigningKey = { kid: 'ec', alg: 'ES256', ...p384 };
    await refuses(stage, refusedToken, () => exchange(stage.sso.idToken(stage.now(), {}, {}, key)));
  });
});
