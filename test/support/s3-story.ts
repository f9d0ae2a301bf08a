import type { DeploymentDocument } from '../../src/config/deployment.ts';

export interface S3Place {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
}

/** The demo configuration with its one bucket on an S3 server, credentials from A and B. */
export const onS3 =
  ({ endpoint, bucket, region }: S3Place) =>
  (demo: DeploymentDocument): DeploymentDocument => ({
    ...demo,
    buckets: [
      {
        id: 'project-123',
        tenant: 'acme',
        provider: 's3',
        bucket,
        region,
        endpoint,
        credentials: { access_key_id_env: 'A', secret_access_key_env: 'B' },
      },
    ],
  });
