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
}

export interface KeptSignIns {
  /** Keeps a sign-in for as long as its issuer's `session` says; names it. The name is a secret of ours. */
  keep(kept: KeptSignIn): Promise<string>;
  /** Undefined where it has ended, or was revoked, or its issuer is trusted no more. */
  find(id: string): Promise<KeptSignIn | undefined>;
  forget(id: string): Promise<void>;
}

const MODEL = 'SignIn';
const DEFAULT_SESSION = 8 * 60 * 60;

/** Sign-ins at the authorization endpoint: between the company's answer and what apps get for it. */
export const createKeptSignIns = (dependencies: KeptSignInDependencies): KeptSignIns => {
  const { artifacts, tokens, configuration, now } = dependencies;
  return {
    keep: async ({ signIn, acr }) => {
      const issuer = configuration.get().index.issuerById(signIn.issuerId);
      const life = issuer?.sign_in?.session ?? DEFAULT_SESSION;
      const expiresAt = Math.floor(now().getTime() / 1000) + life;
      const id = newSignInId();
      await artifacts.put({
        model: MODEL,
        idHash: hashOf(id),
        payload: { signIn: { ...signIn, expiresAt }, acr } satisfies KeptSignIn,
        grantId: undefined,
        uid: undefined,
        userCode: undefined,
        expiresAt: new Date(expiresAt * 1000),
      });
      return id;
    },
    find: async (id) => {
      const found = await artifacts.find(MODEL, hashOf(id));
      const kept = found?.payload as KeptSignIn | undefined;
      if (!kept || kept.signIn.expiresAt * 1000 <= now().getTime()) return undefined;
      if (!configuration.get().index.issuerById(kept.signIn.issuerId)?.enabled) return undefined;
      return (await isRevoked(tokens, kept.signIn)) ? undefined : kept;
    },
    forget: (id) => artifacts.destroy(MODEL, hashOf(id)),
  };
};

/** Law 3: asked of the ledger each time. A person who is blocked has no session, and neither has one whose session ended. */
const isRevoked = async (tokens: Pick<Tokens, 'recheck'>, signIn: SignIn): Promise<boolean> => {
  const { lineage, authorities } = fromSignIn(signIn);
  const refusal = await tokens.recheck({ keys: lineage, authorities });
  return refusal !== undefined;
};

const hashOf = (id: string): string => hash('sha256', id, 'base64url');
