import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { ORDERS, PORTAL_SECRET, SECRET } from './deployment.ts';
import { mustRefuse, refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, ID_TOKEN, openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ instances: 2 });
}, 60_000);
afterAll(() => stage?.stop());

const service = { app: 'nightly-report', secret: SECRET };
const portal = { app: 'portal', secret: PORTAL_SECRET };
const forNightly = () => stage.idToken({ aud: 'nightly-report' });
const forPortal = () => stage.idToken({ aud: 'portal' });
const orders = () => ({
  subject_token: forNightly(),
  subject_token_type: ID_TOKEN,
  resource: ORDERS,
});
const invalid = { status: 400, error: 'invalid_request' } as const;

describe('T10 taken out of service', () => {
  const disable = (id: string) => (draft: Stage['document']) => {
    for (const app of draft.apps) if (app.id === id) app.enabled = false;
  };
  const restore = () => stage.reconfigure(() => undefined);

  it('T10 refuses an app that is disabled: exchange, narrowing, upload, and on every instance at once', async () => {
    const { token, key } = await stage.tokenOf();
    const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };
    await stage.reconfigure(disable('where2eat'));
    try {
      await refusesEverywhere(
        stage,
        { status: 403, error: 'access_denied', audited: true },
        (through) => stage.exchange({ key: newKey() }, through),
      );
      await refusesEverywhere(
        stage,
        { status: 403, error: 'access_denied', audited: true },
        (through) => through.call('/exchange', { body: {}, token, key }),
      );
      await refusesEverywhere(
        stage,
        { status: 401, error: 'invalid_token', audited: true },
        (through) => through.call('/request-upload', { body: upload, token, key }),
      );
    } finally {
      await restore();
    }
    expect((await stage.exchange({ key: newKey() })).status).toBe(200);
  });

  it('gives back what was taken, on every instance at once', async () => {
    const { token, key } = await stage.tokenOf();
    const body = { filename: 'a.png', size: 10, contentType: 'image/png' };
    await stage.reconfigure(disable('where2eat'));
    // Now every instance knows that the app is out of service.
    for (const through of stage.clients)
      await through.call('/request-upload', { body, token, key });
    await restore();
    for (const through of stage.clients) {
      expect(await through.call('/request-upload', { body, token, key })).toMatchObject({
        status: 201,
      });
      expect(await stage.exchange({ key: newKey() }, through)).toMatchObject({ status: 200 });
    }
  });

  it('T10 authenticates no client that is disabled, on no instance', async () => {
    await stage.reconfigure(disable('nightly-report'));
    try {
      for (const through of stage.clients) {
        // An instance learns of it with the next second at the latest; issuing compares versions at once.
        const answer = await stage.tokenExchange(orders(), service, through);
        expect([400, 401]).toContain(answer.status);
        expect(answer.body).not.toHaveProperty('access_token');
      }
    } finally {
      await restore();
    }
  });

  it('T10 refuses what is asked for under a grant that is gone', async () => {
    const key = newKey();
    const { token } = await stage.tokenOf({ key });
    await stage.reconfigure((draft) => {
      const app = draft.apps.find(({ id }) => id === 'where2eat');
      if (app?.grants) app.grants = app.grants.filter(({ resource }) => resource === ORDERS);
    });
    try {
      const body = { filename: 'a.png', size: 10, contentType: 'image/png' };
      await refusesEverywhere(
        stage,
        { status: 400, error: 'invalid_target', audited: true },
        (through) => through.call('/request-upload', { body, token, key }),
      );
      await refusesEverywhere(
        stage,
        { status: 400, error: 'invalid_target', audited: true },
        (through) => through.call('/exchange', { body: {}, token, key }),
      );
    } finally {
      await restore();
    }
  });

  it('T10 believes nothing of an issuer that is disabled', async () => {
    await stage.reconfigure((draft) => {
      const issuer = draft.issuers.find(({ id }) => id === 'globex-sso');
      if (issuer) Object.assign(issuer, { enabled: false });
    });
    try {
      const claims = { iss: stage.sso.issuer('globex'), aud: 'globex-app' };
      const body = { resource: 'bucket:globex-files' };
      for (const through of stage.clients) {
        const answer = await stage.exchange({ claims, body, key: newKey() }, through);
        mustRefuse(answer, { status: [401, 403] });
      }
    } finally {
      await restore();
    }
  });
});

