import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, type JWK, SignJWT } from 'jose';
import type { DeploymentDocument } from '../../src/config/deployment.ts';
import { challengeOf, newBrowser, random, throughPages } from '../support/authorization.ts';
import { clientCert, createAuthority } from '../support/certificates.ts';
import { type Answer, type Client, createClient } from '../support/client.ts';
import { startTestDaypass, type TestDaypass } from '../support/daypass.ts';
import { createProofKey, type ProofKey } from '../support/dpop.ts';
import { BUCKET, ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';

/** FAPI 2.0 Security Profile §5.3.2, for apps with `profile: fapi2`; and that others are asked for no more than before. */

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
const publicJwk = (key: KeyObject, kid: string) => ({
  ...(key.export({ format: 'jwk' }) as { kty: 'EC' }),
  kid,
});
const jwks = {
  keys: [
    publicJwk(ec.publicKey, 'ec'),
    publicJwk(rsa.publicKey, 'rsa'),
    publicJwk(ed.publicKey, 'ed'),
  ],
};
const authority = createAuthority();
const certificate = authority.issue({ names: 'DNS:vault.acme.example' });

const configure = (demo: DeploymentDocument): DeploymentDocument => {
  const people = withPeopleApps(demo);
  const portal = people.apps?.find(({ id }) => id === 'portal');
  if (!portal) throw new Error('nothing to start from');
  const { secret_hash: _, ...app } = portal;
  const grants = [
    ...(app.grants ?? []),
    { resource: BUCKET, actions: ['list'], prefix: '/bank/', max_ttl: '15m' },
  ];
  return {
    ...people,
    apps: [
      ...(people.apps ?? []),
      { ...app, grants, id: 'bank', profile: 'fapi2', jwks },
      { ...app, grants, id: 'plain', dpop: 'optional', jwks },
      {
        ...app,
        grants,
        id: 'vault',
        profile: 'fapi2',
        tls_client_auth: { san_dns: 'vault.acme.example' },
      },
    ],
  };
};

let daypass: TestDaypass;
beforeAll(async () => {
  daypass = await startTestDaypass({
    configure,
    env: { TRUSTED_PROXIES: '127.0.0.1/32', CLIENT_CERTIFICATE_HEADER: 'Client-Cert' },
  });
  client = createClient(daypass.url, daypass.issuer);
  await clientCredentials('plain', {}, createProofKey());
}, 60_000);
afterAll(() => daypass?.stop());

const seconds = (): number => Math.floor(Date.now() / 1000);

interface Assertion {
  readonly alg?: string;
  readonly key?: KeyObject;
  readonly kid?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const assertionOf = (
  client: string,
  { alg = 'ES256', key = ec.privateKey, kid = 'ec', claims = {} }: Assertion = {},
): Promise<string> =>
  new SignJWT({
    iss: client,
    sub: client,
    aud: daypass.issuer,
    jti: randomUUID(),
    iat: seconds(),
    exp: seconds() + 60,
    ...claims,
  })
    .setProtectedHeader({ alg, kid })
    .sign(key);

const authenticated = async (client: string, assertion?: Assertion) => ({
  client_id: client,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertionOf(client, assertion),
});

/** One client: it learns a nonce first, since an assertion is good for one request. */
let client: Client;
const call = () => client.call;

const clientCredentials = async (client: string, assertion?: Assertion, key?: ProofKey) =>
  call()('/token', {
    form: {
      grant_type: 'client_credentials',
      resource: ORDERS,
      ...(await authenticated(client, assertion)),
    },
    ...(key && { key }),
  });

interface Push {
  readonly params?: Readonly<Record<string, string | undefined>>;
  readonly assertion?: Assertion;
  readonly key?: ProofKey;
}

const verifier = random();

const push = async ({ params = {}, assertion, key }: Push = {}): Promise<Answer> => {
  const all = {
    response_type: 'code',
    redirect_uri: WEB,
    scope: 'openid',
    resource: ORDERS,
    state: 's'.repeat(1_000),
    nonce: 'n'.repeat(64),
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    ...(await authenticated('bank', assertion)),
    ...params,
  };
  const form = Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return call()('/par', { form, ...(key && { key }) });
};

const signedIn = async (requestUri: string): Promise<URL> => {
  const browser = newBrowser(daypass);
  const query = new URLSearchParams({ client_id: 'bank', request_uri: requestUri });
  const start = await browser.get(`${daypass.url}/authorize?${query}`);
  const { url } = await throughPages(browser, start, {});
  for (const { status, from } of browser.redirects) {
    if (from.startsWith(daypass.url)) expect(status).toBe(303); // never 307; §5.3.2.2-11
  }
  return new URL(url);
};

const redeem = async (code: string, key: ProofKey): Promise<Answer> =>
  call()('/token', {
    form: {
      grant_type: 'authorization_code',
      code,
      redirect_uri: WEB,
      code_verifier: verifier,
      ...(await authenticated('bank')),
    },
    key,
  });

const refresh = async (token: string, key: ProofKey): Promise<Answer> =>
  call()('/token', {
    form: { grant_type: 'refresh_token', refresh_token: token, ...(await authenticated('bank')) },
    key,
  });

const signInToBank = async () => {
  const key = createProofKey();
  const pushed = await push({ key });
  const back = await signedIn(String(pushed.body.request_uri));
  return { key, back, answer: await redeem(back.searchParams.get('code') ?? '', key) };
};

describe('FAPI 2.0: the authorization request', () => {
  it('is pushed by a client that signs, answered with iss, and redeemed with a proof', async () => {
    const pushed = await push();
    expect(pushed.status).toBe(201);
    expect(pushed.body.expires_in).toBeLessThan(600);
    const { back, answer } = await signInToBank();
    expect(back.searchParams.get('iss')).toBe(daypass.issuer);
    expect(back.searchParams.get('code')).toMatch(/^[\w-]{43}$/); // 256 bits
    expect(back.searchParams.get('state')).toBe('s'.repeat(1_000));
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    const [header, payload] = String(answer.body.id_token)
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    expect(header.alg).toBe('ES256');
    expect(payload.nonce).toBe('n'.repeat(64));
  });

  it('that was not pushed is refused, signed or not; another app may still send it', async () => {
    const params = {
      response_type: 'code',
      redirect_uri: WEB,
      resource: ORDERS,
      code_challenge: challengeOf(verifier),
      code_challenge_method: 'S256',
    };
    const ask = (client: string, more: Record<string, string>) =>
      fetch(`${daypass.url}/authorize?${new URLSearchParams({ client_id: client, ...more })}`, {
        redirect: 'manual',
      });
    const signed = (client: string) =>
      new SignJWT({ client_id: client, ...params })
        .setProtectedHeader({ alg: 'ES256', kid: 'ec' })
        .setIssuer(client)
        .setAudience(daypass.issuer)
        .setExpirationTime(seconds() + 60)
        .sign(ec.privateKey);
    for (const more of [params, { request: await signed('bank') }]) {
      const answer = await ask('bank', more);
      expect(answer.headers.get('location') ?? '').not.toContain('/sign-in/');
      expect(`${answer.headers.get('location')}${await answer.text()}`).toMatch(/invalid_request/);
    }
    for (const more of [params, { request: await signed('plain') }]) {
      expect((await ask('plain', more)).headers.get('location')).toContain('/sign-in/');
    }
  });

  it.each<[title: string, params: Record<string, string | undefined>]>([
    ['redirect_uri', { redirect_uri: undefined }],
    ['PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['PKCE by S256', { code_challenge_method: 'plain' }],
    ['response_type=code', { response_type: 'code id_token' }],
    ['a client assertion', { client_assertion: undefined, client_assertion_type: undefined }],
  ])('without %s is refused where it is pushed', async (_, params) => {
    const answer = await push({ params });
    expect([400, 401]).toContain(answer.status);
    expect(answer.body.request_uri).toBeUndefined();
  });

  it('may be a signed request object, by the algorithms of the profile', async () => {
    const signed = (client: string, alg: string, { privateKey }: typeof rsa, kid: string) =>
      new SignJWT({
        client_id: client,
        response_type: 'code',
        redirect_uri: WEB,
        resource: ORDERS,
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
      })
        .setProtectedHeader({ alg, kid })
        .setIssuer(client)
        .setAudience(daypass.issuer)
        .setExpirationTime(seconds() + 60)
        .sign(privateKey);
    const pushed = async (client: string, alg: string, pair: typeof rsa, kid: string) => {
      const form = {
        request: await signed(client, alg, pair, kid),
        ...(await authenticated(client)),
      };
      return (await call()('/par', { form })).status;
    };
    expect(await pushed('bank', 'ES256', ec, 'ec')).toBe(201);
    expect(await pushed('bank', 'PS256', rsa, 'rsa')).toBe(201);
    expect(await pushed('bank', 'RS256', rsa, 'rsa')).toBe(400);
    expect(await pushed('plain', 'RS256', rsa, 'rsa')).toBe(201);
  });
});

describe('FAPI 2.0: client authentication', () => {
  it.each<[alg: string, assertion: Assertion, status: number]>([
    ['ES256', {}, 200],
    ['PS256', { alg: 'PS256', key: rsa.privateKey, kid: 'rsa' }, 200],
    ['EdDSA', { alg: 'EdDSA', key: ed.privateKey, kid: 'ed' }, 200],
    ['RS256', { alg: 'RS256', key: rsa.privateKey, kid: 'rsa' }, 401],
  ])('by %s is answered as the profile says', async (alg, assertion, status) => {
    expect((await clientCredentials('bank', assertion, createProofKey())).status).toBe(status);
    expect((await clientCredentials('plain', assertion)).status).toBe(200);
    expect(alg).toBeDefined();
  });

  it('takes aud as a string alone', async () => {
    const list: Assertion = { claims: { aud: [daypass.issuer] } };
    expect((await clientCredentials('bank', list, createProofKey())).status).toBe(401);
    expect((await clientCredentials('plain', list)).status).toBe(200);
    const endpoint: Assertion = { claims: { aud: `${daypass.issuer}/token` } };
    expect((await clientCredentials('bank', endpoint, createProofKey())).status).toBe(401);
  });

  it.each([
    ['iat', 8, 200],
    ['nbf', 8, 200],
    ['iat', 70, 401],
    ['nbf', 70, 401],
  ])('whose %s is %i s ahead is answered %i', async (claim, ahead, status) => {
    const claims = { [claim]: seconds() + ahead, exp: seconds() + 120 };
    const answer = await clientCredentials('bank', { claims }, createProofKey());
    expect(answer.status).toBe(status);
  });
});

describe('FAPI 2.0: tokens', () => {
  it('are bound to a key, whatever they are asked for by', async () => {
    const unbound = await clientCredentials('bank');
    expect(unbound).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    expect((await clientCredentials('plain')).body.token_type).toBe('Bearer');
    expect((await clientCredentials('bank', {}, createProofKey())).body.token_type).toBe('DPoP');
  });

  it('or to the certificate that the client authenticates with', async () => {
    const form = { grant_type: 'client_credentials', client_id: 'vault', resource: ORDERS };
    const answer = await call()('/token', {
      form,
      headers: { 'client-cert': clientCert(certificate) },
    });
    expect(answer.status).toBe(200);
    const [, payload = ''] = String(answer.body.access_token).split('.');
    const { cnf } = JSON.parse(Buffer.from(payload, 'base64url').toString());
    expect(cnf).toEqual({ 'x5t#S256': certificate.thumbprint });
    expect((await call()('/token', { form })).status).toBe(401);
  });

  it('are taken from the header alone, never from the query or a form', async () => {
    const form = { grant_type: 'client_credentials', ...(await authenticated('plain')) };
    const { body } = await call()('/token', { form: { ...form, resource: BUCKET } });
    const token = String(body.access_token);
    const query = `/objects?resource=${BUCKET}`;
    expect((await call()(query, { token })).status).toBe(200);
    expect((await call()(`${query}&access_token=${token}`)).status).toBe(401);
    const upload = await call()('/request-upload', { form: { access_token: token } });
    expect(upload.status).toBe(401);
  });

  it('are refreshed by the same refresh token, as long as it lives', async () => {
    const { key, answer } = await signInToBank();
    const token = String(answer.body.refresh_token);
    for (const each of [key, key, createProofKey()]) {
      const again = await refresh(token, each);
      expect(again).toMatchObject({ status: 200, body: { refresh_token: token } });
      expect(again.body.access_token).not.toBe(answer.body.access_token);
    }
    const stolen = await call()('/token', {
      form: { grant_type: 'refresh_token', refresh_token: token, client_id: 'bank' },
      key,
    });
    expect(stolen).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  it('die with a code that is used twice', async () => {
    const { key, back, answer } = await signInToBank();
    const again = await redeem(back.searchParams.get('code') ?? '', key);
    expect(again.body.error).toBe('invalid_grant');
    const late = await refresh(String(answer.body.refresh_token), key);
    expect(late.body.error).toBe('invalid_grant');
  });

  it('a code belongs to the key that dpop_jkt or the pushed proof names', async () => {
    const key = createProofKey();
    const pushed = await push({ params: { dpop_jkt: key.jkt } });
    const back = await signedIn(String(pushed.body.request_uri));
    const answer = await redeem(back.searchParams.get('code') ?? '', createProofKey());
    expect(answer.body.error).toBe('invalid_grant');
  });
});

/** A client's own making of proofs, by whatever algorithm and clock. */
const proofWith =
  (alg: string, { privateKey, publicKey }: typeof rsa, ahead = 0) =>
  async (url: string, nonce: string | undefined, accessToken?: string, method = 'POST') => {
    const { n, e, kty, crv, x, y } = publicKey.export({ format: 'jwk' }) as JWK;
    const jwk = JSON.parse(JSON.stringify({ n, e, kty, crv, x, y })) as JWK;
    const hashed = await crypto.subtle.digest('SHA-256', Buffer.from(accessToken ?? ''));
    const ath = accessToken === undefined ? undefined : Buffer.from(hashed).toString('base64url');
    return {
      jkt: await calculateJwkThumbprint(jwk),
      proof: await new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu: url,
        iat: seconds() + ahead,
        ...(nonce && { nonce }),
        ...(ath && { ath }),
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk })
        .sign(privateKey),
    };
  };

describe('FAPI 2.0: proofs', () => {
  const nonceOf = async (): Promise<string> => {
    const answer = await clientCredentials('bank', {}, createProofKey());
    return answer.headers.get('dpop-nonce') ?? '';
  };

  const grant = async (client: string, make: ReturnType<typeof proofWith>) => {
    const { proof } = await make(`${daypass.issuer}/token`, await nonceOf());
    return call()('/token', {
      form: {
        grant_type: 'client_credentials',
        resource: BUCKET,
        ...(await authenticated(client)),
      },
      headers: { dpop: proof },
    });
  };

  it.each<[alg: string, pair: typeof rsa, status: number]>([
    ['ES256', ec, 200],
    ['PS256', rsa, 200],
    ['EdDSA', ed, 200],
    ['RS256', rsa, 400],
  ])('by %s are answered as the profile says', async (alg, pair, status) => {
    expect((await grant('bank', proofWith(alg, pair))).status).toBe(status);
    expect((await grant('plain', proofWith(alg, pair))).status).toBe(200);
  });

  it.each([
    [8, 200],
    [70, 400],
  ])('made %i s ahead are answered %i, whatever their nonce', async (ahead, status) => {
    expect((await grant('bank', proofWith('ES256', ec, ahead))).status).toBe(status);
    expect((await grant('plain', proofWith('ES256', ec, ahead))).status).toBe(200);
  });

  it.each([
    ['bank', 'PS256', 200],
    ['bank', 'RS256', 400],
    ['plain', 'RS256', 200],
  ])(
    'of the key that a token is exchanged for fit the profile as well: %s, %s',
    async (...given) => {
      const [app, alg, status] = given;
      const { body } = await grant(app, proofWith('ES256', ec));
      const token = String(body.access_token);
      const url = `${daypass.issuer}/token`;
      const nonce = await nonceOf();
      const held = await proofWith('ES256', ec)(url, nonce, token);
      const next = await proofWith(alg, rsa)(url, nonce, token);
      const answer = await call()('/token', {
        form: {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          resource: BUCKET,
          dpop_binding_proof: next.proof,
          ...(await authenticated(app)),
        },
        headers: { dpop: held.proof },
      });
      expect({ status: answer.status, error: answer.body.error }).toEqual({
        status,
        error: status === 200 ? undefined : 'invalid_dpop_proof',
      });
    },
  );

  it('fit the profile where a request is pushed, and where a token is used', async () => {
    const { proof } = await proofWith('RS256', rsa)(`${daypass.issuer}/par`, await nonceOf());
    const pushed = await call()('/par', {
      form: {
        response_type: 'code',
        redirect_uri: WEB,
        resource: ORDERS,
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
        ...(await authenticated('bank')),
      },
      headers: { dpop: proof },
    });
    expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });

    const { body } = await grant('bank', proofWith('PS256', rsa));
    const token = String(body.access_token);
    const use = async (alg: string) => {
      const url = `${daypass.issuer}/objects`;
      const made = await proofWith(alg, rsa)(url, await nonceOf(), token, 'GET');
      return call()(`/objects?resource=${BUCKET}`, {
        headers: { authorization: `DPoP ${token}`, dpop: made.proof },
      });
    };
    expect((await use('PS256')).status).toBe(200);
    expect(await use('RS256')).toMatchObject({
      status: 401,
      body: { error: 'invalid_dpop_proof' },
    });
  });
});
