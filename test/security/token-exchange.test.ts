import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newKey } from '../support/client.ts';
import { newSigningKey, signJwt } from './corporate-sso.ts';
import { FILES, ORDERS, PORTAL_SECRET, SECRET, signerKey } from './deployment.ts';
import { mustRefuse, refuses, refusesEverywhere } from './refusal.ts';
import { ACCESS_TOKEN, basic, EXCHANGE, ID_TOKEN, openStage, type Stage } from './stage.ts';

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

describe('what the attacks below are variations of', () => {
  it('is granted at /exchange, at /token by a service, by a web app and by a public app', async () => {
    const answers = [
      await stage.exchange({ key: newKey() }),
      await stage.tokenExchange({ ...orders(), scope: 'orders:read' }, service),
      await stage.tokenExchange(
        {
          subject_token: forPortal(),
          subject_token_type: ID_TOKEN,
          resource: 'bucket:project-123',
        },
        portal,
      ),
      await stage.tokenExchange(
        {
          subject_token: stage.idToken(),
          subject_token_type: ID_TOKEN,
          resource: 'bucket:project-123',
        },
        { app: 'where2eat', key: newKey() },
      ),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });
});

describe('T01 oversize', () => {
  it.each([5, 15])('T01 refuses a credential of %i KB', async (kilobytes) => {
    const padded = stage.idToken({ pad: 'x'.repeat(kilobytes * 1024) });
    for (const token of ['x'.repeat(kilobytes * 1024), padded.slice(0, -2), `${padded}AA`]) {
      await refuses(
        stage,
        { status: 401, error: 'invalid_token', audited: false, secrets: [token.slice(-60)] },
        () => stage.exchange({ token, key: newKey() }),
      );
    }
  });

  it('T01 refuses a well-signed ID token above 16 KiB', async () => {
    const token = stage.idToken({ pad: 'x'.repeat(13 * 1024) });
    await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
      stage.exchange({ token, key: newKey() }),
    );
  });

  it.each([5, 50])('T01 gives a service no token of its own for a subject of %i KB', async (kb) => {
    const subjects = ['x'.repeat(kb * 1024), stage.idToken({ pad: 'x'.repeat(kb * 700) })];
    for (const subject_token of subjects) {
      await refuses(stage, { ...invalid, audited: true }, () =>
        stage.tokenExchange(
          { subject_token, subject_token_type: ID_TOKEN, resource: ORDERS },
          { ...service, headers: { authorization: basic('nightly-report', SECRET) } },
        ),
      );
    }
  });

  it('T01 answers 413 above what a form may hold', async () => {
    await refuses(stage, { status: 413, audited: false }, () =>
      stage.tokenExchange(
        { subject_token: 'x'.repeat(60 * 1024), subject_token_type: ID_TOKEN, resource: ORDERS },
        service,
      ),
    );
  });
});

describe('T02 nothing to exchange', () => {
  it.each<[string, Record<string, string | string[]>]>([
    ['no subject_token', { subject_token_type: ID_TOKEN }],
    ['an empty subject_token', { subject_token: '', subject_token_type: ID_TOKEN }],
    ['two subject tokens', { subject_token: ['a', 'b'], subject_token_type: ID_TOKEN }],
    ['no type', { subject_token: 'a' }],
    ['an empty type', { subject_token: 'a', subject_token_type: '' }],
    ['two types', { subject_token: 'a', subject_token_type: [ID_TOKEN, ACCESS_TOKEN] }],
    ['two grant types', { grant_type: [EXCHANGE, 'client_credentials'] }],
  ])('T02 refuses %s, and falls back to no other grant', async (_, form) => {
    await refuses(stage, { ...invalid, audited: true }, () =>
      stage.tokenExchange({ resource: ORDERS, ...form }, service),
    );
  });

  it('T02 refuses /exchange without, with an empty, with two and with an unknown kind of credential', async () => {
    const headers = ['', 'Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b', 'Negotiate x'];
    for (const authorization of headers) {
      await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
        stage.client.call('/exchange', {
          body: { resource: 'bucket:project-123' },
          headers: { authorization },
        }),
      );
    }
  });
});

