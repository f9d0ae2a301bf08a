import type { App } from '../../config/deployment.ts';
import type { AppSessions } from '../../ledger/app-sessions.ts';
import type { Authorization } from '../../ledger/records.ts';
import { grantIdOf, sessionIdOf } from '../identifiers.ts';

/** Seconds for which an app may rest on an ID token after the sign-in has ended here: as long as one can be signed out of. */
const REMEMBERED = 30 * 24 * 60 * 60;

/**
 * Writes down that an app is about to hear of a sign-in, where it wants to hear of its end too. Before it hears: what
 * is not written down is told to nobody.
 */
export const beginAppSession = async (
  appSessions: Pick<AppSessions, 'begin'>,
  app: App,
  { signIn, openid, authorizedAt }: Authorization,
): Promise<void> => {
  if (app.backchannel_logout_uri === undefined || !openid) return;
  const refreshed = app.refresh === false ? 0 : authorizedAt + app.refresh.max_age;
  const end = Math.max(signIn.expiresAt + REMEMBERED, refreshed);
  await appSessions.begin({
    sid: grantIdOf(signIn.tokenHash),
    appId: app.id,
    tenantId: signIn.tenant,
    userId: signIn.userId,
    sessionId:
      signIn.sessionId === undefined ? undefined : sessionIdOf(signIn.issuer, signIn.sessionId),
    expiresAt: new Date(end * 1000),
  });
};
