import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import type { Fetch } from '../../src/egress/fetch.ts';

/** Three clouds with keys of their own, as far as they sign events: what is fetched from them is on `calls`. */

export const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:uploads';
export const CERTIFICATE_URL = `https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-${'ab'.repeat(16)}.pem`;
export const GOOGLE = 'https://accounts.google.com';
export const ENTRA_TENANT = '11111111-2222-3333-4444-555555555555';
export const ENTRA = `https://login.microsoftonline.com/${ENTRA_TENANT}/v2.0`;

/** As OpenSSL makes it, with an RSA key. */
const selfSigned = (): { readonly certificate: string; readonly key: string } => {
  const dir = mkdtempSync(join(tmpdir(), 'daypass-sns-'));
  try {
    const options = '-x509 -newkey rsa:2048 -nodes -days 800 -keyout a.key -out a.crt';
    const subject = ['-subj', '/CN=sns.amazonaws.com'];
    execFileSync('openssl', ['req', ...options.split(' '), ...subject], {
      cwd: dir,
      stdio: 'pipe',
    });
    const read = (name: string): string => readFileSync(join(dir, name), 'utf8');
    return { certificate: read('a.crt'), key: read('a.key') };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const NOTICE = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const QUESTION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

export const openClouds = () => {
  const sns = selfSigned();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const jwks = {
    keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }],
  };
  const calls: string[] = [];
  const discovery = (issuer: string) => ({ issuer, jwks_uri: `${new URL(issuer).origin}/keys` });
  const answers = new Map<string, string>([
    [CERTIFICATE_URL, sns.certificate],
    ...[GOOGLE, ENTRA].flatMap((issuer): [string, string][] => [
      [`${issuer}/.well-known/openid-configuration`, JSON.stringify(discovery(issuer))],
      [`${new URL(issuer).origin}/keys`, JSON.stringify(jwks)],
    ]),
  ]);
  const fetch: Fetch = async (url) => {
    calls.push(url);
    const body = url.includes('Action=ConfirmSubscription') ? '<ok/>' : answers.get(url);
    return { status: body === undefined ? 404 : 200, headers: {}, body: Buffer.from(body ?? '') };
  };

  return {
    calls,
    fetch,
    stranger,

    /** A message of SNS, signed as Amazon documents it. */
    message: (
      given: Readonly<Record<string, string>>,
      { key = sns.key as string | KeyObject } = {},
    ) => {
      const message: Record<string, string> = {
        Type: 'Notification',
        MessageId: randomUUID(),
        TopicArn: TOPIC,
        Message: '{}',
        SignatureVersion: '2',
        SigningCertURL: CERTIFICATE_URL,
        ...given,
      };
      const names = message.Type === 'Notification' ? NOTICE : QUESTION;
      const text = names
        .filter((name) => message[name] !== undefined)
        .map((name) => `${name}\n${message[name]}\n`)
        .join('');
      const digest = message.SignatureVersion === '1' ? 'sha1' : 'sha256';
      return { Signature: sign(digest, Buffer.from(text), key).toString('base64'), ...message };
    },

    /** A token of Google's or Microsoft's. */
    token: (claims: Readonly<Record<string, unknown>>, at: number, key: KeyObject = privateKey) =>
      new SignJWT({ iat: at, exp: at + 3_600, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1', typ: 'JWT' })
        .sign(key),
  };
};
