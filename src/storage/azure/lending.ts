import type { CredentialsGrant, Lender } from '../cloud-credentials.ts';
import type { Location } from './location.ts';
import { type SasKey, type SasRequest, signSas } from './sas.ts';

export interface LendingOptions {
  readonly location: Location;
  readonly keyUntil: (until: Date, now: Date) => SasKey | Promise<SasKey>;
}

/** Azure's clock may be behind ours. */
const SKEW = 5 * 60_000;

/** In the order in which Azure wants them. Never `i`, `y` or `x`: immutability, and what deletes for good. */
const PERMISSIONS = [
  ['r', 'read'],
  ['c', 'write'],
  ['w', 'write'],
  ['d', 'delete'],
  ['l', 'list'],
] as const;

/**
 * A SAS for one directory, which ends when it should to the second. Only accounts with a hierarchical namespace have
 * directories: others refuse it, and a SAS for their whole container would reach what is not inspected yet.
 */
export const createLender = ({ location, keyUntil }: LendingOptions): Lender => ({
  prepareCredentials: (grant) => ({
    issue: async (now) => {
      const key = await keyUntil(grant.expiresAt, now);
      return {
        provider: 'azure',
        url: location.containerUrl,
        sasToken: signSas(directoryRequest(grant, location, now), key),
      };
    },
  }),
});

const directoryRequest = (
  { actions, prefix, expiresAt }: CredentialsGrant,
  { canonicalName, protocol }: Pick<Location, 'canonicalName' | 'protocol'>,
  now: Date,
): SasRequest => {
  const directory = prefix.replace(/\/$/, '');
  return {
    permission: PERMISSIONS.filter(([, action]) => actions.includes(action))
      .map(([letter]) => letter)
      .join(''),
    canonicalName: canonicalName(directory),
    directoryDepth: directory.split('/').length,
    startsOn: new Date(now.getTime() - SKEW),
    expiresOn: expiresAt,
    protocol,
  };
};
