import { randomUUID } from 'node:crypto';
import type { Bucket } from '../../config/deployment.ts';
import type { Signer } from '../../keys/signer.ts';
import type { AuditTrail } from '../../ledger/ledger.ts';
import type { SigningAlgorithm } from '../../protocol/signing-algorithm.ts';

export interface VouchDependencies {
  readonly keys: {
    readonly signer: (alg?: SigningAlgorithm) => Signer;
    /** Reads the keys anew: one that was revoked signs nothing any more. */
    readonly follow: () => Promise<void>;
  };
  readonly audit: Pick<AuditTrail, 'append'>;
  readonly issuer: string;
  readonly now: () => Date;
}

/** Seconds: it is presented at once, and to one service. */
const LIFE = 120;

/** Seconds by which a cloud's clock may be behind ours: Ceph takes none that was issued in its future, by a millisecond. */
const SLACK = 30;

/** What a cloud's trust in us is narrowed to: one bucket of one tenant. */
export const subjectOf = ({ id, tenant }: Pick<Bucket, 'id' | 'tenant'>): string =>
  `tenant:${tenant}:bucket:${id}`;

/**
 * A JWT by which Daypass, as OIDC issuer, vouches for its own use of one bucket to a cloud that trusts it: no
 * standing key is needed there. It names no person; what is done with the session does.
 *
 * @throws {OAuthError} `temporarily_unavailable` where it cannot be signed or recorded
 */
export const createVouch =
  ({ keys, audit, issuer, now }: VouchDependencies) =>
  async (bucket: Bucket, audience: string, alg: SigningAlgorithm = 'ES256'): Promise<string> => {
    await keys.follow();
    const signer = keys.signer(alg);
    const at = now();
    const seconds = Math.floor(at.getTime() / 1000);
    const claims = {
      iss: issuer,
      sub: subjectOf(bucket),
      aud: audience,
      iat: seconds - SLACK,
      nbf: seconds - SLACK,
      exp: seconds + LIFE,
      jti: randomUUID(),
    };
    // Law 1: on record before anybody could present it.
    await audit.append({
      at,
      action: 'cloud.vouch',
      outcome: 'granted',
      tenantId: bucket.tenant,
      resource: `bucket:${bucket.id}`,
      detail: { sub: claims.sub, aud: audience, jti: claims.jti, exp: claims.exp, kid: signer.kid },
    });
    return signer.sign('JWT', claims);
  };
