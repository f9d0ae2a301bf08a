import { createHash } from 'node:crypto';
import type { DeploymentDocument } from '../../src/config/deployment.ts';

/** Apps that people sign in to, one of each kind. */

export const ORDERS = 'https://orders.acme.example';
export const BUCKET = 'bucket:project-123';
export const SECRET = 'a-secret-of-thirty-two-random-bytes';
export const LOOPBACK = 'http://127.0.0.1/callback';
export const WEB = 'https://portal.acme.example/callback';
export const PAGE = 'http://localhost:5175/callback';

export const withPeopleApps = (demo: DeploymentDocument): DeploymentDocument => {
  const common = {
    tenant: 'acme',
    owner: 'dana@acme.example',
    purpose: 'orders',
    expires: '2099-01-01',
    subject_audiences: [],
    grants: [{ resource: ORDERS, actions: ['orders:read', 'orders:write'] }],
  };
  const secret = {
    secret_hash: [`sha256:${createHash('sha256').update(SECRET).digest('hex')}`],
  };
  return {
    ...demo,
    apps: [
      ...(demo.apps ?? []),
      {
        ...common,
        id: 'desk',
        type: 'native',
        trusted: true,
        redirect_uris: [LOOPBACK, 'example.acme.desk:/callback'],
      },
      {
        ...common,
        id: 'portal',
        type: 'web',
        trusted: true,
        redirect_uris: [WEB],
        post_logout_redirect_uris: ['https://portal.acme.example/bye'],
        ...secret,
      },
      { ...common, id: 'page', type: 'browser', redirect_uris: [PAGE] },
      { ...common, id: 'own-page', type: 'browser', trusted: true, redirect_uris: [PAGE] },
    ],
  };
};

export const basic = (client: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${client}:${SECRET}`).toString('base64')}`,
});
