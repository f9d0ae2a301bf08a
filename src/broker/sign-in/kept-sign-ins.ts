import { hash } from 'node:crypto';
import type { Artifacts } from '../../ledger/artifacts.ts';
import type { Tokens } from '../../ledger/ledger.ts';
import type { SignIn } from '../../protocol/principal.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import { fromSignIn } from '../exchange/authority.ts';
import { newSignInId } from '../identifiers.ts';

export interface KeptSignInDependencies {
  readonly artifacts: Pick<Artifacts, 'put' | 'find' | 'destroy'>;
  readonly tokens: Pick<Tokens, 'recheck'>;
  readonly configuration: CurrentConfiguration;
  readonly now: () => Date;
}

/** Somebody who signed in here, until the sign-in ends. */
export interface KeptSignIn {
  readonly signIn: SignIn;
  readonly acr: string | undefined;
  /** What they are called at the company, for themselves to read: it identifies nobody. */
  readonly called?: string | undefined;
}

export interface KeptSignIns {
  /** Keeps a sign-in for as long as its issuer's `session` says; names it. The name is a secret of ours. */
  keep(kept: KeptSignIn): Promise<string>;
  /** Undefined where it has ended, or was revoked, or its issuer is trusted no more. */
  find(id: string): Promise<KeptSignIn | undefined>;
  /** One browser's sign-in after another: what came of the earlier one ends with the later one, not before. */
  succeed(earlierId: string, laterId: string): Promise<void>;
  /** This one and those before it in the same browser, ended or not: what signing out there is to end. */
  ofBrowser(id: string): Promise<readonly PastSignIn[]>;
  forget(id: string): Promise<void>;
}

/** What is left to end of a sign-in. */
export type PastSignIn = Pick<SignIn, 'tokenHash' | 'tenant' | 'userId' | 'issuer' | 'expiresAt'>;

interface Stored extends KeptSignIn {
  /** Absent in those of the previous release. */
  readonly before?: readonly PastSignIn[];
}

const MODEL = 'SignIn';
const DEFAULT_SESSION = 8 * 60 * 60;
const DAY = 24 * 60 * 60;
/** Seconds after its end for which a sign-in can be signed out of: longer than a browser keeps its session unused. */
const REMEMBERED = 30 * DAY;
/** Seconds after its end for which a sign-in that others followed is: as long as a refresh token lives at most. */
const FOLLOWED = 365 * DAY;

/** Sign-ins at the authorization endpoint: between the company's answer and what apps get for it. */
export const createKeptSignIns = (dependencies: KeptSignInDependencies): KeptSignIns => {
  const { artifacts, tokens, configuration, now } = dependencies;
  const stored = async (id: string): Promise<Stored | undefined> =>
    (await artifacts.find(MODEL, hashOf(id)))?.payload as Stored | undefined;
  const put = (id: string, payload: Stored): Promise<void> =>
    artifacts.put({
      model: MODEL,
      idHash: hashOf(id),
      payload,
      grantId: undefined,
      uid: undefined,
      userCode: undefined,
      expiresAt: new Date((payload.signIn.expiresAt + REMEMBERED) * 1000),
    });
  return {
    keep: async ({ signIn, acr, called }) => {
      const issuer = configuration.get().index.issuerById(signIn.issuerId);
      const life = issuer?.sign_in?.session ?? DEFAULT_SESSION;
      const expiresAt = Math.floor(now().getTime() / 1000) + life;
      const id = newSignInId();
      await put(id, { signIn: { ...signIn, expiresAt }, acr, called });
      return id;
    },
    find: async (id) => {
      const kept = await stored(id);
      if (!kept || kept.signIn.expiresAt * 1000 <= now().getTime()) return undefined;
      if (!configuration.get().index.issuerById(kept.signIn.issuerId)?.enabled) return undefined;
      return (await isRevoked(tokens, kept.signIn)) ? undefined : kept;
    },
    succeed: async (earlierId, laterId) => {
      const [earlier, later] = [await stored(earlierId), await stored(laterId)];
      if (!earlier || !later) return;
      const oldest = now().getTime() / 1000 - FOLLOWED;
      const before = pastOf(earlier).filter(({ expiresAt }) => expiresAt > oldest);
      // The earlier one stays: an app may be about to redeem a code of it.
      await put(laterId, { ...later, before });
    },
    ofBrowser: async (id) => {
      const kept = await stored(id);
      return kept ? pastOf(kept) : [];
    },
    forget: (id) => artifacts.destroy(MODEL, hashOf(id)),
  };
};

const pastOf = ({ signIn, before = [] }: Stored): readonly PastSignIn[] => {
  const { tokenHash, tenant, userId, issuer, expiresAt } = signIn;
  return [...before, { tokenHash, tenant, userId, issuer, expiresAt }];
};

/** Law 3: asked of the ledger each time. A person who is blocked has no session, and neither has one whose session ended. */
const isRevoked = async (tokens: Pick<Tokens, 'recheck'>, signIn: SignIn): Promise<boolean> => {
  const { lineage, authorities } = fromSignIn(signIn);
  const refusal = await tokens.recheck({ keys: lineage, authorities });
  return refusal !== undefined;
};

const hashOf = (id: string): string => hash('sha256', id, 'base64url');
