import type { Config } from '../config/config.ts';

/** Outside production user content has the same host on another, free port. */
export const contentAddress = ({
  host,
  contentOrigin,
  contentPort,
  production,
}: Config): { host: string; port: number } => ({
  host,
  port: contentPort ?? (contentOrigin === undefined ? 0 : portOf(contentOrigin, production)),
});

/** In production a proxy in front knows the public origin; it finds the content server here. */
const PRODUCTION_CONTENT_PORT = 8082;

const portOf = (origin: string, production: boolean): number => {
  const { port, protocol } = new URL(origin);
  if (production || port === '') return PRODUCTION_CONTENT_PORT;
  return protocol === 'http:' ? Number(port) : PRODUCTION_CONTENT_PORT;
};

export const sameHost = (issuer: string, port: number): string => {
  const { hostname } = new URL(issuer);
  return `http://${hostname}:${port}`;
};
