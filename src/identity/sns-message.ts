import { verify, X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { unavailable, unproven } from '../protocol/oauth-error.ts';
import type { Fetch } from './issuer-keys.ts';

/** A message of Amazon SNS, as it is posted to a subscriber. Nothing in it is proven. */
export interface SnsMessage {
  readonly Type: 'Notification' | 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Timestamp: string;
  readonly SignatureVersion: string;
  readonly Signature: string;
  readonly SigningCertURL: string;
  readonly Subject?: string | undefined;
  readonly SubscribeURL?: string | undefined;
  readonly Token?: string | undefined;
}

/** SNS messages: did Amazon send this, for one of these topics? They do not say what it means. */
export interface SnsVerifier {
  /**
   * Nothing is fetched for a topic that is not awaited, nor from a host that is not the topic's own SNS.
   *
   * @throws {OAuthError} `invalid_token` for whatever is wrong with it, all reading alike;
   *   `temporarily_unavailable` when the certificate cannot be had.
   */
  verify(message: SnsMessage, topics: readonly string[], now: Date): Promise<void>;
}

const TOPIC = /^arn:aws(?:-cn|-us-gov)?:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$/;
const CERTIFICATE = /^\/SimpleNotificationService-[A-Za-z0-9]{1,128}\.pem$/;
/** SHA-1 is what topics sign with until they are told otherwise (`SignatureVersion` 2). */
const DIGESTS: ReadonlyMap<string, string> = new Map([
  ['1', 'sha1'],
  ['2', 'sha256'],
]);
/** Milliseconds: Amazon tries again for an hour, and what is older is a replay. */
const LONGEST_WAY = 60 * 60 * 1000;
const TOLERANCE = 60 * 1000;

const SIGNED = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
} as const;

/** The lines that are signed: names in this order, each with its value where it has one. */
const signedText = (message: SnsMessage): string => {
  const isNotice = message.Type === 'Notification';
  const names = isNotice ? SIGNED.Notification : SIGNED.SubscriptionConfirmation;
  return names
    .flatMap((name) => {
      const value: string | undefined = message[name];
      return value === undefined ? [] : [`${name}\n${value}\n`];
    })
    .join('');
};

/** The URL, if it leads to SNS of the topic's own region and to nothing else. Leans closed. */
export const urlAtSns = (text: string, topicArn: string): URL | undefined => {
  const region = TOPIC.exec(topicArn)?.[1];
  const url = URL.parse(text);
  if (region === undefined || url === null) return undefined;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  // Compared whole, so that no user, port or look-alike host gets by.
  return url.origin === `https://sns.${region}.${suffix}` && url.username + url.password === ''
    ? url
    : undefined;
};

const mustBeRecent = ({ Timestamp }: SnsMessage, now: Date): void => {
  const age = now.getTime() - Date.parse(Timestamp);
  if (!(age <= LONGEST_WAY && age >= -TOLERANCE)) throw unproven('too long on its way');
};

export const createSnsVerifier = ({ fetch }: { readonly fetch: Fetch }): SnsVerifier => {
  const certificates = new LRUCache<string, X509Certificate>({ max: 32 });

  const certificateAt = async (url: string): Promise<X509Certificate> => {
    const known = certificates.get(url);
    if (known) return known;
    const answer = await fetch(url).catch((error: unknown) => {
      throw unavailable('the certificate of SNS cannot be had', error);
    });
    if (answer.status !== 200) throw unavailable(`SNS answers ${answer.status}`);
    const certificate = parse(answer.body);
    certificates.set(url, certificate);
    return certificate;
  };

  return {
    async verify(message, topics, now) {
      const { TopicArn, SigningCertURL, SignatureVersion } = message;
      if (!topics.includes(TopicArn)) throw unproven('a topic that is not awaited');
      mustBeRecent(message, now);
      const digest = DIGESTS.get(SignatureVersion);
      if (digest === undefined) throw unproven('signature version');
      const url = urlAtSns(SigningCertURL, TopicArn);
      if (!url || !CERTIFICATE.test(url.pathname) || url.search + url.hash !== '')
        throw unproven('certificate from elsewhere');

      mustBeSigned(message, digest, await certificateAt(url.href), now);
    },
  };
};

const mustBeSigned = (
  message: SnsMessage,
  digest: string,
  { publicKey, validFromDate, validToDate }: X509Certificate,
  now: Date,
): void => {
  if (now < validFromDate || now > validToDate) throw unproven('certificate is not in force');
  const signature = Buffer.from(message.Signature, 'base64');
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  if (isRsa && verify(digest, Buffer.from(signedText(message)), publicKey, signature)) return;
  throw unproven('signature');
};

const parse = (pem: Buffer): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw unavailable('SNS answers with what is no certificate', error);
  }
};
