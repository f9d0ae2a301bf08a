import type { App } from './deployment/schema.ts';

/** When an app ends, in epoch seconds: a date ends with its first moment in UTC, so it leans closed. */
export const expiryOf = ({ expires }: Pick<App, 'expires'>): number =>
  Math.floor(Date.parse(expires) / 1000);

export const hasExpired = (app: Pick<App, 'expires'>, now: Date): boolean =>
  expiryOf(app) * 1000 <= now.getTime();
