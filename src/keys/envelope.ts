import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Envelope encryption: a fresh data key seals the secret, the key encryption key wraps the data key.
 * The name of what is sealed is authenticated with it, so one sealed key cannot stand in for another.
 *
 * Layout: version 1 · [iv 12 · tag 16 · wrapped data key 32] · [iv 12 · tag 16 · ciphertext].
 */
const VERSION = 1;
const IV = 12;
const TAG = 16;
const WRAPPED = IV + TAG + 32;

/** @param keyEncryptionKey 32 bytes. */
export const seal = (secret: Buffer, name: string, keyEncryptionKey: Buffer): Buffer => {
  const dataKey = randomBytes(32);
  return Buffer.concat([
    Buffer.of(VERSION),
    encrypt(dataKey, keyEncryptionKey, name),
    encrypt(secret, dataKey, name),
  ]);
};

/** @throws Error when it was sealed under another key or name, or was changed. */
export const unseal = (sealed: Buffer, name: string, keyEncryptionKey: Buffer): Buffer => {
  if (sealed[0] !== VERSION) throw new Error(`${name}: sealed in an unknown way`);
  const dataKey = decrypt(sealed.subarray(1, 1 + WRAPPED), keyEncryptionKey, name);
  return decrypt(sealed.subarray(1 + WRAPPED), dataKey, name);
};

const encrypt = (plain: Buffer, key: Buffer, name: string): Buffer => {
  const iv = randomBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name));
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
};

const decrypt = (box: Buffer, key: Buffer, name: string): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, IV))
    .setAAD(Buffer.from(name))
    .setAuthTag(box.subarray(IV, IV + TAG));
  return Buffer.concat([decipher.update(box.subarray(IV + TAG)), decipher.final()]);
};
