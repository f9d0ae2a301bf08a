import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  clientCert,
  createAuthority,
  escapedPem,
  type TestCertificate,
} from '../support/certificates.ts';
import { type Answer, newKey } from '../support/client.ts';
import { ORDERS, PORTAL_SECRET } from './deployment.ts';
import { refuses, refusesEverywhere } from './refusal.ts';
import {
  ACCESS_TOKEN,
  basic,
  EXCHANGE,
  eventually,
  ID_TOKEN,
  openStage,
  type Stage,
} from './stage.ts';

/** Client certificates that a proxy tells of (RFC 8705, RFC 9440): J11, on two instances. */

const authority = createAuthority();
const own = authority.issue({ subject: '/C=DE/O=Acme/CN=ledger' });
const renewed = authority.issue({ subject: '/C=DE/O=Acme/CN=ledger' });
const other = authority.issue({ subject: '/C=DE/O=Acme/CN=other' });
const expired = authority.issue({ subject: '/CN=ledger', until: '20240101000000Z' });

const BUCKET = 'bucket:project-123';
const grants = [
  { resource: BUCKET, actions: ['read', 'list'], prefix: '/{app_id}/', max_ttl: '15m' },
  { resource: ORDERS, actions: ['orders:read'] },
];
const about = {
  tenant: 'acme',
  owner: 'dana@acme.example',
  purpose: 'attacks',
  expires: '2099-01-01',
};

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({
    instances: 2,
    env: { TRUSTED_PROXIES: '127.0.0.1/32', CLIENT_CERTIFICATE_HEADER: 'Client-Cert' },
  });
  await stage.reconfigure((draft) => {
    draft.issuers[0]?.audiences.push('ledger', 'by-dn');
    const apps = draft.apps as object[];
    const names = { subject_dn: 'CN=ledger,O=Acme,C=DE' };
    apps.push(
      {
        ...about,
        id: 'ledger',
        type: 'service',
        subject_audiences: ['ledger'],
        tls_client_auth: names,
        grants,
      },
      {
        ...about,
        id: 'by-name',
        type: 'service',
        tls_client_auth: { san_dns: 'by-name.acme.example' },
        grants,
      },
    );
    const portal = draft.apps.find(({ id }) => id === 'portal');
    Object.assign(portal ?? {}, { certificate_bound: true });
  });
  await stage.advance(0); // with a nonce for every client
  for (const through of stage.clients) {
    await eventually(async () => (await asLedger(forItself, own, through)).status === 200);
  }
}, 90_000);
afterAll(() => stage?.stop());

const presenting = (certificate: TestCertificate | undefined): Record<string, string> =>
  certificate ? { 'client-cert': clientCert(certificate) } : {};

type Form = Record<string, string>;

const asLedger = (
  form: Form,
  certificate: TestCertificate | undefined = own,
  through = stage.client,
  more: { key?: ReturnType<typeof newKey>; headers?: Record<string, string> } = {},
): Promise<Answer> =>
  through.call('/token', {
    form: { client_id: 'ledger', ...form },
    ...more,
    headers: { ...presenting(certificate), ...more.headers },
  });

const forItself = { grant_type: 'client_credentials', resource: ORDERS };
const forSomebody = (): Form => ({
  grant_type: EXCHANGE,
  resource: BUCKET,
  subject_token: stage.idToken({ aud: 'ledger' }),
  subject_token_type: ID_TOKEN,
});
const narrowing = (token: string): Form => ({
  grant_type: EXCHANGE,
  subject_token: token,
  subject_token_type: ACCESS_TOKEN,
});

const tokenOf = async (): Promise<{ token: string; id: string }> => {
  const { body, status, text } = await asLedger(forSomebody());
  if (status !== 200) throw new Error(`no token to attack with: ${text}`);
  return { token: String(body.access_token), id: String(body.token_id) };
};

const list = (token: string, headers: Record<string, string>, through = stage.client) =>
  through.call('/objects', { headers: { authorization: `Bearer ${token}`, ...headers } });

const unknownClient = { status: 401, error: 'invalid_client', audited: false } as const;
const badToken = { status: 401, error: 'invalid_token', audited: false } as const;
const badSubject = { status: 400, error: 'invalid_request', audited: true } as const;

