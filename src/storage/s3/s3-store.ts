import type { SelfDescribing } from '../bucket-settings.ts';
import type { Lender } from '../cloud-credentials.ts';
import { LARGEST_PUT } from '../grant.ts';
import type { Multipart, PartGrant, PresignedPart } from '../multipart.ts';
import type {
  Enforcement,
  GetGrant,
  ObjectStore,
  PostGrant,
  PresignedDownload,
  PresignedUpload,
  PutGrant,
} from '../object-store.ts';
import { createObjectControl } from './control.ts';
import type { Encryption } from './encryption.ts';
import type { CredentialSource } from './held-credentials.ts';
import { createLender } from './lending.ts';
import { type LocationOptions, locate } from './location.ts';
import { createPartControl } from './part-control.ts';
import { createPresigner } from './presigner.ts';
import { createSettingsReader } from './settings.ts';
import type { S3Credentials } from './signature-v4.ts';
import type { TokenService } from './token-service.ts';

interface S3Place extends LocationOptions {
  readonly encryption?: Encryption;
  /** Bytes that one request copies at most: 5 GiB, but for tests. */
  readonly largestCopy?: number;
  /** The role whose sessions are lent, and who gives them out. Absent: none are. */
  readonly lending?: { readonly roleArn: string; readonly tokenService: TokenService };
}

/** Asked before every signature and call: what it returns may change, as rotated keys and sessions do. */
export interface S3StoreOptions extends S3Place {
  readonly credentials: (seconds: number) => S3Credentials;
}

/** Where credentials have to be asked for, a signature may have to wait for them. */
export interface SessionS3StoreOptions extends S3Place {
  readonly credentials: CredentialSource;
}

type S3Parts = ObjectStore & Multipart & SelfDescribing & Partial<Lender>;

/** Signs without a network call. */
export interface S3Store extends S3Parts {
  readonly provider: 's3';
  enforcement: (...args: Parameters<ObjectStore['enforcement']>) => Enforcement[];
  presignPut: (grant: PutGrant, now: Date) => PresignedUpload;
  presignGet: (grant: GetGrant, now: Date) => PresignedDownload;
  presignPart: (grant: PartGrant, now: Date) => PresignedPart;
  /** A form, for a size that is known as a range only. */
  presignPost: (grant: PostGrant, now: Date) => PresignedUpload;
}

/** Signs without a network call wherever a session is at hand. */
export interface SessionS3Store extends S3Parts {
  readonly provider: 's3';
}

interface CreateS3Store {
  (options: S3StoreOptions): S3Store;
  (options: SessionS3StoreOptions): SessionS3Store;
}

/**
 * A bucket on AWS or on an S3-compatible server.
 *
 * @throws OAuthError `invalid_request` when bucket, region or endpoint is off the allow list.
 */
export const createS3Store = ((options: SessionS3StoreOptions) => {
  const location = locate(options);
  const parts = { ...options, location };
  const presigner = createPresigner(parts);

  const signed =
    <Grant extends { readonly expiresIn: number }, Signed>(sign: Sign<Grant, Signed>) =>
    (grant: Grant, now: Date): Signed | Promise<Signed> => {
      const credentials = options.credentials(grant.expiresIn);
      return credentials instanceof Promise
        ? credentials.then((given) => sign(grant, given, now))
        : sign(grant, credentials, now);
    };

  const { lending } = options;
  return {
    provider: 's3',
    largestPut: LARGEST_PUT,
    enforcement: presigner.enforcement,
    presignPut: signed(presigner.presignPut),
    presignGet: signed(presigner.presignGet),
    presignPost: signed(presigner.presignPost),
    presignPart: signed(presigner.presignPart),
    ...createObjectControl(parts),
    ...createPartControl(parts),
    ...createSettingsReader(parts),
    ...(lending && createLender({ ...parts, ...lending, pathStyle: location.pathStyle })),
  };
}) as CreateS3Store;

type Sign<Grant, Signed> = (grant: Grant, credentials: S3Credentials, now: Date) => Signed;
