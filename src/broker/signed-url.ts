import { hash } from 'node:crypto';

/**
 * What a URL is signed for, as the record has it. The key as its hash: a staging key is for the uploader alone, and
 * whoever finds a URL can still tell which row is its own.
 */
export const signedFor = (method: 'PUT' | 'GET', key: string, expiresAt: Date) => ({
  method,
  signed_key_sha256: hash('sha256', key),
  expires_at: expiresAt.toISOString(),
});
