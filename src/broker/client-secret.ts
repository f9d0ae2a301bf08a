import { hash, timingSafeEqual } from 'node:crypto';
import type { App } from '../config/deployment.ts';

/** Secrets are kept as hashes, and two may be valid while one replaces the other. */
export const isSecretOf = (app: App | undefined, secret: string): boolean => {
  const given = Buffer.from(`sha256:${hash('sha256', secret, 'hex')}`);
  const known = app?.secret_hash ?? [];
  // Each is compared, so that the time taken does not tell which one matched.
  return known.map((each) => timingSafeEqual(Buffer.from(each), given)).includes(true);
};