describe('RFC 8705 §2: a client that authenticates by certificate', () => {
  it.each([
    ['as RFC 9440 writes it', clientCert],
    ['as nginx and Envoy write it', escapedPem],
  ])('is told of %s', async (_, write) => {
    for (const through of stage.clients) {
      const headers = { 'client-cert': write(own) };
      const answer = await asLedger(forItself, undefined, through, { headers });
      expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    }
  });

  it.each<[string, () => TestCertificate | undefined]>([
    ['none', () => undefined],
    ['one for another name', () => other],
    [
      'one for more of the name',
      () => authority.issue({ subject: '/C=DE/O=Acme/OU=Ops/CN=ledger' }),
    ],
    ['one for less of the name', () => authority.issue({ subject: '/O=Acme/CN=ledger' })],
    [
      'one for the name the other way round',
      () => authority.issue({ subject: '/CN=ledger/O=Acme/C=DE' }),
    ],
    ['one whose CN spells the rest', () => authority.issue({ subject: '/CN=ledger,O=Acme,C=DE' })],
    ['one for the name in capitals', () => authority.issue({ subject: '/C=DE/O=Acme/CN=LEDGER' })],
    [
      'one with the name among its alternative names',
      () => authority.issue({ subject: '/CN=x', names: 'DNS:ledger' }),
    ],
    ['one that has expired', () => expired],
  ])('refuses, for another, %s', async (_, certificate) => {
    const presented = certificate();
    await refusesEverywhere(stage, unknownClient, (through) =>
      through.call('/token', {
        form: { client_id: 'ledger', ...forItself },
        headers: presenting(presented),
      }),
    );
  });

  it('is known by one host name, and by no pattern for it', async () => {
    const call = (names: string) =>
      stage.client.call('/token', {
        form: { client_id: 'by-name', ...forItself },
        headers: presenting(authority.issue({ subject: '/CN=x', names })),
      });
    expect(await call('DNS:by-name.acme.example')).toMatchObject({ status: 200 });
    await refuses(stage, unknownClient, () => call('DNS:*.acme.example'));
    await refuses(stage, unknownClient, () => call('DNS:by-name.acme.example.evil.example'));
    await refuses(stage, unknownClient, () => call('URI:by-name.acme.example'));
  });

  it('refuses a secret in its place, and a certificate in place of a secret', async () => {
    await refuses(stage, unknownClient, () =>
      asLedger(forItself, own, stage.client, {
        headers: { authorization: basic('ledger', PORTAL_SECRET) },
      }),
    );
    await refuses(stage, unknownClient, () =>
      stage.client.call('/token', {
        form: { client_id: 'portal', ...forItself },
        headers: presenting(own),
      }),
    );
  });
});

