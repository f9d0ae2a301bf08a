import type { DeploymentDocument } from '../../config/deployment.ts';
import { hasExpired } from '../../config/expiry.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { randomFrom } from '../../protocol/random.ts';
import { type Admin, mustReach } from '../admin.ts';
import { hashOfSecret } from '../client-secret.ts';
import { administrator, type ChangeConfiguration } from './change.ts';
import { type Conditions, entityTagOf, mustHold } from './entity-tag.ts';
import { noSuch } from './entry-refusals.ts';
import { entryPlace } from './place.ts';

export interface ClientSecretsDependencies {
  readonly change: ChangeConfiguration;
  readonly now: () => Date;
}

/** A secret that nobody will be shown again. */
export interface MintedSecret {
  readonly secret: string;
  /** What is kept of it. */
  readonly hash: string;
  readonly expires: string | undefined;
}

type AppDocument = NonNullable<DeploymentDocument['apps']>[number];
type KeptSecret = NonNullable<AppDocument['secret_hash']>[number];

/** As many may be good at once: one, the one that replaces it, and some that were forgotten. */
const MOST = 5;

/** Bytes, as the contract has it. */
const LENGTH = 32;

/** Secrets of confidential apps, made here: so that none is made up, mailed about or hashed with its line break. */
export const createClientSecrets = ({ change, now }: ClientSecretsDependencies) => {
  const rewrite = (
    admin: Admin,
    appId: string,
    conditions: Conditions,
    edit: (kept: readonly KeptSecret[]) => readonly KeptSecret[],
  ) => {
    const place = entryPlace('apps', appId);
    return change(place, administrator(admin), (document, judged) => {
      const before = place.read(document) as AppDocument | undefined;
      mustReach(judged, before && place.tenantOf(before), noSuch(place));
      mustHold(conditions, before && entityTagOf(before));
      const { secret_hash = [], ...app } = before ?? ({} as AppDocument);
      const kept = edit(secret_hash);
      const after = kept.length === 0 ? app : { ...app, secret_hash: kept };
      return { document: place.write(document, after), written: [] };
    });
  };

  return {
    /**
     * Adds a secret beside those there are, and takes out what has expired.
     *
     * @param expires a date or RFC 3339; undefined: as long as the app.
     * @throws {OAuthError} `invalid_request` for an app that authenticates in another way, or not at all;
     *   `conflict` where it has many already; `not_found`; `precondition_failed`.
     */
    mintSecret: async (
      admin: Admin,
      appId: string,
      expires: string | undefined,
      conditions: Conditions,
    ): Promise<MintedSecret> => {
      const secret = randomFrom(LENGTH).toString('base64url');
      const hash = hashOfSecret(secret);
      if (expires !== undefined && hasExpired({ expires }, now())) throw endsAtOnce();
      await rewrite(admin, appId, conditions, (all) => {
        const kept = all.filter((each) => typeof each === 'string' || !hasExpired(each, now()));
        if (kept.length >= MOST) throw tooMany();
        return [...kept, expires === undefined ? hash : { hash, expires }];
      });
      return { secret, hash, expires };
    },

    /** Takes one out. @throws {OAuthError} `not_found` where the app has none with this hash. */
    withdrawSecret: async (
      admin: Admin,
      appId: string,
      hash: string,
      conditions: Conditions,
    ): Promise<void> => {
      await rewrite(admin, appId, conditions, (all) => {
        const kept = all.filter((each) => (typeof each === 'string' ? each : each.hash) !== hash);
        if (kept.length === all.length) throw noSuchSecret();
        return kept;
      });
    },
  };
};

export type ClientSecrets = ReturnType<typeof createClientSecrets>;

const tooMany = (): OAuthError =>
  new OAuthError('conflict', `the app has ${MOST} secrets`, {
    violations: [
      {
        field: 'secret_hash',
        rule: 'at_most',
        message: `no app has more than ${MOST} at once`,
        remedy: 'take out those that nothing uses any more',
      },
    ],
  });

const endsAtOnce = (): OAuthError =>
  new OAuthError('invalid_request', 'the secret would have expired already', {
    violations: [
      {
        field: 'expires',
        rule: 'expired',
        message: 'lies in the past',
        remedy: 'name a later moment, or leave it out',
      },
    ],
  });

const noSuchSecret = (): OAuthError =>
  new OAuthError('not_found', 'no such secret', {
    violations: [
      {
        field: 'hash',
        rule: 'unknown_secret',
        message: 'the app has no secret with this hash',
        remedy: 'GET the app: secret_hash lists those it has',
      },
    ],
  });
