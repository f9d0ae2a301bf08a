import { createClient, newKey } from '../../test/support/client.ts';
import type { CorporateIdp } from '../corporate-idp.ts';
import { CONSOLE, SECURITY_DESK } from '../deployment.ts';
import type { LoadRequest } from '../load/messages.ts';
import { boundTokens, type Held, signIns, textOf } from './preparation.ts';
import type { Scenario, ScenarioParts } from './scenario.ts';

const FIRST = 30_000_000;
/** Tokens that a round ends: each is issued first. */
const AT_MOST = 1_000;
const PATH = '/admin/v1/revocations';

/** One token at a time, by the security desk; the stock server has nothing like it. */
export const revocationScenarios = (parts: ScenarioParts): Scenario[] => [
  {
    id: 'revoke-token',
    title: 'revocation of one token, by an admin',
    server: 'broker',
    against: undefined,
    records: ['lock', 'revocation_event', 'audit_event'],
    connections: 4, // a desk, not a crowd: revocations are numbered one after the other
    once: 'refused',
    requests: (wanted) => revocations(parts, Math.min(wanted, AT_MOST)),
  },
];

/** As many live tokens, and for each the request that ends it. */
const revocations = async (
  { idp, users, brokerOrigin }: ScenarioParts,
  wanted: number,
): Promise<LoadRequest[]> => {
  const tokens = await boundTokens(
    brokerOrigin,
    signIns(idp, wanted, { first: FIRST, users }),
    'opaque',
  );
  const { desk, nonce } = await openDesk(idp, brokerOrigin);
  const url = brokerOrigin + PATH;
  return tokens.map(({ tokenId }) => ({
    path: PATH,
    headers: {
      authorization: `DPoP ${desk.token}`,
      dpop: desk.key.prove({ method: 'POST', url, nonce, accessToken: desk.token }),
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify({ target: { token_id: tokenId }, reason: 'the benchmark' }),
  }));
};

/** An admin token, and the nonce of this moment. An ID token opens the admin door once. */
const openDesk = async (
  idp: CorporateIdp,
  origin: string,
): Promise<{ desk: Pick<Held, 'token' | 'key'>; nonce: string | undefined }> => {
  const client = createClient(origin);
  const key = newKey();
  const answer = await client.call('/exchange', {
    token: idp.idTokens('ES256', 1, CONSOLE, SECURITY_DESK)[0] ?? '',
    body: {
      app_id: 'daypass-cli',
      resource: `${origin}/admin`,
      actions: ['admin'],
      ttl: 900,
    },
    key,
    bound: false,
  });
  return { desk: { token: textOf(answer, 'access_token'), key }, nonce: client.nonce() };
};
