import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorize, redeem } from '../support/authorization.ts';
import { Browser } from '../support/browser.ts';
import { basic, ORDERS, WEB, withPeopleApps } from '../support/people-apps.ts';
import { type Rig, startRig, unlimited } from '../support/rig.ts';
import { type StatementCounter, startStatementCounter } from '../support/statement-counter.ts';
import { INSTANCES } from './cluster.ts';
import { percentile, printFigures, sized, spread } from './figures.ts';

/** People who sign in all at once, each in a browser of their own, through the IdP and at whichever instance. */

const LOGINS = sized(1_000, 100);
const AT_ONCE = 6;
/** One after the other, to count what each costs. */
const COUNTED = 15;
/** Statements: 15 from the app to its code, 5 for what the code is redeemed for. */
const PER_LOGIN = 20;
const PEOPLE = ['ana', 'sam', 'uma'] as const;

let rig: Rig;
const counters: StatementCounter[] = [];
beforeAll(async () => {
  rig = await startRig({
    instances: INSTANCES,
    configure: (demo) => withPeopleApps(unlimited(demo)),
    between: async (server) => {
      const counter = await startStatementCounter(server);
      counters.push(counter);
      return counter.port;
    },
  });
});
afterAll(async () => {
  await rig?.stop();
  for (const counter of counters) await counter.stop();
});

interface Login {
  /** Milliseconds from the app to its code, and from the code to its tokens. */
  readonly signIn: number;
  readonly redeem: number;
  readonly tokenId: string;
}

/** @throws for whatever is not as it should be: a page, a status, a missing token. */
const logIn = async (nth: number): Promise<Login> => {
  const at = (offset: number) => rig.brokers[(nth + offset) % INSTANCES]!.url;
  const browser = new Browser([
    ...rig.brokers.map(({ url }) => url),
    `http://localhost:${rig.idpPort}`,
  ]);
  const began = performance.now();
  const authorized = await authorize(
    { url: at(0), issuer: rig.url, idpPort: rig.idpPort },
    {
      client: 'portal',
      redirect: WEB,
      user: PEOPLE[nth % PEOPLE.length]!,
      browser,
      params: { resource: ORDERS, scope: 'openid orders:read' },
    },
  );
  const { page } = authorized;
  if (!page.url.startsWith(`${WEB}?`) || authorized.code === '') {
    throw new Error(`not back at the app: ${page.status} ${new URL(page.url).pathname}`);
  }
  const between = performance.now();
  const place = { url: at(1), issuer: rig.url, idpPort: rig.idpPort };
  const { status, body, text } = await redeem(place, authorized, { headers: basic('portal') });
  if (status !== 200) throw new Error(`not redeemed: ${status} ${text}`);
  const { access_token, refresh_token, id_token, token_id } = body;
  if (!access_token || !refresh_token || !id_token) throw new Error(`less than all: ${text}`);
  return {
    signIn: between - began,
    redeem: performance.now() - between,
    tokenId: String(token_id),
  };
};

const statements = (): readonly string[] => counters.flatMap((counter) => counter.taken());

/** What instances ask of their own accord, at their leisure. */
const inTheBackground = async (): Promise<ReadonlySet<string>> => {
  statements();
  await new Promise((resolve) => setTimeout(resolve, 4_500));
  return new Set(statements());
};

describe('people who sign in', () => {
  it('cost the database few statements each', async () => {
    for (let nth = 0; nth < 2 * INSTANCES; nth += 1) await logIn(nth); // every instance knows the keys
    const background = await inTheBackground();
    const counts: number[] = [];
    for (let nth = 0; nth < COUNTED; nth += 1) {
      await logIn(nth);
      counts.push(statements().filter((sql) => !background.has(sql)).length);
    }
    printFigures('statements for a login and its code', [{ ...spread(counts), most: PER_LOGIN }]);
    expect(percentile(counts, 0.5)).toBeLessThanOrEqual(PER_LOGIN);
  });

  it(`sign in ${LOGINS} times and redeem each code, under load, without an error`, async () => {
    const done: Login[] = [];
    const failed: string[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < LOGINS) {
        next += 1;
        await logIn(next).then(
          (login) => done.push(login),
          (error: unknown) => failed.push(String(error).slice(0, 300)),
        );
      }
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const seconds = (performance.now() - began) / 1000;
    printFigures(`${LOGINS} logins, ${AT_ONCE} at once, ${INSTANCES} instances`, [
      { what: 'app → code, ms', ...spread(done.map(({ signIn }) => signIn)) },
      { what: 'code → tokens, ms', ...spread(done.map(({ redeem: spent }) => spent)) },
      { what: 'logins per second', count: done.length, p50: (done.length / seconds).toFixed(1) },
    ]);
    expect(failed).toEqual([]);
    expect(new Set(done.map(({ tokenId }) => tokenId)).size).toBe(LOGINS);
    const [row] = await rig.ask<{ issued: string; recorded: string }>(
      `SELECT (SELECT count(*) FROM issued_token WHERE token_id = ANY ($1)) AS issued,
        (SELECT count(*) FROM audit_event WHERE token_id = ANY ($1) AND outcome = 'granted') AS recorded`,
      [done.map(({ tokenId }) => tokenId)],
    );
    expect(row).toEqual({ issued: String(LOGINS), recorded: String(LOGINS) });
    for (const broker of rig.brokers) expect(broker.output()).not.toContain('"level":50');
  });
});
