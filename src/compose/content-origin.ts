import type { Config } from '../config/config.ts';

/** Outside production user content has the same host on another, free port. */
export const contentAddress = ({
  host,
  contentOrigin,
  contentPort,
  production,
  tls,
}: Config): { host: string; port: number } & Pick<Config, 'tls'> => ({
  host,
  port: contentPort ?? (contentOrigin === undefined ? 0 : portOf(contentOrigin, production)),
  // Whoever follows a ticket is asked for no certificate: a browser would ask its user.
  ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }),
});

/** In production a proxy in front knows the public origin; it finds the content server here. */
const PRODUCTION_CONTENT_PORT = 8082;

const portOf = (origin: string, production: boolean): number => {
  const { port, protocol } = new URL(origin);
  if (production || port === '') return PRODUCTION_CONTENT_PORT;
  return protocol === 'http:' ? Number(port) : PRODUCTION_CONTENT_PORT;
};

export const sameHost = ({ issuer, tls }: Pick<Config, 'issuer' | 'tls'>, port: number): string => {
  const { hostname } = new URL(issuer);
  return `${tls ? 'https' : 'http'}://${hostname}:${port}`;
};
