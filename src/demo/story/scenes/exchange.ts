import { textOf } from '../caller.ts';
import type { Telling } from '../telling.ts';
import type { SignedIn } from './sign-in.ts';

/** What the app works with from now on. */
export interface DayPass {
  readonly token: string;
  readonly tokenId: string;
}

export const RESOURCE = 'bucket:project-123';

export const tradeForPass = async (
  { narrator, call }: Telling,
  { idToken, key }: SignedIn,
): Promise<DayPass> => {
  narrator.scene(
    'Where2Eat trades the sign-in for a day pass',
    "The app shows the ID token and proves its key (DPoP). Daypass first hands out a nonce, so that no proof can be made in advance, then issues a pass for five minutes, one bucket, two actions, and Ana's own folder in it.",
  );
  const answer = await call({
    to: '/exchange',
    token: idToken,
    scheme: 'Bearer',
    key,
    json: { app_id: 'where2eat', resource: RESOURCE, actions: ['read', 'write'], ttl: 300 },
  });
  const { body, status } = answer;
  narrator.holds('the pass is issued, for 300 seconds', status === 200 && body.expires_in === 300, {
    status,
    expires_in: body.expires_in,
  });
  narrator.holds('it is bound to the key of the app', body.token_type === 'DPoP', body.token_type);
  const scopes = [body.scopes].flat().map(String);
  narrator.holds(
    "it opens Ana's folder and no other",
    scopes.every((scope) => /:prefix=\/where2eat\/where2eat\/uploads\/u_\w{26}\//.test(scope)),
    scopes,
  );
  return { token: textOf(answer, 'access_token'), tokenId: textOf(answer, 'token_id') };
};
