import pg from 'pg';
import { APPLICATION_ROLE } from './client.ts';

export interface ListenerOptions {
  readonly url: string;
  /** What is done on a notification, by channel; and once after each connect, for what was missed before. */
  readonly channels: Readonly<Record<string, () => void>>;
  /** Told of connections that broke, and of ones that could not be made. */
  readonly onConnectionError: (error: Error) => void;
}

/** Milliseconds between the end of one connection and the next attempt. */
const PAUSE = 1_000;

/**
 * A connection that hears what other instances have committed. It makes things sooner and nothing right: what
 * it does not hear is read within a second all the same. Its loss harms nobody, and it is made again.
 */
export const createListener = ({ url, channels, onConnectionError }: ListenerOptions) => {
  let current: pg.Client | undefined;
  let pause: NodeJS.Timeout | undefined;
  let stopped = false;

  const connect = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: url,
      options: `-c role=${APPLICATION_ROLE}`,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: 'daypass listener',
    });
    current = client;
    // Without a listener a server that goes away ends the process.
    client.on('error', onConnectionError);
    client.on('end', again);
    client.on('notification', ({ channel }) => channels[channel]?.());
    try {
      await client.connect();
      for (const channel of Object.keys(channels)) await client.query(`LISTEN ${channel}`);
      for (const catchUp of Object.values(channels)) catchUp();
    } catch (error) {
      onConnectionError(error as Error);
      await client.end().catch(() => undefined);
      again();
    }
  };

  const again = (): void => {
    if (stopped) return;
    clearTimeout(pause);
    pause = setTimeout(() => void connect(), PAUSE).unref();
  };

  return {
    /** Resolves once the first attempt has been made, whatever came of it. */
    start: connect,
    stop: async (): Promise<void> => {
      stopped = true;
      clearTimeout(pause);
      await current?.end().catch(() => undefined);
    },
  };
};
