import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import type { RequestContext } from '../broker/context.ts';

/** One request, while it is being answered. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly method: string;
  /** Without the query, and still percent-encoded. */
  readonly path: string;
  readonly context: RequestContext;
  /** The route that took it, for the log: ids are not labels. */
  route: string;
}

export const toVisit = (request: IncomingMessage, context: RequestContext): Visit => ({
  request,
  method: request.method ?? '',
  path: pathOf(request.url ?? ''),
  context,
  route: 'other',
});

/** RFC 9112 §3.2: an origin-form target is a path; of an absolute-form only its path means anything here. */
const pathOf = (target: string): string => {
  if (!target.startsWith('/')) return URL.parse(target)?.pathname ?? target;
  const end = target.indexOf('?');
  return end === -1 ? target : target.slice(0, end);
};

/** The query as it came, with its question mark; empty where there is none. */
export const searchOf = ({ request: { url = '' } }: Visit): string => {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
};

/** A parameter that is given twice is a list. */
export const queryOf = (visit: Visit): NodeJS.Dict<string | string[]> =>
  parse(searchOf(visit).slice(1));

/** One header's value; empty where there is none. */
export const headerOf = ({ request }: Visit, name: string): string =>
  String(request.headers[name] ?? '');