describe('T12 impersonation', () => {
  it('T12 lets nobody but the admin client near the admin door', async () => {
    const admin = `${stage.issuer}/admin`;
    for (const claims of [{}, { groups: ['security'] }]) {
      await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
        stage.exchange({ key: newKey(), claims, body: { resource: admin } }),
      );
    }
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      stage.tokenExchange(
        {
          subject_token: stage.idToken({ aud: 'nightly-report', groups: ['security'] }),
          subject_token_type: ID_TOKEN,
          resource: admin,
        },
        service,
      ),
    );
    // The first signs people in at /authorize and has no exchange here; the other is no client of ours.
    const clients = [
      ['daypass-cli', { status: 400, error: 'unauthorized_client', audited: false }],
      ['daypass', { status: 401, error: 'invalid_client', audited: false }],
    ] as const;
    for (const [client_id, refusal] of clients) {
      await refuses(stage, refusal, () =>
        stage.tokenExchange(
          {
            subject_token: stage.idToken({ aud: 'daypass', groups: ['security'] }),
            subject_token_type: ID_TOKEN,
            resource: admin,
          },
          { app: client_id, key: newKey() },
        ),
      );
    }
  });

  it('T12 lets no one reach another tenant: its app, its bucket, its API', async () => {
    const globex = { iss: stage.sso.issuer('globex'), aud: 'globex-app' };
    // An app of another tenant reads like one that does not exist (law 7).
    for (const app_id of ['where2eat', 'no-such-app']) {
      await refuses(stage, { status: 400, error: 'invalid_request', audited: true }, () =>
        stage.exchange({ key: newKey(), claims: globex, body: { app_id } }),
      );
    }
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      stage.exchange({ key: newKey(), claims: globex, body: { resource: 'bucket:project-123' } }),
    );
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      stage.exchange({ key: newKey(), body: { resource: 'https://api.globex.example' } }),
    );
  });
});

describe('T13 actors', () => {
  const actor = () => stage.idToken({ sub: 'bot', aud: 'nightly-report' });
  it.each<[string, () => Record<string, string>]>([
    ['an actor token without its type', () => ({ actor_token: actor() })],
    ['an actor type without a token', () => ({ actor_token_type: ID_TOKEN })],
    ['what is no ID token', () => ({ actor_token: 'x', actor_token_type: ID_TOKEN })],
  ])('T13 refuses %s', async (_, form) => {
    await refuses(stage, { ...invalid, audited: true }, () =>
      stage.tokenExchange(
        { subject_token: forNightly(), subject_token_type: ID_TOKEN, resource: ORDERS, ...form() },
        service,
      ),
    );
  });
});