describe('T03 type confusion', () => {
  const types = ['access_token', 'id_token', 'refresh_token', 'jwt', 'saml2', 'nothing'].map(
    (type) => `urn:ietf:params:oauth:token-type:${type}`,
  );

  /** Everything that looks like a token here, and the one type it is. */
  const presented = async (): Promise<Record<string, [string, string | undefined]>> => {
    const own = await stage.tokenExchange(
      { subject_token: forPortal(), subject_token_type: ID_TOKEN, resource: 'bucket:project-123' },
      portal,
    );
    const jwt = await stage.tokenExchange(
      {
        subject_token: forPortal(),
        subject_token_type: ID_TOKEN,
        resource: ORDERS,
        scope: 'orders:read',
      },
      portal,
    );
    return {
      'its own access token': [own.body.access_token as string, ACCESS_TOKEN],
      'a JWT access token': [jwt.body.access_token as string, undefined],
      'an ID token': [forPortal(), ID_TOKEN],
      'a refresh token': [`dp_rt_${'a'.repeat(38)}`, undefined],
      'an authorization code': ['SplxlOBeZQQYbYS6WxSbIA', undefined],
      'a request_uri': ['urn:ietf:params:oauth:request_uri:6esc', undefined],
      'a DPoP proof': [await stage.proofFor(newKey()), undefined],
      'a client assertion': [
        signJwt(signerKey, {
          iss: 'portal',
          sub: 'portal',
          aud: stage.issuer,
          exp: stage.now() + 60,
        }),
        undefined,
      ],
    };
  };

  it('T03 exchanges a token under the type it has, and under no other', async () => {
    for (const [name, [subject_token, itsType]] of Object.entries(await presented())) {
      for (const type of types) {
        const attempt = () =>
          stage.tokenExchange(
            { subject_token, subject_token_type: type, resource: 'bucket:project-123' },
            portal,
          );
        if (type === itsType) {
          expect({ name, status: (await attempt()).status }).toEqual({ name, status: 200 });
        } else {
          await refuses(stage, { ...invalid, audited: true, secrets: [subject_token] }, attempt);
        }
      }
    }
  });

  it('T03 takes none of them as the credential of /exchange, except the ID token of a public app', async () => {
    const { 'an ID token': _, 'its own access token': __, ...others } = await presented();
    for (const [token] of Object.values(others)) {
      await refuses(
        stage,
        { status: 401, error: 'invalid_token', audited: false, secrets: [token] },
        () => stage.exchange({ token, key: newKey() }),
      );
    }
  });

  it('T03 issues access tokens only, whatever is requested', async () => {
    for (const requested_token_type of types.slice(1)) {
      await refuses(stage, { ...invalid, audited: true }, () =>
        stage.tokenExchange(
          {
            subject_token: forPortal(),
            subject_token_type: ID_TOKEN,
            resource: 'bucket:project-123',
            requested_token_type,
          },
          portal,
        ),
      );
    }
  });
});

describe('T05 confused deputy', () => {
  it('T05 refuses an ID token of another party at /exchange', async () => {
    const parties = [
      { aud: 'lowcode' }, //                       another app of the tenant
      { aud: 'unheard-of' }, //                    listed for the issuer, and nobody's app
      { aud: 'elsewhere' }, //                     not listed at all
      { aud: ['where2eat', 'elsewhere'] }, //      ours, and a stranger's too
      { aud: ['where2eat', 'lowcode'] }, //        two of ours, and no azp
      { aud: 'where2eat', azp: 'lowcode' }, //     issued to another
      { aud: ['where2eat', 'lowcode'], azp: 'lowcode' },
      { aud: 'daypass' }, //                       an admin's sign-in
      { aud: [] },
    ];
    for (const claims of parties) {
      await refusesEverywhere(
        stage,
        { status: 401, error: 'invalid_token', audited: false },
        (through) =>
          stage.exchange({ claims, key: newKey(), body: { app_id: 'where2eat' } }, through),
      );
    }
  });

  it('T05 refuses an ID token of another party at /token, and records which client brought it', async () => {
    for (const claims of [{ aud: 'where2eat' }, { aud: 'elsewhere' }, { aud: 'daypass' }]) {
      await refuses(stage, { ...invalid, audited: true }, () =>
        stage.tokenExchange(
          { subject_token: stage.idToken(claims), subject_token_type: ID_TOKEN, resource: ORDERS },
          service,
        ),
      );
    }
  });

  it('T05 refuses an ID token of an issuer that is not trusted, or that another issuer signed', async () => {
    const foreign = newSigningKey('ec');
    const tokens = [
      stage.idToken({ iss: stage.sso.issuer('nobody') }),
      stage.sso.idToken(stage.now(), {}, {}, foreign),
      stage.idToken({ iss: stage.sso.issuer('globex') }), // its audiences are others
    ];
    for (const token of tokens) {
      await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
        stage.exchange({ token, key: newKey() }),
      );
    }
  });
});

