import { type ClientSecretRoutes, clientSecretRoutes } from './admin/client-secrets.ts';
import { type ConfigurationRoutes, configurationRoutes } from './admin/configuration.ts';
import { type EntryRoutes, entryRoutes } from './admin/entries.ts';
import { type KeyRoutes, keyRoutes } from './admin/keys.ts';
import { type RecordRoutes, recordRoutes } from './admin/records.ts';
import { type RevocationRoutes, revocationRoutes } from './admin/revocations.ts';
import { type UploadOversightRoutes, uploadOversightRoutes } from './admin/uploads.ts';
import type { Route } from './route.ts';
import { type CredentialsRoutes, credentialsRoutes } from './routes/credentials.ts';
import { type DiscoveryRoutes, discoveryRoutes } from './routes/discovery.ts';
import { type DownloadRoutes, downloadRoutes } from './routes/downloads.ts';
import { type EventRoutes, eventRoutes } from './routes/events.ts';
import { type ExchangeRoutes, exchangeRoutes } from './routes/exchange.ts';
import { type FederationRoutes, federationRoutes } from './routes/federation.ts';
import { type OperationsRoutes, operationsRoutes } from './routes/operations.ts';
import { type UploadRoutes, uploadRoutes } from './routes/uploads.ts';
import { type UserinfoRoutes, userinfoRoutes } from './routes/userinfo.ts';
import { type VerifierRoutes, verifierRoutes } from './routes/verifiers.ts';

/** The use cases behind our endpoints, each under the name its routes give it. */
export interface BrokerRoutes
  extends ExchangeRoutes,
    UploadRoutes,
    DownloadRoutes,
    CredentialsRoutes,
    EventRoutes,
    RevocationRoutes,
    RecordRoutes,
    UploadOversightRoutes,
    ConfigurationRoutes,
    EntryRoutes,
    ClientSecretRoutes,
    KeyRoutes,
    DiscoveryRoutes,
    VerifierRoutes,
    FederationRoutes,
    UserinfoRoutes,
    OperationsRoutes {}

/** Every endpoint of ours, in the order the documentation shows them. */
export const routeTable = (broker: BrokerRoutes): readonly Route[] => [
  ...exchangeRoutes(broker),
  ...uploadRoutes(broker),
  ...downloadRoutes(broker),
  ...credentialsRoutes(broker),
  ...eventRoutes(broker),
  ...revocationRoutes(broker),
  ...recordRoutes(broker),
  ...uploadOversightRoutes(broker),
  ...configurationRoutes(broker),
  ...entryRoutes(broker),
  ...clientSecretRoutes(broker),
  ...keyRoutes(broker),
  ...discoveryRoutes(broker),
  ...verifierRoutes(broker),
  ...federationRoutes(broker),
  ...userinfoRoutes(broker),
  ...operationsRoutes(broker),
];

/**
 * The same table to be read and never served: shapes, paths and authentication need no use case. A handler
 * called by mistake fails on what is not there.
 */
export const describedRoutes = (): readonly Route[] => routeTable({} as BrokerRoutes);
