import { hash } from 'node:crypto';
import type { Fetch } from '../../egress/fetch.ts';
import { type SnsMessage, type SnsVerifier, urlAtSns } from '../../identity/sns-message.ts';
import type { Artifacts } from '../../ledger/artifacts.ts';
import { OAuthError, unavailable, unproven } from '../../protocol/oauth-error.ts';
import { at, readS3 } from './announcement.ts';
import { createHeed, type HeedDependencies } from './heed.ts';
import { contentOf, type S3Bucket } from './receive-events.ts';

export interface ReceiveSnsDependencies extends HeedDependencies {
  readonly snsMessages: SnsVerifier;
  readonly artifacts: Pick<Artifacts, 'find' | 'putOnce'>;
  /** Calls out, to confirm a subscription. */
  readonly fetch: Fetch;
}

const SEEN = 'StorageEvent';
/** Milliseconds: longer than a message is believed. */
const KEPT = 2 * 60 * 60 * 1000;

/** Messages of SNS: each once, for buckets that name its topic. */
export const createHearSns = (dependencies: ReceiveSnsDependencies) => {
  const { snsMessages, artifacts, now } = dependencies;
  const heed = createHeed(dependencies);

  return async (body: object, buckets: readonly S3Bucket[]): Promise<void> => {
    const message = readMessage(body);
    const proven = buckets.filter(({ events }) => events?.topic_arns?.includes(message.TopicArn));
    const topics = proven.flatMap(({ events }) => events?.topic_arns ?? []);
    await snsMessages.verify(message, topics, now());

    const idHash = hash('sha256', `${message.TopicArn}\0${message.MessageId}`, 'base64url');
    if (await artifacts.find(SEEN, idHash)) throw replayed();
    if (message.Type === 'SubscriptionConfirmation') await confirm(dependencies, message);
    if (message.Type === 'Notification') await heed(readS3(contentOf(body)), proven, 'sns');
    // Only now: what failed may be sent again, and doing it twice is as good as once.
    await artifacts.putOnce({
      model: SEEN,
      idHash,
      payload: {},
      grantId: undefined,
      uid: undefined,
      userCode: undefined,
      expiresAt: new Date(now().getTime() + KEPT),
    });
  };
};

/** The topic is awaited and the message is Amazon's: the only URL of a message that is ever called. */
const confirm = async ({ fetch }: ReceiveSnsDependencies, message: SnsMessage): Promise<void> => {
  const url = urlAtSns(message.SubscribeURL ?? '', message.TopicArn);
  const asked = url?.searchParams;
  const isOurs =
    url?.pathname === '/' &&
    asked?.get('Action') === 'ConfirmSubscription' &&
    asked.get('TopicArn') === message.TopicArn;
  if (!isOurs) throw unproven('SubscribeURL leads elsewhere');
  const { status } = await fetch(url.href).catch((error: unknown) => {
    throw unavailable('SNS does not take the confirmation', error);
  });
  if (status !== 200) throw unavailable(`SNS answers the confirmation with ${status}`);
};

const TYPES = ['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'];
const NAMES = [
  'MessageId',
  'TopicArn',
  'Message',
  'Timestamp',
  'SignatureVersion',
  'Signature',
  'SigningCertURL',
];
const FURTHER = ['Subject', 'SubscribeURL', 'Token'];

const readMessage = (body: object): SnsMessage => {
  const isText = (name: string): boolean => typeof at(body, name) === 'string';
  const isMessage =
    TYPES.some((type) => type === at(body, 'Type')) &&
    NAMES.every(isText) &&
    FURTHER.every((name) => at(body, name) === undefined || isText(name));
  if (isMessage) return body as SnsMessage;
  throw unproven('not a message of SNS');
};

const replayed = (): OAuthError =>
  new OAuthError('conflict', 'the message was heard before', {
    violations: [
      {
        field: 'MessageId',
        rule: 'seen_before',
        message: 'a message is heard once',
        remedy: 'nothing is to be done: its object is known',
      },
    ],
  });
