import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorize, newBrowser, type Place } from '../support/authorization.ts';
import { type Client, createClient, newKey } from '../support/client.ts';
import type { ProofKey } from '../support/dpop.ts';
import { basic, ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';
import { type Rig, startRig, unlimited } from '../support/rig.ts';
import { type Session, signedIn } from '../support/session.ts';
import { INSTANCES } from './cluster.ts';
import { sized } from './figures.ts';
import { createRounds, once, outcomeOf, TRIES, type Try, UNAVAILABLE } from './rounds.ts';

/** What an app gets after somebody signed in, and may use once: a code, and each refresh token. */

/** A round here is two of others, or a sign-in and one. */
const ROUNDS = sized(200, 10);

/** Refresh tokens used again too late: each costs a sign-in. */
const FAMILIES = sized(20, 3);

let rig: Rig;
let place: Place;
let clients: readonly Client[];
const { rounds, print } = createRounds();
beforeAll(async () => {
  rig = await startRig({
    instances: INSTANCES,
    configure: (demo) => withPeopleApps(unlimited(demo)),
  });
  place = { url: rig.url, issuer: rig.url, idpPort: rig.idpPort };
  clients = rig.brokers.map(({ url }) => createClient(url, rig.url));
});
afterAll(async () => {
  print();
  await rig?.stop();
});

interface Token {
  readonly outcome: string;
  readonly refreshToken: string;
}

const askToken = async (
  at: number,
  form: Record<string, string>,
  headers: Record<string, string>,
): Promise<Token> => {
  const answer = await fetch(`${rig.brokers[at]!.url}/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
  });
  const body = (await answer.json()) as { error?: string; refresh_token?: string };
  return {
    outcome: outcomeOf(answer.status, body.error),
    refreshToken: body.refresh_token ?? '',
  };
};

describe('R01 F3 an authorization code', () => {
  it('G4 is redeemed once, and who tries it again ends what came of it', async () => {
    const browser = newBrowser(place);
    const result = await rounds(
      'authorization code at /token',
      '200',
      async () => {
        const asked = { client: 'portal', redirect: WEB, browser, params: { resource: ORDERS } };
        const { code, verifier, page } = await authorize(place, asked);
        if (code === '') throw new Error(`no code: ${page.url} ${page.text}`);
        const form = {
          grant_type: 'authorization_code',
          code,
          redirect_uri: WEB,
          code_verifier: verifier,
        };
        return async (at) => (await askToken(at, form, basic('portal'))).outcome;
      },
      ROUNDS,
    );
    expect(result).toEqual({ ...once, others: new Set(['400 invalid_grant']) });

    const twice = await rig.ask(
      `SELECT grant_id FROM issued_token WHERE app_id = 'portal' GROUP BY grant_id HAVING count(*) > 1`,
    );
    expect(twice).toEqual([]);
    const alive = await rig.ask(
      `SELECT t.token_id FROM issued_token AS t WHERE app_id = 'portal'
         AND NOT EXISTS (SELECT FROM lock AS l WHERE l.target = ANY (t.lineage))`,
    );
    expect(alive).toEqual([]);
  });
});

/** Moves the moment at which a token of the session was used, for nobody waits here. */
const age = (seconds: number): Promise<unknown> =>
  rig.ask('UPDATE refresh_token SET used_at = used_at - make_interval(secs => $1)', [seconds]);

/** A try to refresh under a key, with a proof of its own. */
const refreshing = async (
  token: string,
  keyOf: (place: number) => ProofKey,
  heard: string[] = [],
): Promise<Try> => {
  const form = { grant_type: 'refresh_token', client_id: 'desk', refresh_token: token };
  // For a nonce of now: it is good at every instance.
  await clients[0]!.call('/token', { form: { ...form, refresh_token: 'none' }, key: newKey() });
  const nonce = clients[0]!.nonce();
  return async (at) => {
    const dpop = keyOf(at).prove({ method: 'POST', url: `${rig.url}/token`, nonce });
    const { outcome, refreshToken } = await askToken(at, form, { dpop });
    if (refreshToken !== '') heard.push(refreshToken);
    return outcome;
  };
};

/** As many at once as there are tries, everywhere. */
const allAtOnce = (attempt: Try): Promise<string[]> =>
  Promise.all(Array.from({ length: TRIES }, (_, n) => attempt(n % INSTANCES)));

/** What they were told besides to come again. */
const answersIn = (outcomes: readonly string[]): string[] =>
  [...new Set(outcomes)].filter((outcome) => outcome !== UNAVAILABLE);

describe('R01 F3 a refresh token', () => {
  let session: Session;
  beforeAll(async () => {
    session = await signedIn(place, 'desk');
  });
  const own = (): ProofKey => session.key!;

  it('G4 is used once; asked again within seconds under its key, its one successor is told again', async () => {
    let { token } = session;
    const distinct = new Set<number>();
    const strange = new Set<string>();
    let lost = false;
    const result = await rounds(
      'refresh token at /token',
      '200',
      async () => {
        if (lost) token = await hearAgain(token);
        const used = token;
        const heard: string[] = [];
        const attempt = await refreshing(used, own, heard);
        let answered = 0;
        lost = true;
        return async (at) => {
          const outcome = await attempt(at);
          if (outcome === '200') lost = false;
          answered += 1;
          // The last of the round: whoever lost the answer asks again, all of them at once.
          if (answered === TRIES && !lost) {
            await age(3);
            for (const again of await allAtOnce(await refreshing(used, own, heard))) {
              if (again !== '200' && again !== UNAVAILABLE) strange.add(again);
            }
            const successors = new Set(heard);
            distinct.add(successors.size);
            token = [...successors][0] ?? '';
          }
          return outcome;
        };
      },
      ROUNDS,
    );
    expect(result).toEqual({ ...once, others: new Set() });
    expect(strange).toEqual(new Set());
    expect(distinct).toEqual(new Set([1]));
  });

  /** The successor that nobody heard of, for whoever used the token was told 503. */
  const hearAgain = async (used: string): Promise<string> => {
    await age(3);
    const heard: string[] = [];
    const outcome = await (await refreshing(used, own, heard))(0);
    if (heard[0] === undefined) throw new Error(`no successor: ${outcome}`);
    return heard[0];
  };

  it('G4 D08 is nobody’s under another key, and no such try ends it', async () => {
    const { key, token } = await signedIn(place, 'desk');
    const stranger = newKey();
    const heard: string[] = [];
    // Under its own key at the first instance, under another at the others.
    const result = await rounds(
      'refresh token, under another key as well',
      '200',
      () => refreshing(token, (at) => (at === 0 ? key! : stranger), heard),
      1,
    );
    expect(result).toEqual({ ...once, others: new Set(['400 invalid_grant']) });
    expect(await (await refreshing(heard[0] ?? '', () => key!))(1)).toBe('200');
  });

  it(`G4 used again late, by all at once, ends its family, ${FAMILIES} times`, async () => {
    for (let round = 0; round < FAMILIES; round += 1) {
      const { key, token } = await signedIn(place, 'desk');
      const heard: string[] = [];
      expect(await (await refreshing(token, () => key!, heard))(round % INSTANCES)).toBe('200');
      await age(11);
      const late = await allAtOnce(await refreshing(token, () => key!, heard));
      expect(answersIn(late)).toEqual(['400 invalid_grant']);
      expect(heard).toHaveLength(1);
      const after = await allAtOnce(await refreshing(heard[0] ?? '', () => key!));
      expect(answersIn(after)).toEqual(['400 invalid_grant']);
    }
    const alive = await rig.ask(
      `SELECT f.family_id FROM refresh_family AS f JOIN refresh_token AS t USING (family_id)
       WHERE t.successor IS NOT NULL GROUP BY f.family_id, f.lineage
       HAVING NOT EXISTS (SELECT FROM lock AS l WHERE l.target = ANY (f.lineage))`,
    );
    // The two of the tests above.
    expect(alive).toHaveLength(2);
  });
});
