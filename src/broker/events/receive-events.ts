import { hash, timingSafeEqual } from 'node:crypto';
import type { Bucket } from '../../config/deployment.ts';
import type { EventTokenVerifier } from '../../identity/event-token.ts';
import { unproven } from '../../protocol/oauth-error.ts';
import type { CurrentConfiguration } from '../configuration.ts';
import {
  opaqueDataOf,
  readAzure,
  readGcs,
  readS3,
  textAt,
  validationCodeOf,
} from './announcement.ts';
import { createHeed, type HeedDependencies } from './heed.ts';

/** What arrived, from whoever sent it. */
export interface Delivery {
  /** A JSON object, or a list of them. */
  readonly body: object;
  /** `Authorization`, and `X-Daypass-Event-Secret`; empty where there is none. */
  readonly authorization: string;
  readonly secret: string;
}

export interface ReceiveEventsDependencies extends HeedDependencies {
  readonly configuration: CurrentConfiguration;
  readonly eventTokens: EventTokenVerifier;
  /** The value of a variable that the configuration names. */
  readonly secret: (name: string) => string | undefined;
  /** Hears a message of SNS (receive-sns.ts). */
  readonly hearSns: (body: object, buckets: readonly S3Bucket[]) => Promise<void>;
}

export type S3Bucket = Extract<Bucket, { provider: 's3' }>;
type AzureBucket = Extract<Bucket, { provider: 'azure' }>;
type GcsBucket = Extract<Bucket, { provider: 'gcs' }>;

/** https only in one spelling: Google's discovery document has this one. */
const GOOGLE = 'https://accounts.google.com';
const SHORTEST_SECRET = 16;

/**
 * Storage events: who says that an object has arrived is proven first; then the storage is asked whether it has.
 *
 * Each rejects with `invalid_token` for a sender that is not proven, all reading alike, and nothing is fetched on
 * its word; with `temporarily_unavailable` where the sender should try again.
 */
export const createReceiveEvents = (dependencies: ReceiveEventsDependencies) => {
  const { configuration, eventTokens, hearSns, now } = dependencies;
  const heed = createHeed(dependencies);

  const bucketsOn = <P extends Bucket['provider']>(provider: P) =>
    configuration
      .get()
      .deployment.buckets.filter(
        (bucket): bucket is Extract<Bucket, { provider: P }> => bucket.provider === provider,
      );

  const holdsSecret = (name: string | undefined, presented: string): boolean => {
    const expected = name === undefined ? undefined : secretOf(dependencies, name);
    return expected !== undefined && isSame(expected, presented);
  };

  const proveEntra = async (authorization: string): Promise<readonly AzureBucket[]> => {
    const buckets = bucketsOn('azure').filter(({ events }) => events?.entra);
    let proven: readonly AzureBucket[] = [];
    const issuers = buckets.flatMap(({ events }) => entraIssuers(events?.entra?.tenant_id ?? ''));
    const isExpected = (payload: Readonly<Record<string, unknown>>): boolean => {
      proven = buckets.filter(
        ({ events }) =>
          entraIssuers(events?.entra?.tenant_id ?? '').some((issuer) => issuer === payload.iss) &&
          events?.entra?.audience === payload.aud &&
          // Version 1 of Entra's tokens has `appid`, version 2 `azp`.
          events?.entra?.app_id === (payload.azp ?? payload.appid),
      );
      return proven.length > 0;
    };
    await eventTokens.verify(bearerOf(authorization), { issuers, isExpected }, now());
    return proven;
  };

  return {
    /** SNS, EventBridge, or an S3-compatible server. */
    receiveS3Events: async ({ body, secret }: Delivery): Promise<void> => {
      const buckets = bucketsOn('s3').filter(({ events }) => events);
      if ('TopicArn' in body) return hearSns(body, buckets);
      const presented = secret || opaqueDataOf(body);
      const proven = buckets.filter(({ events }) => holdsSecret(events?.secret_env, presented));
      if (proven.length === 0) throw unproven('no secret of a bucket');
      await heed(readS3(body), proven, 'secret');
    },

    /** A push of Pub/Sub. */
    receiveGcsEvents: async ({ body, authorization }: Delivery): Promise<void> => {
      let proven: readonly GcsBucket[] = [];
      const isExpected = ({ aud, email, email_verified }: Readonly<Record<string, unknown>>) => {
        proven = bucketsOn('gcs').filter(
          ({ events }) => events?.audience === aud && events?.service_account === email,
        );
        return email_verified === true && proven.length > 0;
      };
      const expected = { issuers: [GOOGLE], isExpected };
      await eventTokens.verify(bearerOf(authorization), expected, now());
      await heed(readGcs(body), proven, 'pubsub');
    },

    /** @returns the answer to Event Grid's question whether we want its events, where that was asked. */
    receiveAzureEvents: async ({
      body,
      authorization,
      secret,
    }: Delivery): Promise<string | undefined> => {
      const bySecret = bucketsOn('azure').filter(({ events }) =>
        holdsSecret(events?.secret_env, secret),
      );
      const proven = bySecret.length > 0 ? bySecret : await proveEntra(authorization);
      const code = validationCodeOf(body);
      if (code === undefined) await heed(readAzure(body), proven, 'event_grid');
      return code;
    },

    /** CloudEvents' question (HTTP Webhooks §4): whether that origin may send. */
    mayDeliver: (origin: string): boolean =>
      origin === 'eventgrid.azure.net' && bucketsOn('azure').some(({ events }) => events),
  };
};

const entraIssuers = (tenantId: string): readonly string[] => [
  `https://sts.windows.net/${tenantId}/`,
  `https://login.microsoftonline.com/${tenantId}/v2.0`,
];

const bearerOf = (authorization: string): string => {
  const [, token] = /^Bearer ([^ ]+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw unproven('no bearer token');
  return token;
};

/** One that is missing, or could be guessed, proves nothing. */
const secretOf = ({ secret }: ReceiveEventsDependencies, name: string): string | undefined => {
  const value = secret(name);
  return value !== undefined && value.length >= SHORTEST_SECRET ? value : undefined;
};

/** In a time that tells nothing of either. */
const isSame = (expected: string, presented: string): boolean =>
  timingSafeEqual(hash('sha256', expected, 'buffer'), hash('sha256', presented, 'buffer'));

/** What a message of SNS has inside: JSON, in a string. */
export const contentOf = (body: object): unknown => {
  try {
    return JSON.parse(textAt(body, 'Message'));
  } catch {
    return undefined;
  }
};
