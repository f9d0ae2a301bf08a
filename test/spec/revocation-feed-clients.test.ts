import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type SigningKey, signJwt } from '../security/corporate-sso.ts';
import { PORTAL_SECRET, SECRET, signerKey } from '../security/deployment.ts';
import { refuses } from '../security/refusal.ts';
import { basic, openStage, type Stage } from '../security/stage.ts';
import { clientCert, createAuthority } from '../support/certificates.ts';
import type { Answer } from '../support/client.ts';
import { openEventStream } from '../support/event-stream.ts';

/** Who may follow `/revocations/feed`: authenticated in every way that `/introspect` takes. */

const PATH = '/revocations/feed';
const authority = createAuthority();
const certificate = authority.issue({ subject: '/C=DE/O=Acme/CN=gateway' });
const stranger = authority.issue({ subject: '/C=DE/O=Acme/CN=stranger' });

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({
    env: { TRUSTED_PROXIES: '127.0.0.1/32', CLIENT_CERTIFICATE_HEADER: 'Client-Cert' },
  });
  await stage.reconfigure(withGateway);
}, 60_000);
afterAll(() => stage?.stop());

const withGateway = (draft: Stage['document']): void => {
  const { secret_hash: _, ...app } = draft.apps.find(({ id }) => id === 'orders-api')!;
  const names = { subject_dn: 'CN=gateway,O=Acme,C=DE' };
  draft.apps.push({ ...app, id: 'gateway', tls_client_auth: names } as never);
  draft.resource_servers[1]!.introspection_clients!.push('gateway');
};

const assertionOf = (key: SigningKey = signerKey, claims: object = {}): Record<string, string> => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: signJwt(key, {
    iss: 'signer',
    sub: 'signer',
    aud: stage.issuer,
    jti: randomUUID(),
    exp: stage.now() + 60,
    ...claims,
  }),
});

const form = (
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): RequestInit => ({
  method: 'POST',
  headers,
  body: new URLSearchParams(fields),
});

describe('a client follows the feed by whatever it authenticates with', () => {
  it.each<[string, () => RequestInit]>([
    ['client_secret_basic', () => ({ headers: { authorization: basic('orders-api', SECRET) } })],
    [
      'client_secret_basic, by POST',
      () => form({}, { authorization: basic('orders-api', SECRET) }),
    ],
    ['client_secret_post', () => form({ client_id: 'orders-api', client_secret: SECRET })],
    ['private_key_jwt', () => form(assertionOf())],
    [
      'tls_client_auth',
      () => form({ client_id: 'gateway' }, { 'client-cert': clientCert(certificate) }),
    ],
  ])('%s', async (_, init) => {
    const stream = await openEventStream(stage.broker.url, init());
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    await stream.next();
    const { id } = await stage.tokenOf();
    await stage.revoke({ token_id: id });
    expect(await stream.next()).toMatchObject({ data: { target: { token_id: id } } });
    stream.close();
  });

  it('tls_client_auth by GET, for the id is no secret', async () => {
    const answer = await fetch(`${stage.broker.url}${PATH}?client_id=gateway`, {
      headers: { 'client-cert': clientCert(certificate) },
    });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
  });
});

describe('nobody else does', () => {
  const ask = (
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Answer> => stage.client.call(PATH, { form: fields, headers });
  const unknown = { status: 401, error: 'invalid_client', audited: false } as const;

  it.each<[string, () => Promise<Answer>]>([
    ['another secret', () => ask({ client_id: 'orders-api', client_secret: PORTAL_SECRET })],
    ['the id alone', () => ask({ client_id: 'orders-api' })],
    ['a public client', () => ask({ client_id: 'where2eat' })],
    [
      'an assertion for another server',
      () => ask(assertionOf(signerKey, { aud: 'https://x.example' })),
    ],
    ["another client's assertion", () => ask(assertionOf(signerKey, { iss: 'orders-api' }))],
    [
      'another certificate',
      () => ask({ client_id: 'gateway' }, { 'client-cert': clientCert(stranger) }),
    ],
    ['no certificate', () => ask({ client_id: 'gateway' })],
    ['nothing', () => ask({})],
  ])('%s', async (_, attack) => {
    await refuses(stage, unknown, attack);
  });

  it('J08 an assertion that was used here before', async () => {
    const used = assertionOf();
    const stream = await openEventStream(stage.broker.url, form(used));
    expect(stream.response.status).toBe(200);
    stream.close();
    await refuses(stage, unknown, () => ask(used));
  });

  it('whoever puts a secret or an assertion into the URL, where logs would keep it', async () => {
    for (const fields of [{ client_id: 'orders-api', client_secret: SECRET }, assertionOf()]) {
      const query = new URLSearchParams(fields as Record<string, string>);
      await refuses(
        stage,
        { status: 400, error: 'invalid_request', rule: 'not_in_url', audited: false },
        () => stage.client.call(`${PATH}?${query}`),
      );
    }
  });

  it('a client that verifies for nobody, on record', async () => {
    await refuses(
      stage,
      { status: 403, error: 'access_denied', rule: 'not_a_verifier', audited: true },
      () => ask({}, { authorization: basic('portal', PORTAL_SECRET) }),
    );
  });

  it('a client whose key was replaced, from the next event on', async () => {
    const stream = await openEventStream(stage.broker.url, form(assertionOf()));
    await stream.next();
    await stage.reconfigure((draft) => {
      withGateway(draft);
      const signer = draft.apps.find(({ id }) => id === 'signer')!;
      signer.jwks!.keys[0]!.kid = 'renamed';
    });
    const { id } = await stage.tokenOf();
    await stage.revoke({ token_id: id });
    expect(await stream.next()).toBeUndefined();
  });
});
