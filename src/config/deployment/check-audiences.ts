import { type Audience, audienceOf } from './audience.ts';
import { dangling, sameTenant } from './check-references.ts';
import type { Draft } from './draft.ts';
import type { Finding } from './finding.ts';
import type { App, Issuer } from './schema.ts';

interface Listed extends Audience {
  readonly path: readonly PropertyKey[];
  readonly app: App;
}

const unresolved = (
  path: readonly PropertyKey[],
  tenant: string,
  issuers: readonly string[],
): Finding =>
  issuers.length === 0
    ? {
        path,
        rule: 'takes_effect',
        message: `tenant ${tenant} has no issuer, so no ID token can have this audience`,
        remedy: 'add an issuer for the tenant, or remove the entry',
      }
    : {
        path,
        rule: 'which_issuer',
        message: `tenant ${tenant} has several issuers: ${issuers.join(', ')}`,
        remedy: 'write { issuer, audience } to say whose audience it is',
      };

/** While an issuer's tenant is unknown, so is the issuer of every plain entry. */
const isUnsettled = ({ issuers, tenants }: Draft): boolean =>
  [...issuers.byId.values()].some(
    (issuer) => issuer === undefined || !tenants.byId.has(issuer.tenant),
  );

/** Entries with their issuers; those that cannot be told are findings. */
const resolve = (draft: Draft, findings: Finding[]): Listed[] => {
  const unsettled = isUnsettled(draft);
  return draft.apps.entries.flatMap(({ path, value: app }) => {
    const silent = unsettled || !draft.tenants.byId.has(app.tenant);
    const issuers = draft.issuers.entries
      .filter(({ value }) => value.tenant === app.tenant)
      .map(({ value }) => value.id);
    return app.subject_audiences.flatMap((entry, index): Listed[] => {
      if (silent && typeof entry === 'string') return [];
      const at = [...path, 'subject_audiences', index];
      const audience = audienceOf(entry, issuers);
      if (audience !== undefined) return [{ ...audience, path: at, app }];
      findings.push(unresolved(at, app.tenant, issuers));
      return [];
    });
  });
};

const ofIssuer = (draft: Draft, { path, audience, app }: Listed, issuer: Issuer): Finding[] => {
  if (issuer.tenant !== app.tenant) return sameTenant(draft, path, 'issuer', issuer, app.tenant);
  if (issuer.sign_in?.client_id === audience) {
    // An ID token of the sign_in client is how people and admins sign in to Daypass itself.
    return [
      {
        path,
        rule: 'not_sign_in',
        message: `"${audience}" is the sign_in client of issuer "${issuer.id}"`,
        remedy: 'register a client of its own for the app at the IdP',
      },
    ];
  }
  if (issuer.audiences.includes(audience)) return [];
  return [
    {
      path,
      rule: 'takes_effect',
      message: `"${audience}" is not among the audiences of issuer "${issuer.id}"`,
      remedy: `add it to the issuer's audiences: ${issuer.audiences.join(', ')}`,
    },
  ];
};

/** The party of an ID token names the app, so it can name one only. */
const oneApp = (listed: readonly Listed[]): Finding[] => {
  const first = new Map<string, string>();
  return listed.flatMap(({ path, issuer, audience, app }): Finding[] => {
    const key = JSON.stringify([issuer, audience]);
    const holder = first.get(key) ?? app.id;
    first.set(key, holder);
    if (holder === app.id) return [];
    return [
      {
        path,
        rule: 'one_app',
        message: `"${audience}" names app "${holder}" already; an entry names one app only`,
        remedy: 'register a client of its own for each app at the IdP',
      },
    ];
  });
};

/** Whose ID tokens an app may exchange: known, of its tenant, its own, and never those of a sign-in. */
export const checkAudiences = (draft: Draft): Finding[] => {
  const findings: Finding[] = [];
  const listed = resolve(draft, findings);
  for (const one of listed) {
    const issuer = draft.issuers.byId.get(one.issuer);
    if (issuer !== undefined) findings.push(...ofIssuer(draft, one, issuer));
    else if (!draft.issuers.byId.has(one.issuer))
      findings.push(
        dangling([...one.path, 'issuer'], 'issuer', one.issuer, draft.issuers.byId.keys()),
      );
  }
  return [...findings, ...oneApp(listed)];
};
