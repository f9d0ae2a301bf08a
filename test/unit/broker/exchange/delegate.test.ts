import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Authority, fromClient } from '../../../../src/broker/exchange/authority.ts';
import { delegate } from '../../../../src/broker/exchange/delegate.ts';
import type { App } from '../../../../src/config/deployment.ts';
import { OAuthError } from '../../../../src/protocol/oauth-error.ts';
import type { MayAct } from '../../../../src/protocol/principal.ts';

const ISSUER = 'https://daypass.example';
const SSO = 'https://sso.example';

const people = ['ana', 'bob', 'carol', 'dave'];
const apps = ['portal', 'robot'];

interface Party {
  readonly name: string;
  readonly ends: number;
  readonly rootEnds: number | undefined;
  readonly mayAct: MayAct | undefined;
}

const authorityOf = ({ name, ends, rootEnds, mayAct }: Party): Authority => ({
  ...fromClient({ id: name, tenant: 'acme' } as App),
  user: people.includes(name)
    ? { userId: `u_${name}`, issuerId: 'corp', issuer: SSO, attributes: {} }
    : undefined,
  expiresAt: new Date(ends),
  root:
    rootEnds === undefined
      ? undefined
      : { tokenHash: name, sessionId: undefined, expiresAt: new Date(rootEnds) },
  lineage: [`token:tk_${name}_${ends}`, 'tenant:acme'],
  authorities: [{ key: `token:tk_${name}_${ends}`, since: new Date(0) }],
  mayAct,
});

const moment = fc.integer({ min: 1, max: 1_000_000 });
const party = fc.record<Party>({
  name: fc.constantFrom(...people, ...apps),
  ends: moment,
  rootEnds: fc.option(moment, { nil: undefined }),
  mayAct: fc.option(
    fc.constantFrom<MayAct>(
      {},
      { subject: 'bob' },
      { subject: 'bob', issuer: ISSUER },
      { clientId: 'portal' },
    ),
    { nil: undefined, freq: 4 },
  ),
});

const nameOf = ({ name }: Party) => ({
  issuer: people.includes(name) ? SSO : ISSUER,
  subject: name,
});

/** Lets each in turn act for what the ones before came to, skipping whoever is refused. */
const chain = (subject: Party, actors: readonly Party[]) => {
  const joined: Party[] = [];
  let authority = authorityOf(subject);
  for (const actor of actors) {
    try {
      const acting = { authority: authorityOf(actor), clientId: 'portal' };
      authority = delegate(authority, acting, ISSUER);
      joined.push(actor);
    } catch (error) {
      expect(error).toBeInstanceOf(OAuthError);
    }
  }
  return { authority, joined };
};

describe('law 2, through any chain of delegation', () => {
  const anyChain = fc.tuple(party, fc.array(party, { maxLength: 6 }));

  it('outlives nobody in it, in itself and in what is derived from it', () =>
    fc.assert(
      fc.property(anyChain, ([subject, actors]) => {
        const { authority, joined } = chain(subject, actors);
        for (const each of [subject, ...joined]) {
          expect(authority.expiresAt?.getTime()).toBeLessThanOrEqual(each.ends);
          if (!authority.root) continue;
          const end = each === subject ? (subject.rootEnds ?? 0) : (each.rootEnds ?? each.ends);
          expect(authority.root.expiresAt.getTime()).toBeLessThanOrEqual(end);
        }
      }),
    ));

  it('dies with anybody in it', () =>
    fc.assert(
      fc.property(anyChain, ([subject, actors]) => {
        const { authority, joined } = chain(subject, actors);
        for (const { lineage, authorities } of [subject, ...joined].map(authorityOf)) {
          expect(authority.lineage).toEqual(expect.arrayContaining([...lineage]));
          expect(authority.authorities).toEqual(expect.arrayContaining([...authorities]));
        }
        expect(new Set(authority.lineage).size).toBe(authority.lineage.length);
      }),
    ));

  it('names everybody once, newest first, and the subject never', () =>
    fc.assert(
      fc.property(anyChain, ([subject, actors]) => {
        const { authority, joined } = chain(subject, actors);
        expect(authority.actors).toEqual(joined.toReversed().map(nameOf));
        const names = [subject.name, ...joined.map(({ name }) => name)];
        expect(new Set(names).size).toBe(names.length);
        expect(authority).toMatchObject({ subject: subject.name, tenantId: 'acme' });
      }),
    ));

  it('lets nobody in whom the subject does not name', () =>
    fc.assert(
      fc.property(anyChain, ([subject, actors]) => {
        const { joined } = chain(subject, actors);
        const { mayAct } = subject;
        for (const { name } of mayAct ? joined : []) {
          expect(mayAct).not.toEqual({});
          if (mayAct?.subject !== undefined) expect(name).toBe(mayAct.subject);
        }
      }),
    ));
});
