import { hash, hkdfSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { randomFrom } from './random.ts';

/**
 * Opaque tokens: `dp_<kind>_` + 32 base62 characters + 6 base62 characters of CRC-32 (ISO-HDLC).
 *
 * The prefix makes a leaked token recognisable, the checksum lets a scanner tell one from noise, and
 * both let a forged one be refused before any lookup.
 */
export type OpaqueKind = 'at' | 'rt' | 'dl';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const SHAPE = /^dp_(at|rt|dl)_[0-9A-Za-z]{38}$/;

/** 190 random bits, named for what they are good for. */
export const mintOpaqueToken = (kind: OpaqueKind): string => {
  const head = `dp_${kind}_${randomBase62(SECRET_LENGTH)}`;
  return head + checksum(head);
};

/**
 * The one token that follows `previous`: whoever has that token and `secret` finds the same again, and nobody else
 * finds it at all. So it need not be stored to be repeated.
 */
export const deriveOpaqueToken = (kind: OpaqueKind, secret: Buffer, previous: string): string => {
  // 80 bytes, of which 32 are wanted: one in 32 is not used.
  const bytes = new Uint8Array(hkdfSync('sha512', secret, '', `successor of ${previous}`, 80));
  const usable = [...bytes].filter((byte) => byte < 248).slice(0, SECRET_LENGTH);
  const head = `dp_${kind}_${usable.map((byte) => ALPHABET.charAt(byte % 62)).join('')}`;
  return head + checksum(head);
};

/** The kind of a well-formed token, or undefined: whether one exists is the ledger's to say. */
export const opaqueKind = (token: string): OpaqueKind | undefined => {
  if (!SHAPE.test(token)) return undefined;
  const head = token.slice(0, -CHECKSUM_LENGTH);
  return checksum(head) === token.slice(-CHECKSUM_LENGTH)
    ? (token.slice(3, 5) as OpaqueKind)
    : undefined;
};

/** What is stored instead of a token: its SHA-256. A stored token is not a token (law 4). */
export const tokenDigest = (token: string): Buffer => hash('sha256', token, 'buffer');

const checksum = (head: string): string => {
  let rest = crc32(head);
  let text = '';
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit += 1) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
};

const randomBase62 = (length: number): string => {
  let text = '';
  while (text.length < length) {
    for (const byte of randomFrom(length + 8)) {
      // 248 is the largest multiple of 62 in a byte: above it some characters would be likelier.
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
};