describe('T15 clients', () => {
  const subject = () => ({
    subject_token: stage.idToken(),
    subject_token_type: ID_TOKEN,
    resource: 'bucket:project-123',
  });

  it('T15 refuses a public app without a proof', async () => {
    await refuses(stage, { status: 400, error: 'invalid_dpop_proof', audited: true }, () =>
      stage.exchange(),
    );
    await refuses(stage, { status: 400, error: 'invalid_dpop_proof', audited: false }, () =>
      stage.tokenExchange(subject(), { app: 'where2eat' }),
    );
    await refuses(stage, { status: 400, error: 'invalid_dpop_proof', audited: false }, () =>
      stage.tokenExchange(
        { ...subject(), subject_token: stage.idToken({ aud: 'lowcode' }) },
        { app: 'lowcode' },
      ),
    );
  });

  it('T15 refuses a public app what was issued to another', async () => {
    const { token, key } = await stage.tokenOf();
    const cases: Record<string, string>[] = [
      { ...subject(), subject_token: stage.idToken({ aud: 'lowcode' }) },
      { ...subject(), subject_token: forNightly() },
    ];
    for (const form of cases) {
      await refuses(stage, { ...invalid, audited: false }, () =>
        stage.tokenExchange(form, { app: 'where2eat', key: newKey() }),
      );
    }
    const dpop = await stage.proofFor(key, { url: `${stage.issuer}/token`, accessToken: token });
    await refuses(stage, { ...invalid, audited: false, secrets: [token, dpop] }, () =>
      stage.tokenExchange(
        { ...subject(), subject_token: token, subject_token_type: ACCESS_TOKEN },
        { app: 'lowcode', headers: { dpop } },
      ),
    );
  });

  it('T15 gives a public app no token of its own', async () => {
    await refuses(stage, { status: 400, error: 'unauthorized_client', audited: false }, () =>
      stage.client.call('/token', {
        form: { grant_type: 'client_credentials', client_id: 'where2eat', resource: ORDERS },
        key: newKey(),
      }),
    );
  });

  it('T15 redeems no code that it never gave', async () => {
    const form = { grant_type: 'authorization_code', client_id: 'where2eat', code: 'x' };
    const more = { redirect_uri: 'http://localhost:5173/callback', code_verifier: 'v'.repeat(43) };
    await refuses(stage, { status: 400, error: 'invalid_grant', audited: false }, () =>
      stage.client.call('/token', { form: { ...form, ...more }, key: newKey() }),
    );
  });

  it.each(['refresh_token', 'implicit', 'password', '__proto__', 'urn:x'])(
    'T15 refuses the grant %s',
    async (grant_type) => {
      const form = { grant_type, client_id: 'where2eat', code: 'x', refresh_token: 'x' };
      const answer = await refuses(stage, { status: 400, audited: false }, () =>
        stage.client.call('/token', { form }),
      );
      expect(['unauthorized_client', 'unsupported_grant_type']).toContain(answer.body.error);
    },
  );

  it('T15 refuses a client that does not authenticate, all alike', async () => {
    const form = {
      subject_token: forNightly(),
      subject_token_type: ID_TOKEN,
      resource: ORDERS,
    };
    const attempts = [
      { app: 'nightly-report' },
      { app: 'nightly-report', secret: `${SECRET}x` },
      { app: 'nightly-report', secret: PORTAL_SECRET },
      { app: 'nobody', secret: SECRET },
      { app: 'signer', secret: SECRET },
      { app: '__proto__', secret: SECRET },
      { app: 'nightly-report', secret: '\0' },
    ];
    const texts = new Set<string>();
    for (const attempt of attempts) {
      const answer = await refuses(
        stage,
        { status: 401, error: 'invalid_client', audited: false, secrets: [SECRET, PORTAL_SECRET] },
        () => stage.tokenExchange(form, attempt),
      );
      texts.add(JSON.stringify({ ...answer.body, request_id: '' }));
    }
    expect([...texts]).toHaveLength(1);
  });

  it('T15 refuses a confidential app at /exchange, where nothing of it is checked', async () => {
    await refuses(stage, { status: 400, error: 'unauthorized_client', audited: true }, () =>
      stage.exchange({
        key: newKey(),
        claims: { aud: 'nightly-report' },
        body: { resource: ORDERS },
      }),
    );
  });
});

