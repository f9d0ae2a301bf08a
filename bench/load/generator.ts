/** The load generator: a program of its own, told what to do by messages from its parent. */
import { Client } from 'undici';
import { ask } from './ask.ts';
import type { LoadOrder, LoadReport } from './messages.ts';
import { percentile } from './percentile.ts';

interface Tally {
  readonly latencies: number[];
  failures: number;
  firstFailure: string | undefined;
}

const run = async (order: LoadOrder): Promise<LoadReport> => {
  const { origin, requests, connections, seconds, rate, once, answer } = order;
  const clients = Array.from({ length: connections }, () => new Client(origin, { pipelining: 1 }));
  const tally: Tally = { latencies: [], failures: 0, firstFailure: undefined };
  let next = order.first;
  const left = (): number => (once ? requests.length - next : Number.POSITIVE_INFINITY);

  /** @param due when the request was meant to leave, by `performance.now()` */
  const send = async (client: Client, due: number): Promise<void> => {
    const request = requests[next % requests.length];
    next += 1;
    if (!request) throw new Error('there are no requests to send');
    const { status, text } = await ask(client, request, answer !== undefined).catch(
      (error: unknown) => ({
        status: 0,
        text: String(error),
      }),
    );
    if (status >= 200 && status < 300 && (answer === undefined || text.includes(answer))) {
      tally.latencies.push(performance.now() - due);
      return;
    }
    tally.failures += 1;
    tally.firstFailure ??= `${status} ${text.slice(0, 500)}`;
  };

  const started = performance.now();
  await (rate === undefined
    ? saturate(clients, send, { until: started + seconds * 1000, left })
    : keepSchedule(clients, send, {
        started,
        rate,
        count: Math.min(Math.floor(rate * seconds), left()),
      }));
  const taken = (performance.now() - started) / 1000;
  await Promise.all(clients.map((client) => client.close()));

  const sorted = Float64Array.from(tally.latencies).sort();
  return {
    answers: sorted.length,
    sent: next - order.first,
    failures: tally.failures,
    firstFailure: tally.firstFailure,
    seconds: taken,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
  };
};

type Send = (client: Client, due: number) => Promise<void>;

/** Every connection asks again as soon as it is answered. */
const saturate = (
  clients: readonly Client[],
  send: Send,
  { until, left }: { until: number; left: () => number },
): Promise<unknown> =>
  Promise.all(
    clients.map(async (client) => {
      for (let now = performance.now(); now < until && left() > 0; now = performance.now()) {
        await send(client, now);
      }
    }),
  );

/**
 * Requests are due at fixed times whatever the answers do, and wait here for a free connection; the wait
 * counts. So a server that stalls is charged for every request it kept waiting (no coordinated omission).
 * Timers have a resolution of a millisecond, which is in the figures too.
 */
const keepSchedule = (
  clients: readonly Client[],
  send: Send,
  { started, rate, count }: { started: number; rate: number; count: number },
): Promise<void> =>
  new Promise((resolve) => {
    const idle = [...clients];
    let sent = 0;
    let answered = 0;
    const dueAt = (index: number): number => started + (index * 1000) / rate;

    const release = (): void => {
      while (sent < count && dueAt(sent) <= performance.now()) {
        const client = idle.pop();
        if (!client) return; // whoever is answered next goes on from here
        void send(client, dueAt(sent)).then(() => {
          answered += 1;
          idle.push(client);
          if (answered === count) resolve();
          else release();
        });
        sent += 1;
      }
    };
    const tick = (): void => {
      release();
      if (sent < count) setTimeout(tick, 1);
    };
    tick();
  });

process.on('message', (order: LoadOrder) => {
  void run(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
