import { Buffer } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { unavailable } from '../../protocol/oauth-error.ts';
import type { DelegatedSasKey } from './sas.ts';

/** What `getUserDelegationKey` answers, of it what is signed with or said. */
export interface IssuedDelegationKey {
  readonly signedObjectId: string;
  readonly signedTenantId: string;
  readonly signedStartsOn: Date;
  readonly signedExpiresOn: Date;
  readonly signedService: string;
  readonly signedVersion: string;
  /** Base64. */
  readonly value: string;
}

export interface DelegationKeys {
  /**
   * A key that lives until `until` at least: at once where one is kept, else the service is asked.
   *
   * @throws OAuthError `temporarily_unavailable` when there is none and none can be had.
   */
  forUseUntil(until: Date, now: Date): DelegatedSasKey | Promise<DelegatedSasKey>;
}

const MINUTE = 60_000;
/**
 * 4 h, of the 7 days Azure allows: what is signed with a key dies with it, but revoking the account's
 * delegation keys hits everybody, so the shorter it lives the less a stolen one is worth.
 */
const LIFE = 240 * MINUTE;
/** From here on a new one is fetched, while the old one still signs. */
const REFRESH_BEFORE = 60 * MINUTE;
/** Azure's clock may be behind ours. */
const SKEW = 5 * MINUTE;
/** After a refresh that failed while the kept key still signs. */
const RETRY_AFTER = MINUTE;

/**
 * The account's user delegation key, kept well below its life and refreshed ahead of its end, by one fetch at a
 * time.
 */
export const createDelegationKeys = (
  fetchKey: (startsOn: Date, expiresOn: Date) => Promise<IssuedDelegationKey>,
): DelegationKeys => {
  let kept: DelegatedSasKey | undefined;
  let fetching: Promise<DelegatedSasKey> | undefined;
  let notBefore = 0;

  const refresh = (now: Date): Promise<DelegatedSasKey> => {
    fetching ??= fetchKey(new Date(now.getTime() - SKEW), new Date(now.getTime() + LIFE))
      .then((issued) => {
        kept = toSasKey(issued);
        return kept;
      })
      .catch((error: unknown) => {
        notBefore = now.getTime() + RETRY_AFTER;
        throw error;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };

  const lasts = (key: DelegatedSasKey, until: Date): boolean =>
    key.delegation.expiresOn.getTime() >= until.getTime();

  return {
    forUseUntil: (until, now) => {
      if (kept !== undefined && lasts(kept, until)) {
        const isDue = kept.delegation.expiresOn.getTime() - now.getTime() < REFRESH_BEFORE;
        // Whoever comes with a good key in hand waits for nobody; its failure is heard when the key has ended.
        if (isDue && now.getTime() >= notBefore) refresh(now).catch(() => undefined);
        return kept;
      }
      return refresh(now).then((key) => {
        if (lasts(key, until)) return key;
        throw unavailable('the user delegation key ends before the URL would');
      });
    },
  };
};

const toSasKey = (issued: IssuedDelegationKey): DelegatedSasKey => ({
  secret: createSecretKey(Buffer.from(issued.value, 'base64')),
  delegation: {
    objectId: issued.signedObjectId,
    tenantId: issued.signedTenantId,
    startsOn: issued.signedStartsOn,
    expiresOn: issued.signedExpiresOn,
    service: issued.signedService,
    version: issued.signedVersion,
  },
});