describe('T06 time', () => {
  it('T06 refuses an ID token without an end or a beginning, with a far end, and one of the future', async () => {
    const now = stage.now();
    const claims = [
      { exp: undefined },
      { iat: undefined },
      { exp: now + 10 * 365 * 86_400 },
      { nbf: now + 60 },
      { iat: now + 60 },
      { exp: now - 11 },
      { iat: now - 3_700, exp: now + 60 },
      { exp: `${now + 60}` },
    ];
    for (const each of claims) {
      await refuses(stage, { status: 401, error: 'invalid_token', audited: false }, () =>
        stage.exchange({ claims: each, key: newKey() }),
      );
    }
  });
});

describe('T07 scope', () => {
  it.each([
    [['read', 'admin']],
    [['*']],
    [['Read']],
    [['read\twrite']],
    [['read write']],
    [['read', 'write', 'list', 'delete', 'create']],
  ])('T07 refuses the actions %j at /exchange', async (actions) => {
    await refuses(stage, { status: 400, error: 'invalid_scope', audited: true }, () =>
      stage.exchange({ key: newKey(), body: { actions } }),
    );
  });

  it.each(['orders:read orders:write', 'orders:write', '*', 'ORDERS:READ', 'orders:read admin'])(
    'T07 refuses the scope %j at /token',
    async (scope) => {
      await refuses(stage, { status: 400, error: 'invalid_scope', audited: true }, () =>
        stage.tokenExchange(
          { subject_token: forNightly(), subject_token_type: ID_TOKEN, resource: ORDERS, scope },
          service,
        ),
      );
    },
  );

  it('T07 refuses a tab, a quote and NUL in a scope', async () => {
    for (const scope of ['orders:read\torders:write', 'orders:read"', 'orders:read\0']) {
      const answer = await stage.tokenExchange(
        { subject_token: forNightly(), subject_token_type: ID_TOKEN, resource: ORDERS, scope },
        service,
      );
      mustRefuse(answer, { status: 400, error: 'invalid_scope' });
    }
  });

  it('T07 refuses to widen a narrowed token, in every dimension', async () => {
    const key = newKey();
    const narrow = await stage.tokenOf({
      key,
      body: {
        actions: ['read', 'write'],
        constraints: { max_size: 1000, content_types: ['image/png'] },
      },
    });
    const prefix = (narrow.answer.body.authorization_details as { prefix: string }[])[0]?.prefix;
    const wider = [
      { actions: ['delete'] },
      { actions: ['read', 'list'] },
      { constraints: { max_size: 1001 } },
      { constraints: { content_types: ['image/*'] } },
      { constraints: { content_types: ['image/png', 'text/plain'] } },
      { constraints: { prefix: '/' } },
      { constraints: { prefix: '/where2eat/' } },
      { constraints: { prefix: `${prefix?.slice(0, -1)}b/` } },
    ];
    for (const body of wider) {
      await refusesEverywhere(
        stage,
        { status: 400, error: 'invalid_scope', audited: true },
        (through) => through.call('/exchange', { body, token: narrow.token, key }),
      );
    }
  });

  it('T07 issues no more than what was asked for, held and granted', async () => {
    const key = newKey();
    const { token, answer } = await stage.tokenOf({
      key,
      body: { actions: ['read'], constraints: { max_size: 500 } },
    });
    expect(answer.body.scopes).toEqual([expect.stringContaining(':read:')]);
    const again = await stage.client.call('/exchange', { body: {}, token, key });
    expect(again.body).toMatchObject({ scopes: answer.body.scopes });
    expect(again.body.authorization_details).toEqual(answer.body.authorization_details);
  });
});

