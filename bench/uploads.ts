import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import sharp from 'sharp';
import { type Server, startBroker } from './broker.ts';
import { type CorporateIdp, startCorporateIdp } from './corporate-idp.ts';
import { familyCpu, processCpu } from './cpu.ts';
import type { DescribedFile, UploadReport } from './load/upload-messages.ts';
import { startUploader, type Uploader } from './load.ts';
import type { BenchOptions } from './options.ts';
import { type ASKED, signIns } from './scenarios/preparation.ts';
import type { Stage } from './stage.ts';
import { median } from './statistics.ts';
import { type BareStore, startLocalStore, startS3Server } from './stores.ts';

/** Uploads from end to end on one store. Times of CPU are µs for each upload. */
export interface UploadsSample {
  /** Uploads that became available, for each second. */
  readonly rate: number;
  /** PUTs a second to the same kind of store, with no broker. */
  readonly bareRate: number;
  /** Of `rate`, to `bareRate`. */
  readonly rateRatio: number;
  readonly brokerCpu: number;
  /** Of the processes in which files are opened. */
  readonly inspectionCpu: number;
  readonly postgresCpu: number;
  /** Of the store, for each bare PUT. */
  readonly bareCpu: number;
  /** How often the status was asked for, for each upload. */
  readonly asked: number;
  /** Milliseconds from asking for leave until it was known to be available. */
  readonly p50: number;
  readonly p99: number;
}

export interface UploadsResult extends UploadsSample {
  readonly title: string;
  readonly rounds: readonly UploadsSample[];
}

export interface Uploads {
  readonly results: readonly UploadsResult[];
  /** Of each upload. */
  readonly bytes: number;
  /** When they were measured, as `Measured.windows`. */
  readonly windows: readonly (readonly [from: number, to: number])[];
}

/** Uploads under way at once. */
export const LINES = 16;
/** Below the folder of profiles. */
export const UPLOADS_DIR = 'uploads';
const FIRST = 50_000_000;

interface Course {
  readonly title: string;
  readonly what: keyof typeof ASKED;
  readonly bare: BareStore;
}

/** On the local store, which the broker serves itself, and on an S3 server. */
export const measureUploads = async (
  stage: Stage,
  options: BenchOptions,
  say: (text: string) => void,
): Promise<Uploads> => {
  say('starting a broker and its stores');
  const home = join(stage.dir, 'uploads');
  mkdirSync(home);
  const database = await stage.database('uploads');
  const idp = stage.keep(await startCorporateIdp());
  const s3 = stage.keep(await startS3Server(join(home, 's3')));
  const local = stage.keep(await startLocalStore(join(home, 'local')));
  const broker = stage.keep(
    await startBroker({
      dir: home,
      databaseUrl: database.url,
      idp,
      profile: options.profile === undefined ? undefined : join(options.profile, UPLOADS_DIR),
      s3: s3.place,
    }),
  );
  const file = await picture();
  const rig: UploadRig = {
    idp,
    broker,
    database: database.pool,
    postmaster: stage.postgres.pid,
    uploader: stage.keep(startUploader()),
    file,
  };
  const courses: readonly Course[] = [
    { title: 'local store', what: 'bucket', bare: local },
    { title: 'S3 server (s3rver)', what: 's3', bare: s3 },
  ];
  const { rounds, seconds, warmUp } = options;
  for (const course of courses) {
    say(`warming up: uploads, ${course.title}`);
    await sampleOf(rig, course, warmUp.seconds);
  }
  const samples = courses.map((): UploadsSample[] => []);
  const windows: [number, number][] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, course] of courses.entries()) {
      say(`round ${round} of ${rounds}: uploads, ${course.title}`);
      const { sample, window } = await sampleOf(rig, course, seconds.full * 2);
      samples[index]?.push(sample);
      windows.push(window);
    }
  }
  const results = courses.map(({ title }, index) => summarise(title, samples[index] ?? []));
  return { results, bytes: Buffer.from(file.base64, 'base64').length, windows };
};

interface UploadRig {
  readonly idp: CorporateIdp;
  readonly broker: Server;
  readonly database: pg.Pool;
  readonly postmaster: number;
  readonly uploader: Uploader;
  readonly file: DescribedFile;
}