describe('T17 no path around policy', () => {
  /** What a policy forbids, and where: each must hold on every way to a credential. */
  const forbidden: [string, object, Record<string, string>, string][] = [
    [
      'lawful_basis_stated',
      { resource: 'bucket:vault' },
      { resource: 'bucket:vault' },
      'lawful_basis_stated',
    ],
    [
      'residency_of_tenant',
      { resource: 'bucket:abroad', lawful_basis: 'contract' },
      { resource: 'bucket:abroad', lawful_basis: 'contract' },
      'residency_of_tenant',
    ],
    [
      'retention_forbids_delete',
      { resource: 'bucket:archive', actions: ['delete'] },
      {
        authorization_details: JSON.stringify([
          { type: 'daypass_storage', locations: ['bucket:archive'], actions: ['delete'] },
        ]),
      },
      'retention_forbids_delete',
    ],
    [
      'export_needs_approval',
      { resource: ORDERS, actions: ['data:export'] },
      { resource: ORDERS, scope: 'data:export' },
      'export_needs_approval',
    ],
  ];

  it.each(forbidden)(
    'T17 holds %s at /exchange, its alias and /token',
    async (_, body, form, rule) => {
      const key = newKey();
      const denied = { status: 403, error: 'access_denied', rule, audited: true };
      await refuses(stage, denied, () => stage.exchange({ key, body }));
      await refuses(stage, denied, () =>
        stage.client.call('/issue-token', { body, token: stage.idToken(), key, bound: false }),
      );
      // invalid_target or invalid_request: RFC 8693 §2.2.2 has no code of its own for it.
      const atToken = { status: 400, rule, audited: true };
      await refuses(stage, atToken, () =>
        stage.tokenExchange(
          { subject_token: forPortal(), subject_token_type: ID_TOKEN, ...form },
          portal,
        ),
      );
      const dpop = await stage.proofFor(key, { url: `${stage.issuer}/token` });
      await refuses(stage, atToken, () =>
        stage.tokenExchange(
          { subject_token: stage.idToken(), subject_token_type: ID_TOKEN, ...form },
          { app: 'where2eat', headers: { dpop } },
        ),
      );
    },
  );

  it('T17 holds residency_of_user for a person of elsewhere', async () => {
    const body = { resource: 'bucket:vault', lawful_basis: 'contract' };
    expect((await stage.exchange({ key: newKey(), body })).status).toBe(200);
    await refuses(stage, { status: 403, rule: 'residency_of_user', audited: true }, () =>
      stage.exchange({ key: newKey(), body, claims: { region: 'us' } }),
    );
  });

  it('T17 holds restricted_is_bound for an app that makes no proofs', async () => {
    const body = { resource: 'bucket:secret', lawful_basis: 'contract' };
    expect((await stage.exchange({ key: newKey(), body })).status).toBe(200);
    await refuses(stage, { status: 403, rule: 'restricted_is_bound', audited: true }, () =>
      stage.exchange({ claims: { aud: 'lowcode' }, body }),
    );
    await refuses(stage, { status: 400, rule: 'restricted_is_bound', audited: true }, () =>
      stage.tokenExchange(
        { subject_token: forPortal(), subject_token_type: ID_TOKEN, ...body },
        portal,
      ),
    );
  });

  it('T17 holds what changed since on narrowing, uploading, listing and downloading', async () => {
    const key = newKey();
    const { token } = await stage.tokenOf({ key, body: { resource: 'bucket:project-123' } });
    // The bucket becomes confidential: tokens already out state no lawful basis.
    await stage.reconfigure((draft) => {
      const bucket = draft.buckets.find(({ id }) => id === 'project-123');
      if (bucket) Object.assign(bucket, { classification: 'confidential' });
    });
    try {
      const upload = { filename: 'a.png', size: 10, contentType: 'image/png' };
      const attempts: [string, object | undefined][] = [
        ['/exchange', {}],
        ['/request-upload', upload],
        ['/objects', undefined],
      ];
      for (const [path, body] of attempts) {
        await refusesEverywhere(
          stage,
          { status: 403, error: 'access_denied', rule: 'lawful_basis_stated', audited: true },
          (through) => through.call(path, { ...(body && { body }), token, key }),
        );
      }
    } finally {
      await stage.reconfigure(() => undefined);
    }
  });
});
