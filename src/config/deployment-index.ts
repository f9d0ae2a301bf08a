/** Deployment index: which entry has this name? Maps only, so that no name of a caller's is a property of anything. */
import { audienceOf } from './deployment/audience.ts';
import type {
  App,
  Bucket,
  Deployment,
  Issuer,
  ResourceServer,
  Tenant,
} from './deployment/schema.ts';

/** Each answers undefined where there is no such entry; disabled and expired ones are found. */
export interface DeploymentIndex {
  readonly deployment: Deployment;
  tenant(id: string): Tenant | undefined;
  issuerById(id: string): Issuer | undefined;
  /** By the `iss` of an ID token, compared letter by letter (OpenID Connect Core §3.1.3.7). */
  issuerByUrl(iss: string): Issuer | undefined;
  /** By `client_id`. The built-in admin client is no app. */
  app(id: string): App | undefined;
  /** The one app that may exchange ID tokens which this issuer gave to this party. */
  appByAudience(issuerId: string, party: string): App | undefined;
  bucket(id: string): Bucket | undefined;
  resourceServer(id: string): ResourceServer | undefined;
  /** Whether any app's pages come from there. */
  hasOrigin(origin: string): boolean;
}

const by = <T>(entries: readonly T[], key: (entry: T) => string): ReadonlyMap<string, T> =>
  new Map(entries.map((entry) => [key(entry), entry]));

const byAudience = ({ apps, issuers }: Deployment): ReadonlyMap<string, App> => {
  const named = new Map<string, App>();
  for (const app of apps) {
    const ids = issuers.filter(({ tenant }) => tenant === app.tenant).map(({ id }) => id);
    for (const entry of app.subject_audiences) {
      const audience = audienceOf(entry, ids);
      if (audience) named.set(JSON.stringify([audience.issuer, audience.audience]), app);
    }
  }
  return named;
};

/** Built once for each configuration; every question is one look into a Map. */
export const indexDeployment = (deployment: Deployment): DeploymentIndex => {
  const tenants = by(deployment.tenants, ({ id }) => id);
  const issuers = by(deployment.issuers, ({ id }) => id);
  const issuersByUrl = by(deployment.issuers, ({ issuer }) => issuer);
  const apps = by(deployment.apps, ({ id }) => id);
  const audiences = byAudience(deployment);
  const buckets = by(deployment.buckets, ({ id }) => id);
  const servers = by(deployment.resource_servers, ({ id }) => id);
  const origins = new Set(deployment.apps.flatMap((app) => app.origins));
  return {
    deployment,
    tenant: (id) => tenants.get(id),
    issuerById: (id) => issuers.get(id),
    issuerByUrl: (iss) => issuersByUrl.get(iss),
    app: (id) => apps.get(id),
    appByAudience: (issuerId, party) => audiences.get(JSON.stringify([issuerId, party])),
    bucket: (id) => buckets.get(id),
    resourceServer: (id) => servers.get(id),
    hasOrigin: (origin) => origins.has(origin),
  };
};
