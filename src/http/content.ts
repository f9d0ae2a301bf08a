import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { RequestContext } from '../broker/context.ts';
import type { Redeemed } from '../broker/download/redeem-ticket.ts';
import { OAuthError } from '../protocol/oauth-error.ts';
import { asRefusal, toReply } from './refusal.ts';

export interface ContentDependencies {
  readonly redeem: (value: string, context: RequestContext) => Promise<Redeemed>;
  /** The local object store's own URLs. */
  readonly local: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly requestContext: (request: IncomingMessage) => RequestContext;
  readonly onError: (error: OAuthError, requestId: string) => void;
}

/**
 * The origin user content leaves from, and nothing else does: no cookie, no API and no page of ours is
 * here to be attacked by what somebody uploaded.
 */
export const createContentHandler =
  (dependencies: ContentDependencies) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const context = dependencies.requestContext(request);
    response.setHeader('X-Request-Id', context.requestId);
    try {
      const path = (request.url ?? '/').split('?')[0] ?? '/';
      if (path.startsWith('/local/')) return await dependencies.local(request, response);
      if (!path.startsWith('/d/')) throw new OAuthError('not_found', 'nothing is here');
      // A link scanner's HEAD must not use up what it never meant to fetch.
      if (request.method !== 'GET') throw notGet();
      await deliver(await dependencies.redeem(path.slice('/d/'.length), context), response);
    } catch (thrown) {
      refuse(response, thrown, context.requestId, dependencies.onError);
    }
  };

const deliver = async (redeemed: Redeemed, response: ServerResponse): Promise<void> => {
  if (redeemed.delivery === 'redirect') {
    // 303 and not 307: whatever brought the browser here is not repeated there.
    response.writeHead(303, { ...PRIVATE, Location: redeemed.url }).end();
    return;
  }
  const { object, open } = redeemed;
  response.writeHead(200, {
    ...PRIVATE,
    'Content-Type': object.contentType,
    'Content-Length': open.size,
    'Content-Disposition': `attachment; filename="${object.fileName}"`,
    'Content-Security-Policy': 'sandbox',
    'Accept-Ranges': 'none',
  });
  // A reader who goes away has used the ticket all the same.
  await pipeline(open.body, response).catch(() => response.destroy());
};

/** A ticket's URL and what it delivers stay between the broker and whoever asked. */
const PRIVATE = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // The URL is the whole authority: a page that has it may read what it names.
  'Access-Control-Allow-Origin': '*',
} as const;

const refuse = (
  response: ServerResponse,
  thrown: unknown,
  requestId: string,
  onError: ContentDependencies['onError'],
): void => {
  const error = asRefusal(thrown);
  onError(error, requestId);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = toReply(error, requestId);
  const content = JSON.stringify(body);
  response
    .writeHead(status, {
      ...headers,
      ...PRIVATE,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(content),
      'X-Request-Id': requestId,
    })
    .end(content);
};

const notGet = (): OAuthError =>
  new OAuthError('method_not_allowed', 'a ticket is used with GET', { headers: { Allow: 'GET' } });