describe('T09 target', () => {
  it.each([
    ['bucket:project-123/../globex-files'],
    ['bucket:globex-files'],
    ['bucket:nowhere'],
    ['bucket:PROJECT-123'],
    ['bucket:__proto__'],
    ['bucket:constructor'],
    [`${ORDERS}/%2e%2e/admin`],
    [`${ORDERS}@evil.example`],
    ['https://orders.acme.example@evil.example'],
    [`${ORDERS}#fragment`],
    [`${ORDERS}/`],
    ['HTTPS://orders.acme.example'],
    ['https://api.globex.example'],
    ['javascript:alert(1)'],
    ['//orders.acme.example'],
    [' bucket:project-123'],
  ])('T09 refuses the resource %s', async (resource) => {
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      stage.exchange({ key: newKey(), body: { resource } }),
    );
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      stage.tokenExchange(
        { subject_token: forNightly(), subject_token_type: ID_TOKEN, audience: resource },
        service,
      ),
    );
  });

  it('T09 refuses two targets as a whole, even where one of them is granted', async () => {
    const pairs: Record<string, string[]>[] = [
      { resource: [ORDERS, 'https://evil.example'] },
      { resource: [ORDERS], audience: ['https://evil.example'] },
      { audience: [ORDERS, FILES] },
      { resource: [ORDERS, `${stage.issuer}/admin`] },
    ];
    for (const form of pairs) {
      await refuses(
        stage,
        { status: 400, error: 'invalid_target', rule: 'one_target', audited: true },
        () =>
          stage.tokenExchange(
            {
              subject_token: forNightly(),
              subject_token_type: ID_TOKEN,
              scope: 'orders:read',
              ...form,
            },
            service,
          ),
      );
    }
  });

  it('T09 refuses another resource than that of the token being narrowed', async () => {
    const { token, key } = await stage.tokenOf();
    for (const resource of ['bucket:archive', FILES, `${stage.issuer}/admin`]) {
      await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
        stage.client.call('/exchange', { body: { resource }, token, key }),
      );
    }
  });

  it('T09 refuses storage named twice over in authorization_details', async () => {
    const detail = (id: string) => ({
      type: 'daypass_storage',
      locations: [`bucket:${id}`],
      actions: ['read'],
    });
    await refuses(stage, { status: 400, error: 'invalid_target', audited: true }, () =>
      stage.tokenExchange(
        {
          subject_token: forPortal(),
          subject_token_type: ID_TOKEN,
          authorization_details: JSON.stringify([detail('project-123'), detail('archive')]),
        },
        portal,
      ),
    );
  });
});

describe('limits of time', () => {
  it.each([59, 3601, 1])(
    'refuses a ttl of %i s, outside what the deployment allows',
    async (ttl) => {
      await refuses(stage, { ...invalid, rule: 'ttl_range', audited: true }, () =>
        stage.exchange({ key: newKey(), body: { ttl } }),
      );
    },
  );

  it('lowers a ttl above the grant, the sign-in or what an unbound token may have', async () => {
    const bound = await stage.exchange({ key: newKey(), body: { ttl: 3600 } });
    expect(bound.body).toMatchObject({ expires_in: 900 });
    const ending = await stage.exchange({
      key: newKey(),
      body: { ttl: 900 },
      claims: { exp: stage.now() + 120 },
    });
    expect(ending.body.expires_in).toBeLessThanOrEqual(120);
    const unbound = await stage.exchange({ claims: { aud: 'lowcode' }, body: { ttl: 900 } });
    expect(unbound.body).toMatchObject({ expires_in: 300, token_type: 'Bearer', binding: null });
  });

  it('refuses an authority with less than the floor left, and says to sign in again', async () => {
    await refuses(stage, { ...invalid, rule: 'authority_ends', audited: true }, () =>
      stage.exchange({ key: newKey(), claims: { exp: stage.now() + 50 } }),
    );
  });
});
