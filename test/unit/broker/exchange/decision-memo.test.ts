import { describe, expect, it } from '@jest/globals';
import type { InForce } from '../../../../src/broker/configuration.ts';
import {
  type Authority,
  fromSignIn,
  type Limit,
} from '../../../../src/broker/exchange/authority.ts';
import {
  createDecisionMemo,
  type Remembered,
} from '../../../../src/broker/exchange/decision-memo.ts';
import type { Exchange } from '../../../../src/broker/exchange/exchange.ts';
import type { App } from '../../../../src/config/deployment.ts';
import type { SignIn } from '../../../../src/protocol/principal.ts';

const signIn = {
  issuer: 'https://sso.example',
  issuerId: 'corp',
  subject: 'ana',
  userId: 'u_ana',
  tenant: 'acme',
  tokenHash: 'h',
  issuedAt: 1_790_000_000,
  expiresAt: 1_790_003_600,
  attributes: { department: 'kitchen' },
} as unknown as SignIn;

const usual = {
  app: { id: 'portal' } as App,
  authority: fromSignIn(signIn),
  jkt: undefined as string | undefined,
  asked: { resource: 'bucket:b', actions: ['read'], constraints: {}, ttl: 300 },
  context: {},
};

const exchangeOf = (change: object = {}): Exchange =>
  ({ door: 'token', proofs: [], ...usual, ...change }) as unknown as Exchange;

const by = (authority: Partial<Authority>): object => ({
  authority: { ...usual.authority, ...authority },
});
const user = (change: object): object => by({ user: { ...usual.authority.user!, ...change } });

const VERSION = {} as InForce;

/** A memo, and how often it had to work something out. */
const counting = () => {
  const remember = createDecisionMemo();
  const made = { count: 0 };
  const ask = (exchange: Exchange, left = 300, inForce = VERSION): Remembered =>
    remember(exchange, inForce, left, () => {
      made.count += 1;
      return {} as Remembered;
    });
  return { made, ask };
};

describe('what was permitted', () => {
  it('is remembered for the same request of the same person', () => {
    const { made, ask } = counting();
    const first = ask(exchangeOf());
    expect(ask(exchangeOf())).toBe(first);
    // Of another sign-in of theirs as well: none of it is in the answer.
    expect(ask(exchangeOf({ authority: fromSignIn({ ...signIn, tokenHash: 'other' }) }))).toBe(
      first,
    );
    expect(made.count).toBe(1);
  });

  it.each<[string, object]>([
    ['another app', { app: { id: 'lowcode' } }],
    ['another tenant', by({ tenantId: 'globex' })],
    ['another person', user({ userId: 'u_bob' })],
    ['another issuer', user({ issuerId: 'partner' })],
    ['other attributes', user({ attributes: { department: 'bar' } })],
    ['a client alone', by({ user: undefined })],
    ['a key to bind to', { jkt: 'k' }],
    ['a sign-in here, in place of an ID token', by({ signedInHere: signIn })],
    ['another resource', { asked: { ...usual.asked, resource: 'bucket:c' } }],
    ['other actions', { asked: { ...usual.asked, actions: ['write'] } }],
    ['other constraints', { asked: { ...usual.asked, constraints: { prefix: '/a/' } } }],
    ['a shorter life', { asked: { ...usual.asked, ttl: 60 } }],
    ['a lawful basis', { asked: { ...usual.asked, lawfulBasis: 'contract' } }],
  ])('is worked out anew for %s, in whichever order they come', (_, change) => {
    for (const both of [
      [exchangeOf(), exchangeOf(change)],
      [exchangeOf(change), exchangeOf()],
    ]) {
      const { made, ask } = counting();
      for (const exchange of both) ask(exchange);
      expect(made.count).toBe(2);
    }
  });

  it('is worked out anew with less time left, and under another configuration', () => {
    const { made, ask } = counting();
    ask(exchangeOf());
    ask(exchangeOf(), 60);
    ask(exchangeOf(), 300, {} as InForce);
    expect(made.count).toBe(3);
  });

  it.each<[string, object]>([
    ['a token', by({ within: { resource: 'bucket:b' } as Limit })],
    ['somebody who acts', by({ actors: [{ issuer: 'https://sso.example', subject: 'bob' }] })],
  ])('is never remembered where the authority is %s', (_, change) => {
    const { made, ask } = counting();
    ask(exchangeOf(change));
    ask(exchangeOf(change));
    expect(made.count).toBe(2);
  });

  it('is not remembered where it was refused', () => {
    const remember = createDecisionMemo();
    const refuse = (): Remembered => {
      throw new Error('denied');
    };
    expect(() => remember(exchangeOf(), VERSION, 300, refuse)).toThrow('denied');
    const fresh = {} as Remembered;
    expect(remember(exchangeOf(), VERSION, 300, () => fresh)).toBe(fresh);
  });
});
