import { hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';

/** What instances of one deployment share without telling each other: all derived from one key. */
export interface Secrets {
  /** The first seals, each of them opens. */
  readonly keyEncryptionKeys: readonly [Buffer, ...Buffer[]];
  /** The first makes, each of them recognises. */
  readonly nonces: readonly [Buffer, ...Buffer[]];
  /** The first signs, each of them verifies. */
  readonly cookies: readonly Buffer[];
  readonly localStore: Buffer;
  /** The first derives successors, each of them finds them again. */
  readonly refreshTokens: readonly [Buffer, ...Buffer[]];
}

export const loadSecrets = (config: Config): Secrets => {
  const keyEncryptionKey = config.keyEncryptionKey ?? developmentKey(config.home);
  const previous = config.previousKeyEncryptionKey;
  const derive = (purpose: string, from = keyEncryptionKey): Buffer =>
    Buffer.from(hkdfSync('sha256', from, '', `daypass ${purpose} 1`, 32));
  return {
    keyEncryptionKeys: previous ? [keyEncryptionKey, previous] : [keyEncryptionKey],
    nonces: [derive('dpop nonces'), ...(previous ? [derive('dpop nonces', previous)] : [])],
    cookies: [derive('cookies'), ...(previous ? [derive('cookies', previous)] : [])],
    localStore: derive('local store'),
    refreshTokens: [
      derive('refresh tokens'),
      ...(previous ? [derive('refresh tokens', previous)] : []),
    ],
  };
};

/** Whether there is one already: asking for it makes one outside production. */
export const hasKeyEncryptionKey = ({ keyEncryptionKey, home }: Config): boolean =>
  keyEncryptionKey !== undefined || existsSync(developmentKeyPath(home));

const developmentKeyPath = (home: string): string => join(home, 'key-encryption-key');

/** Outside production a key is made once and kept: `config/` has refused production without one. */
const developmentKey = (home: string): Buffer => {
  const path = developmentKeyPath(home);
  if (!existsSync(path)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(path, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' });
  }
  return Buffer.from(readFileSync(path, 'utf8'), 'base64');
};
