import type { Tenant } from '../../config/deployment.ts';
import { unproven } from '../../protocol/oauth-error.ts';
import { hashOfSecret, isKeptSecret } from '../client-secret.ts';
import type { CurrentConfiguration } from '../configuration.ts';

/** Whoever holds an initial access token of a tenant (RFC 7591 §1.2), as long as the configuration has it. */
export interface Registrant {
  readonly tenantId: string;
  /** For the record: the tenant, and by the beginning of its hash which of its tokens. */
  readonly by: string;
  readonly bounds: NonNullable<Tenant['registration']>;
  /** The version that says so. */
  readonly judgedUnder: number;
}

export interface RegistrantDependencies {
  readonly configuration: CurrentConfiguration;
  readonly now: () => Date;
}

/** @throws {OAuthError} `invalid_token`, alike for whatever is wrong. */
export const createRegistrantProver =
  ({ configuration, now }: RegistrantDependencies) =>
  (initialAccessToken: string): Registrant => {
    const { version, deployment } = configuration.get();
    const at = now();
    // Each is compared, so that the time taken does not tell whose it is.
    const [tenant] = deployment.tenants.filter(({ registration }) =>
      isKeptSecret(registration?.initial_access_tokens ?? [], initialAccessToken, at),
    );
    if (!tenant?.registration) throw unproven('no initial access token of ours');
    const { id: tenantId, registration: bounds } = tenant;
    const [, digest = ''] = hashOfSecret(initialAccessToken).split(':');
    const by = `registration:${tenantId}/${digest.slice(0, 12)}`;
    return { tenantId, by, bounds, judgedUnder: version };
  };
