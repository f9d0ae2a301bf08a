import type { Measured, Sample } from './measure.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { median } from './statistics.ts';

/** One scenario over all rounds: medians, ratios taken within each round. */
export interface Result extends Sample {
  readonly id: string;
  readonly title: string;
  readonly against: string | undefined;
  /** Of the server's CPU for each answer. */
  readonly cpuRatio: number | undefined;
  /** Of the server's and Postgres's together. */
  readonly totalCpuRatio: number | undefined;
  readonly rateRatio: number | undefined;
  /** Of the rate, to that of the scenario it stands beside. */
  readonly besideRatio: number | undefined;
  readonly rounds: readonly Sample[];
}

type Figure = (sample: Sample) => number;

const ratio = (own: readonly Sample[], other: readonly Sample[] | undefined, figure: Figure) =>
  other &&
  median(
    own.map((sample, round) => {
      const beside = other[round];
      return beside ? figure(sample) / figure(beside) : Number.NaN;
    }),
  );

export const summarise = (scenarios: readonly Scenario[], { samples }: Measured): Result[] =>
  scenarios.map(({ id, title, against, beside }) => {
    const own = samples.get(id) ?? [];
    const other = against === undefined ? undefined : samples.get(against);
    const middle = (figure: Figure): number => median(own.map(figure));
    return {
      id,
      title,
      against,
      rate: middle((sample) => sample.rate),
      serverCpu: middle((sample) => sample.serverCpu),
      postgresCpu: middle((sample) => sample.postgresCpu),
      pacedServerCpu: middle((sample) => sample.pacedServerCpu),
      p50: middle((sample) => sample.p50),
      p99: middle((sample) => sample.p99),
      cpuRatio: ratio(own, other, (sample) => sample.serverCpu),
      totalCpuRatio: ratio(own, other, (sample) => sample.serverCpu + sample.postgresCpu),
      rateRatio: ratio(own, other, (sample) => sample.rate),
      besideRatio: ratio(own, samples.get(beside ?? ''), (sample) => sample.rate),
      rounds: own,
    };
  });

/** What the project promises itself; a run on a busy machine may miss them, and does not fail by that. */
export const GOALS = {
  cpuRatio: 0.6,
  stretchCpuRatio: 0.5,
  exchangesPerSecond: 1_500,
  /** Of an exchange with DPoP, beside stock with DPoP. */
  dpopCpuRatio: 1 / 3,
  dpopExchangesPerSecond: 900,
  /** Of the rate of leave to upload, beside the exchange with the same binding. */
  uploadRateRatio: 0.5,
  /** URLs for S3 a second and core, without the record. */
  s3PresignsPerSecond: 4_000,
  /** Of revoking an app with 100,000 live tokens, receipt included. */
  appRevocationMs: 2_000,
  /** p99 in a full database, as a multiple of that in an empty one. */
  scaleP99Ratio: 1.3,
};
