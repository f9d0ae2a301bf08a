import type { App } from '../../config/deployment.ts';
import type { Fetch } from '../../egress/fetch.ts';
import type { AppSessions, EndedAppSession } from '../../ledger/app-sessions.ts';
import type { AuditRecord } from '../../ledger/records.ts';
import { randomFrom } from '../../protocol/random.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import type { CurrentKeys } from '../keys/current-keys.ts';

export interface TellAppsDependencies {
  readonly appSessions: Pick<AppSessions, 'take' | 'settle'>;
  readonly configuration: CurrentConfiguration;
  readonly keys: Pick<CurrentKeys, 'signer'>;
  readonly issuer: string;
  readonly fetch: Fetch;
  readonly now: () => Date;
  /** One try: for the metrics. */
  readonly onTold: (outcome: Told) => void;
  readonly onError: (error: unknown) => void;
}

/** `failed` is tried again. */
export type Told = 'told' | 'failed' | 'given_up';

/** OpenID Connect Back-Channel Logout 1.0 §2.4. */
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Seconds. §2.4 asks for two minutes at most. */
const LIFE = 120;

/** At a time, so that one round of a full queue is bounded, in memory and in connections. */
const BATCH = 20;

/** Of one app at a time: one that never answers holds up no other. */
const SHARE = 4;

/** Milliseconds for which an instance has a session to itself: longer than a call takes, whatever it meets. */
const LEASE = 30_000;

/** Seconds before each further try: an app that is being deployed hears within a minute, one that is down within a day. */
const PAUSES = [5, 20, 60, 300, 1_200, 3_600, 7_200, 14_400, 28_800];

/**
 * Tells apps that somebody has signed out (OpenID Connect Back-Channel Logout 1.0), at least once and for about a day.
 * Whoever signs out waits for none of it.
 */
export const createTellApps = (dependencies: TellAppsDependencies) => {
  const { appSessions, configuration, now, onTold, onError } = dependencies;

  const settle = async (ended: EndedAppSession, outcome: Told): Promise<void> => {
    const pause = PAUSES[ended.attempts - 1];
    const again =
      outcome === 'failed' && pause !== undefined
        ? new Date(now().getTime() + pause * 1000)
        : undefined;
    onTold(outcome === 'failed' && again === undefined ? 'given_up' : outcome);
    await appSessions.settle(ended, again, again ? undefined : onRecord(ended, outcome, now()));
  };

  const tell = async (ended: EndedAppSession): Promise<void> => {
    const app = configuration.get().index.app(ended.appId);
    // It has been taken out, or wants to hear no more.
    if (app?.backchannel_logout_uri === undefined || !app.enabled)
      return appSessions.settle(ended, undefined, undefined);
    await settle(ended, (await takes(dependencies, app, ended)) ? 'told' : 'failed');
  };

  /** One round. What is left when it fails, or when this instance dies, is another's once the lease ends. */
  return async (): Promise<void> => {
    const underWay = new Map<EndedAppSession, Promise<unknown>>();
    const take = async (): Promise<number> => {
      const leaseUntil = new Date(now().getTime() + LEASE);
      const except = busy([...underWay.keys()]);
      const limit = BATCH - underWay.size;
      const share = { limit, perApp: SHARE, except };
      const due = await appSessions.take(now(), leaseUntil, share);
      for (const ended of due) {
        const done = tell(ended).catch(onError);
        underWay.set(
          ended,
          done.finally(() => underWay.delete(ended)),
        );
      }
      return due.length;
    };
    // Whoever has answered makes room at once: nobody waits for the slowest.
    for (let isDone = false; !isDone; ) {
      const wasIdle = underWay.size === 0;
      const taken = await take();
      isDone = wasIdle && taken === 0;
      if (underWay.size > 0) await Promise.race(underWay.values());
    }
  };
};

/** Apps that have something under way: the next of theirs wait for it. */
const busy = (underWay: readonly EndedAppSession[]): readonly string[] => [
  ...new Set(underWay.map(({ appId }) => appId)),
];

/** §2.8: 200 says that it is done; 204 is what some frameworks make of it. */
const takes = async (
  { keys, issuer, fetch, now }: TellAppsDependencies,
  app: App,
  { sid, userId }: EndedAppSession,
): Promise<boolean> => {
  const iat = Math.floor(now().getTime() / 1000);
  const token = await keys.signer('ES256').sign('logout+jwt', {
    iss: issuer,
    sub: userId,
    aud: app.id,
    iat,
    exp: iat + LIFE,
    // Another for each try: an app that has seen one, and whose answer was lost, would refuse it.
    jti: randomFrom(16).toString('base64url'),
    sid,
    events: { [EVENT]: {} },
  });
  try {
    const { status } = await fetch(app.backchannel_logout_uri ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: token }).toString(),
    });
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
};

const onRecord = (
  { appId, tenantId, userId, sid, attempts }: EndedAppSession,
  outcome: Told,
  at: Date,
): AuditRecord => ({
  at,
  action: 'logout.tell',
  outcome: outcome === 'told' ? 'granted' : 'denied',
  ...(outcome !== 'told' && { reason: 'the app has not taken the logout token' }),
  tenantId,
  appId,
  userId,
  detail: { sid, attempts },
});
