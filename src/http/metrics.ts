import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Answered } from './app.ts';

export interface Metrics {
  answered(answer: Answered): void;
  issued(kind: IssuedKind, outcome: 'granted' | 'denied'): void;
  /** One try to tell an app that somebody signed out. */
  toldOfLogout(outcome: 'told' | 'failed' | 'given_up'): void;
  /** The uploads that are under way, as they were counted last. */
  uploadsUnderWay(counted: readonly UploadsUnderWay[]): void;
  /** Prometheus text format 0.0.4. */
  render(): Promise<string>;
}

export type IssuedKind = 'token' | 'upload' | 'download' | 'credentials';

export interface UploadsUnderWay {
  readonly status: string;
  readonly uploads: number;
  /** Seconds. */
  readonly oldest: number;
}

/**
 * What is counted, through OpenTelemetry's API. No label is an id, an address or anything a caller can
 * make up: each has a short list of values, so that nobody can fill our memory or read who is here.
 */
export const createMetrics = (): Metrics => {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const meter = new MeterProvider({ readers: [reader] }).getMeter('daypass');
  // No prefix, timestamps or resource labels; neither `target_info`, which names the host, nor the scope.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);

  const duration = meter.createHistogram('daypass_http_request_duration_seconds', {
    description: 'Time until an answer was ready, by route, status and error code.',
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const issuances = meter.createCounter('daypass_credentials', {
    description: 'Credentials granted and denied.',
  });
  const logouts = meter.createCounter('daypass_logouts', {
    description: 'Tries to tell apps of a logout: told, failed and tried again, given up.',
  });
  const uploadsUnderWay = observeUploads(meter);
  observeProcess(meter);

  return {
    answered: ({ method, route, status, milliseconds, error }) =>
      duration.record(milliseconds / 1000, {
        method: METHODS.has(method) ? method : 'other',
        route,
        status: String(status),
        error: error?.code ?? '',
      }),
    issued: (kind, outcome) => issuances.add(1, { kind, outcome }),
    toldOfLogout: (outcome) => logouts.add(1, { outcome }),
    uploadsUnderWay,
    render: async () => {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw new AggregateError(errors, 'metrics could not be collected');
      return `${serializer.serialize(resourceMetrics).trimEnd()}\n`;
    },
  };
};

/** Nothing is said before the first count: that nobody has looked is not that nothing waits. */
const observeUploads = (meter: Meter) => {
  let counted: readonly UploadsUnderWay[] = [];
  meter
    .createObservableGauge('daypass_uploads', {
      description: 'Uploads that have not come to an end, by status, over all instances.',
    })
    .addCallback((result) => {
      for (const { status, uploads } of counted) result.observe(uploads, { status });
    });
  meter
    .createObservableGauge('daypass_oldest_upload_seconds', {
      description:
        'How long ago the oldest upload of a status was asked for; 0 where there is none.',
    })
    .addCallback((result) => {
      for (const { status, oldest } of counted) result.observe(oldest, { status });
    });
  return (latest: readonly UploadsUnderWay[]): void => {
    counted = latest;
  };
};

/** Seconds. An exchange takes a few milliseconds; 0.1 is where a person begins to notice; 5 is given up. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);

/** Milliseconds between two looks at the event loop. */
const INTERVAL = 20;

/** Only what costs nothing until it is asked for, and tells an overloaded process from a slow database. */
const observeProcess = (meter: Meter): void => {
  const intervals = monitorEventLoopDelay({ resolution: INTERVAL });
  intervals.enable();
  meter
    .createObservableGauge('daypass_event_loop_delay_p99_seconds', {
      description: 'How late timers fired since the last scrape, 99th percentile.',
    })
    .addCallback((result) => {
      // What is measured is the whole interval between two timers, in nanoseconds.
      const late = intervals.percentile(99) / 1e9 - INTERVAL / 1000;
      result.observe(Math.max(late, 0));
      intervals.reset();
    });
  meter
    .createObservableGauge('daypass_resident_memory_bytes', {
      description: 'Memory that the process holds.',
    })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
};
