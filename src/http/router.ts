import type { Route } from './route.ts';
import { methodNotAllowed } from './unanswered.ts';

export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Which route takes a request; undefined where none has its path.
 *
 * Most requests name a path of ours to the letter: those take one look into a map.
 */
export const createRouter = (routes: readonly Route[]) => {
  const paths = Map.groupBy(routes, ({ path }) => path);
  const templates = [...paths].filter(([path]) => path.includes('{')).map(toTemplate);

  /** @throws {OAuthError} `method_not_allowed`: a path of ours never falls through to anyone else. */
  return (method: string, path: string): Found | undefined => {
    const here = paths.get(path);
    if (here) return { route: withMethod(here, method), params: {} };
    for (const { pattern, routes: there } of templates) {
      const params = pattern.exec(path)?.groups;
      if (params) return { route: withMethod(there, method), params: decodeAll(params) };
    }
    return undefined;
  };
};

interface Template {
  readonly pattern: RegExp;
  readonly routes: readonly Route[];
}

/** A parameter is one segment, and not an empty one. */
const toTemplate = ([path, routes]: [string, readonly Route[]]): Template => ({
  pattern: new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
  routes,
});

const decodeAll = (params: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decode(value)]));

/** What is not percent-encoding stays as it is: it names nothing of ours. */
const decode = (value: string): string => {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
};

const READS = ['GET', 'HEAD'];

const withMethod = (here: readonly Route[], method: string): Route => {
  // RFC 9110 §9.3.2: HEAD is GET without its content, which is left out when writing.
  const wanted = method === 'HEAD' ? 'GET' : method;
  const route = here.find((one) => one.method === wanted);
  if (route) return route;
  throw methodNotAllowed(here.flatMap((one) => (one.method === 'GET' ? READS : one.method)));
};
