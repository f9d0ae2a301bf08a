import { decodeJwt } from 'jose';
import { demoToken } from '../../demo-token.ts';
import { DEMO_PASSWORD } from '../../people.ts';
import { json, WIDTH } from '../layout.ts';
import { overhear } from '../overhear.ts';
import { createProofKey, type ProofKey } from '../proof-key.ts';
import type { Telling } from '../telling.ts';

/** Someone signed in to an app: what the company's SSO says of them, and the key the app made. */
export interface SignedIn {
  readonly idToken: string;
  readonly key: ProofKey;
}

/** Through the real login page: authorization code with PKCE. */
export const signIn = async (
  { stage, narrator }: Telling,
  user: string,
  audience: string,
): Promise<SignedIn> => {
  const { idp: issuer } = stage;
  const request = { issuer, user, password: DEMO_PASSWORD, audience };
  const idToken = await overhear(narrator, () => demoToken(request));
  const { sub, aud, groups } = decodeJwt(idToken);
  narrator.say(json({ id_token: idToken.slice(0, 12).concat('…'), sub, aud, groups }, WIDTH));
  narrator.holds(`the ID token is ${user}'s, for ${audience}`, sub === user && aud === audience, {
    sub,
    aud,
  });
  return { idToken, key: createProofKey() };
};

export const anaSignsIn = (telling: Telling): Promise<SignedIn> => {
  telling.narrator.scene(
    'Ana opens Where2Eat and signs in',
    "Ana built Where2Eat in a weekend: friends share menus and photos. It holds no storage key. It sends her to the company's own login page and gets back an ID token that says who she is. It also makes a key pair that never leaves her browser.",
  );
  return signIn(telling, 'ana', 'where2eat');
};