describe('the header of a proxy', () => {
  const twice = (
    values: readonly string[],
    localAddress: string,
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(stage.broker.url);
      const body = new URLSearchParams({ client_id: 'ledger', ...forItself }).toString();
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
        'client-cert': [...values],
      };
      const request = httpRequest(
        { host: '127.0.0.1', port, path: '/token', method: 'POST', localAddress, headers },
        (response) => {
          let text = '';
          response.on('data', (chunk) => {
            text += String(chunk);
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });

  it('is believed from the proxy, and from nobody else', async () => {
    expect(await twice([clientCert(own)], '127.0.0.1')).toMatchObject({ status: 200 });
    expect(await twice([clientCert(own)], '127.0.0.2')).toMatchObject({ status: 401 });
  });

  it('means nothing where it comes twice, whichever comes first', async () => {
    const mine = clientCert(own);
    for (const values of [
      [mine, mine],
      [mine, ''],
      [clientCert(other), mine],
      [`${mine}, ${mine}`],
    ]) {
      const { status, text } = await twice(values, '127.0.0.1');
      expect({ status, text }).toMatchObject({
        status: 401,
        text: expect.stringContaining('invalid_client'),
      });
    }
  });

  it('is not read where it is as long as a house: no certificate is', async () => {
    // Answered and cut off while it is still being sent: who sends it may see only that.
    const cut = await twice([`:${'A'.repeat(65_536)}:`], '127.0.0.1').catch(({ code }) => code);
    expect([431, 'ECONNRESET', 'EPIPE']).toContain(cut.status ?? cut);
    expect(await twice([`:${'A'.repeat(20_000)}:`], '127.0.0.1')).toMatchObject({ status: 401 });
  });

  const pem = escapedPem(own);
  it.each<[string, string]>([
    ['nothing', ''],
    ['what nginx sends where there is none', '-'],
    ['a thumbprint', own.thumbprint],
    ['a distinguished name', 'CN=ledger,O=Acme,C=DE'],
    ['base64 without its colons', own.der.toString('base64')],
    ['base64url', `:${own.der.toString('base64url')}:`],
    ['a parameter after it', `${clientCert(own)};a=1`],
    ['half of it', `:${own.der.subarray(0, 200).toString('base64')}:`],
    ['a byte more than it', `:${Buffer.concat([own.der, Buffer.from([0])]).toString('base64')}:`],
    ['one bit of its name changed, and not signed again', `:${forged().toString('base64')}:x`],
    ['PEM in base64', `:${Buffer.from(own.certificate).toString('base64')}:`],
    ['PEM twice', `${pem}${pem}`],
    ['PEM with words before it', `subject%3DCN%3Dledger%0A${pem}`],
    ['broken escapes', `${pem}%`],
    ['a key', encodeURIComponent(own.key)],
  ])('is no certificate where it holds %s', async (_, value) => {
    await refusesEverywhere(stage, unknownClient, (through) =>
      asLedger(forItself, undefined, through, { headers: { 'client-cert': value } }),
    );
  });
});

describe('RFC 8705 §3: a token bound to a certificate', () => {
  it('says so, wherever it is shown', async () => {
    const { token, id } = await tokenOf();
    const cnf = { 'x5t#S256': own.thumbprint };
    const { body } = await stage.client.call('/introspect', {
      form: { client_id: 'ledger', token },
      headers: presenting(own),
    });
    expect(body).toMatchObject({ active: true, token_type: 'Bearer', cnf });
    expect(body.cnf).toEqual(cnf);

    const jwt = String((await asLedger(forItself)).body.access_token);
    const claims: unknown = JSON.parse(
      Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ cnf, device_id: `d_${own.thumbprint}` });

    const admin = await stage.adminOf(['security']);
    const shown = await stage.client.call(`/admin/v1/tokens/${id}`, admin);
    expect(shown.body).toMatchObject({
      binding: { method: 'mtls', ...cnf },
      device_id: `d_${own.thumbprint}`,
    });
  });

  it('lives as long as any bound token, and not as briefly as an unbound one', async () => {
    const { body } = await asLedger({ ...forItself, scope: 'orders:read' });
    expect(body.expires_in).toBe(300);
    const narrowed = await asLedger(forSomebody());
    expect(narrowed).toMatchObject({ status: 200 });
    const [row] = await stage.query<{ binding_method: string; thumbprint: string }>(
      'SELECT binding_method, thumbprint FROM issued_token WHERE token_id = $1',
      [narrowed.body.token_id],
    );
    expect(row).toEqual({ binding_method: 'mtls', thumbprint: own.thumbprint });
  });

  it('is good with that certificate on the connection, on every instance, and with no other', async () => {
    const { token } = await tokenOf();
    for (const through of stage.clients) {
      expect(await list(token, presenting(own), through)).toMatchObject({ status: 200 });
    }
    for (const certificate of [undefined, renewed, other, expired]) {
      await refusesEverywhere(stage, badToken, (through) =>
        list(token, presenting(certificate), through),
      );
    }
  });

  it('is not good by a DPoP proof, with or without its certificate', async () => {
    const { token } = await tokenOf();
    for (const certificate of [undefined, own]) {
      await refuses(stage, badToken, () =>
        stage.client.call('/objects', { token, key: newKey(), headers: presenting(certificate) }),
      );
    }
  });

  it('is exchanged for one bound to the same certificate, by whoever proves it', async () => {
    const { token } = await tokenOf();
    const narrowed = await asLedger({
      ...narrowing(token),
      scope: 'storage:bucket:project-123:list:prefix=/ledger/',
    });
    expect(narrowed).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    const child = String(narrowed.body.access_token);
    expect(await list(child, presenting(own))).toMatchObject({ status: 200 });
    await refusesEverywhere(stage, badToken, (through) => list(child, {}, through));

    // The same app, authenticated by a certificate of the same name: but not the one the token is bound to.
    await refusesEverywhere(stage, { ...badSubject, rule: 'not_acceptable' }, (through) =>
      asLedger(narrowing(token), renewed, through),
    );
  });

  it('never becomes one that is bound to a key, and says so', async () => {
    const { token } = await tokenOf();
    await refusesEverywhere(stage, { ...badSubject, rule: 'bound_to_certificate' }, (through) =>
      asLedger(narrowing(token), own, through, { key: newKey() }),
    );
    await refusesEverywhere(stage, { ...badSubject, rule: 'bound_to_certificate' }, (through) =>
      through.call('/exchange', {
        token,
        key: newKey(),
        bound: false,
        body: {},
        headers: presenting(own),
      }),
    );
  });

  it('is not downgraded through /exchange', async () => {
    const { token } = await tokenOf();
    const exchanged = (headers: Record<string, string>) => (through: Stage['client']) =>
      through.call('/exchange', {
        body: {},
        headers: { authorization: `Bearer ${token}`, ...headers },
      });
    await refusesEverywhere(stage, badToken, exchanged({}));
    await refusesEverywhere(stage, badToken, exchanged(presenting(renewed)));
    await refusesEverywhere(
      stage,
      { status: 400, error: 'unauthorized_client', rule: 'confidential_app', audited: true },
      exchanged(presenting(own)),
    );
  });

  it('speaks for an actor only on a connection with its certificate', async () => {
    const { token } = await tokenOf();
    const delegated = (certificate: TestCertificate | undefined) => (through: Stage['client']) =>
      through.call('/token', {
        form: {
          grant_type: EXCHANGE,
          resource: BUCKET,
          subject_token: stage.idToken({ aud: 'portal', sub: 'delegating' }),
          subject_token_type: ID_TOKEN,
          actor_token: token,
          actor_token_type: ACCESS_TOKEN,
        },
        headers: { authorization: basic('portal', PORTAL_SECRET), ...presenting(certificate) },
      });
    for (const certificate of [undefined, renewed, other]) {
      await refusesEverywhere(
        stage,
        { ...badSubject, rule: 'not_acceptable' },
        delegated(certificate),
      );
    }
    const answer = await delegated(own)(stage.client);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
  });

  it('dies with its certificate, as with any device', async () => {
    const lost = authority.issue({ subject: '/C=DE/O=Acme/CN=ledger' });
    const { body } = await asLedger(forSomebody(), lost);
    const token = String(body.access_token);
    expect(await list(token, presenting(lost))).toMatchObject({ status: 200 });
    await stage.revoke({ device_id: `d_${lost.thumbprint}` });
    // Whoever still proves the certificate of a revoked token is on record.
    await refusesEverywhere(stage, { ...badToken, audited: true }, (through) =>
      list(token, presenting(lost), through),
    );
    await refuses(stage, { status: 400, rule: 'blocked', audited: true }, () =>
      asLedger(forSomebody(), lost),
    );
  });

  it('ties the ID token it came of to that certificate', async () => {
    const form = forSomebody();
    expect(await asLedger(form)).toMatchObject({ status: 200 });
    await refusesEverywhere(stage, badSubject, (through) => asLedger(form, renewed, through));
    expect(await asLedger(form, own, stage.clients[1])).toMatchObject({ status: 200 });
  });
});

describe('an app whose tokens are bound to a certificate, however it authenticates', () => {
  const asPortal = (headers: Record<string, string>, key?: ReturnType<typeof newKey>) =>
    stage.client.call('/token', {
      form: { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
      headers: { authorization: basic('portal', PORTAL_SECRET), ...headers },
      ...(key && { key }),
    });

  it('gets none without a certificate or a proof', async () => {
    await refuses(stage, { ...badSubject, rule: 'required' }, () => asPortal({}));
    expect(await asPortal(presenting(other))).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer' },
    });
    expect(await asPortal({}, newKey())).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP' },
    });
    // The key that a client goes to the length of proving is the one its token is bound to.
    expect(await asPortal(presenting(other), newKey())).toMatchObject({
      body: { token_type: 'DPoP' },
    });
  });
});

/** Another name in it, and the signature of before. */
function forged(): Buffer {
  const der = Buffer.from(other.der);
  der.write('admin', der.indexOf('other'));
  return der;
}