/** As a phone's screenshot, small: noise, so that it does not compress. */
const picture = async (): Promise<DescribedFile> => {
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
  const create = { width: 160, height: 120, channels: 3, background: '#888', noise } as const;
  const bytes = await sharp({ create }).png().toBuffer();
  return {
    filename: 'menu of the day.png',
    contentType: 'image/png',
    sha256: createHash('sha256').update(bytes).digest('hex'),
    base64: bytes.toString('base64'),
  };
};

const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);

/** First without the broker, then with it. */
const sampleOf = async (rig: UploadRig, course: Course, seconds: number) => {
  const bare = await putBare(rig, course.bare, seconds / 2);
  const { idp, broker, uploader, postmaster, file } = rig;
  const idTokens = signIns(idp, LINES, { first: FIRST, users: LINES });
  await uploader.run({ kind: 'hold', origin: broker.origin, idTokens, what: course.what });

  const had = await countAvailable(rig);
  const from = monotonic();
  const before = readCpu(broker.pid, postmaster);
  const report = done(
    await uploader.run({ kind: 'journeys', lines: LINES, seconds, file }),
    course.title,
  );
  const after = readCpu(broker.pid, postmaster);
  const window: [number, number] = [from, monotonic()];
  const gained = (await countAvailable(rig)) - had;
  if (gained !== report.done) {
    throw new Error(`${report.done} uploads became available, but ${gained} are on record`);
  }
  const each = (part: keyof typeof after): number => (after[part] - before[part]) / report.done;
  const rate = report.done / report.seconds;
  const sample: UploadsSample = {
    rate,
    bareRate: bare.rate,
    rateRatio: rate / bare.rate,
    brokerCpu: each('broker'),
    inspectionCpu: each('inspection'),
    postgresCpu: each('postgres'),
    bareCpu: bare.cpu,
    asked: report.asked / report.done,
    p50: report.p50,
    p99: report.p99,
  };
  return { sample, window };
};

const readCpu = (broker: number, postmaster: number) => {
  const own = processCpu(broker);
  return { broker: own, inspection: familyCpu(broker) - own, postgres: familyCpu(postmaster) };
};

const done = (report: UploadReport | undefined, what: string): UploadReport => {
  if (report && report.done > 0) return report;
  throw new Error(`nothing was uploaded: ${what}`);
};

const countAvailable = async ({ database }: UploadRig): Promise<number> => {
  const { rows } = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM stored_object WHERE status = 'available'`,
  );
  return rows[0]?.count ?? Number.NaN;
};

/** More than any of these stores takes in a second. */
const MOST_A_SECOND = 4_000;

const putBare = async (
  { uploader, file }: UploadRig,
  { store, pid }: BareStore,
  seconds: number,
): Promise<{ readonly rate: number; readonly cpu: number }> => {
  const { contentType, sha256 } = file;
  const size = Buffer.from(file.base64, 'base64').length;
  const now = new Date();
  const grants = await Promise.all(
    Array.from({ length: Math.ceil(seconds * MOST_A_SECOND) }, () =>
      store.presignPut(
        { key: `bare/${randomUUID()}`, size, contentType, sha256, expiresIn: 600 },
        now,
      ),
    ),
  );
  const { origin } = new URL(grants[0]?.url ?? '');
  const targets = grants.map(({ url, headers }) => ({ path: url.slice(origin.length), headers }));
  const before = processCpu(pid);
  const report = done(
    await uploader.run({ kind: 'puts', lines: LINES, seconds, file, origin, targets }),
    'bare PUTs',
  );
  return {
    rate: report.done / report.seconds,
    cpu: (processCpu(pid) - before) / report.done,
  };
};

const summarise = (title: string, rounds: readonly UploadsSample[]): UploadsResult => {
  const middle = (figure: keyof UploadsSample): number =>
    median(rounds.map((sample) => sample[figure]));
  return {
    title,
    rate: middle('rate'),
    bareRate: middle('bareRate'),
    rateRatio: middle('rateRatio'),
    brokerCpu: middle('brokerCpu'),
    inspectionCpu: middle('inspectionCpu'),
    postgresCpu: middle('postgresCpu'),
    bareCpu: middle('bareCpu'),
    asked: middle('asked'),
    p50: middle('p50'),
    p99: middle('p99'),
    rounds,
  };
};
