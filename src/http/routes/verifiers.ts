import { Readable } from 'node:stream';
import type { createFollow, Told } from '../../broker/revocation/follow.ts';
import { type createStatusList, STATUS_TTL } from '../../broker/revocation/status-list.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import { readLastEventId, toServerSentEvent } from '../wire/feed.ts';

export interface VerifierRoutes {
  readonly statusList: ReturnType<typeof createStatusList>;
  readonly follow: ReturnType<typeof createFollow>['follow'];
}

/** For resource servers that verify JWTs themselves: which of them are dead. */
export const verifierRoutes = ({ statusList, follow }: VerifierRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/status/{list}',
    summary: 'Which of the JWTs that refer to this list have been revoked',
    description:
      'A Token Status List (draft-ietf-oauth-status-list), signed by a key of `/jwks`. Fetched anew it holds every revocation that was acknowledged before.',
    authentication: 'none',
    answer: { status: 200, description: '`application/statuslist+jwt`; 304 where it is the same' },
    handle: async ({ params, header }) => {
      const { jwt, etag } = await statusList(params.list ?? '');
      const headers = {
        'Cache-Control': `public, max-age=${STATUS_TTL}`,
        ETag: etag,
      };
      if (isAmong(etag, header('if-none-match'))) return { status: 304, headers };
      return {
        status: 200,
        headers: { ...headers, 'Content-Type': 'application/statuslist+jwt' },
        body: jwt,
      };
    },
  }),
  feedRoute(follow, 'GET', 'By the `Authorization` header, or on the connection with `client_id`.'),
  feedRoute(follow, 'POST', 'The same, for clients that authenticate in a form.'),
];

const feedRoute = (
  follow: VerifierRoutes['follow'],
  method: 'GET' | 'POST',
  authentication: string,
): Route =>
  route({
    method,
    path: '/revocations/feed',
    summary: 'Revocations as they happen, as server-sent events',
    description: `For clients that a resource server lists under \`introspection_clients\`. ${authentication} Event \`revocation\`: \`{ revocation_id, target, effective_at, block, lifted }\` of the client’s tenant, and of signing keys. \`Last-Event-ID\` resumes without a gap.`,
    authentication: 'client',
    answer: { status: 200, description: '`text/event-stream`' },
    handle: async ({ client, header }) => {
      const gone = new AbortController();
      const since = readLastEventId(header('last-event-id'));
      const told = await follow(client, since, gone.signal);
      return {
        status: 200,
        headers: {
          ...NO_STORE,
          'Content-Type': 'text/event-stream',
          'X-Accel-Buffering': 'no', // a proxy that waits for more keeps revocations to itself
        },
        body: toStream(inWords(told), () => gone.abort()),
      };
    },
  });

const inWords = async function* (told: AsyncIterable<Told>): AsyncGenerator<string> {
  for await (const one of told) yield toServerSentEvent(one);
};

/** As a stream that tells at once when its reader has left: `Readable.from` waits for the next word. */
const toStream = (words: AsyncGenerator<string>, onGone: () => void): Readable =>
  new Readable({
    read() {
      words.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error) => this.destroy(error as Error),
      );
    },
    destroy(error, done) {
      onGone();
      done(error);
    },
  });

/** RFC 9110 §13.1.2: a weak comparison of any of those named. */
const isAmong = (etag: string, named: string): boolean =>
  named === '*' ||
  named
    .split(',')
    .map((one) => one.trim().replace(/^W\//, ''))
    .includes(etag);
