import type { StorageAction } from '../protocol/authorization-details.ts';

/** What temporary credentials of a cloud may do: everything below one prefix, for a while. */
export interface CredentialsGrant {
  readonly actions: readonly StorageAction[];
  /** A folder: canonical, without a first slash, ending in one. Never the whole bucket. */
  readonly prefix: string;
  /** Whole seconds. The cloud refuses them from then on, also where they could not be made to live so briefly. */
  readonly expiresAt: Date;
  /** What the cloud's own log calls whoever uses them: `A-Za-z0-9_.@-`, at most 64. */
  readonly sessionName: string;
}

/** All that could be refused has been; what is left may only fail. */
export interface PreparedCredentials {
  /**
   * Asks the cloud for them.
   *
   * @throws {OAuthError} `invalid_request` where only the cloud could tell that the grant is more than it can hold;
   *   `temporarily_unavailable` for whatever other reason it gives none
   */
  issue(now: Date): Promise<CloudCredentials>;
}

/** A store that can lend its cloud's credentials; a local one cannot. */
export interface Lender {
  /** @throws {OAuthError} `invalid_request` for a grant that this cloud cannot be told exactly. */
  prepareCredentials(grant: CredentialsGrant): PreparedCredentials;
}

/** As the SDK of the cloud takes them. */
export type CloudCredentials =
  | {
      readonly provider: 's3';
      readonly bucket: string;
      readonly region: string;
      /** Absent for AWS itself. */
      readonly endpoint?: string;
      readonly pathStyle: boolean;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken: string;
    }
  | {
      readonly provider: 'azure';
      /** Of the container. */
      readonly url: string;
      readonly sasToken: string;
    }
  | { readonly provider: 'gcs'; readonly bucket: string; readonly accessToken: string };
