import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startBaseline } from './baseline.ts';
import { startBroker } from './broker.ts';
import { startCorporateIdp } from './corporate-idp.ts';
import { fill } from './fill.ts';
import { startLoadGenerator } from './load.ts';
import { type Measured, measure, type Rig } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { measurePresigns, type PresignResult } from './presign.ts';
import { type Result, summarise } from './results.ts';
import { type LargeRevocation, measureLargeRevocations } from './revoke-app.ts';
import { measureScale, type ScaleResult } from './scale.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { createScenarios } from './scenarios/scenarios.ts';
import { onStage, type Stage } from './stage.ts';
import { measureUploads, type Uploads } from './uploads.ts';

type Say = (text: string) => void;

export interface Comparison {
  readonly results: readonly Result[];
  readonly measured: Measured;
  readonly revocations: readonly LargeRevocation[];
  readonly presigns: readonly PresignResult[];
  readonly uploads: Uploads | undefined;
}

const isAsked = ({ only }: BenchOptions, id: string): boolean =>
  only.length === 0 || only.includes(id);

/** The broker beside the stock server; then large revocations, presigned URLs, and uploads from end to end. */
export const compare = (options: BenchOptions, say: Say): Promise<Comparison> =>
  onStage(async (stage) => {
    const compared = await compareScenarios(stage, options, say);
    const revocations = isAsked(options, 'revoke-app')
      ? await measureLargeRevocations({
          databaseUrl: (await stage.database('revocations')).url,
          ...options.revokeApp,
          say,
        })
      : [];
    say('presigned URLs');
    const presigns = isAsked(options, 'presign')
      ? await measurePresigns(3, options.seconds.full * 120)
      : [];
    const uploads = isAsked(options, 'uploads')
      ? await measureUploads(stage, options, say)
      : undefined;
    return { ...compared, revocations, presigns, uploads };
  });

/** What is no scenario, and needs no stock server. */
const OTHERS = ['revoke-app', 'presign', 'uploads'];

const compareScenarios = async (
  stage: Stage,
  options: BenchOptions,
  say: Say,
): Promise<Pick<Comparison, 'results' | 'measured'>> => {
  const { only } = options;
  if (only.length > 0 && only.every((id) => OTHERS.includes(id))) {
    return { results: [], measured: { samples: new Map(), windows: [] } };
  }
  say('starting the broker and the stock server');
  const { rig, scenarios, stop } = await openRig(stage, options);
  const asked = scenarios.filter(({ id }) => isAsked(options, id));
  const measured = await measure({ ...rig, options, scenarios: asked, say });
  await stop();
  return { results: summarise(asked, measured), measured };
};

const openRig = async (
  stage: Stage,
  { connections, users, profile }: BenchOptions,
): Promise<{ rig: Rig; scenarios: Scenario[]; stop: () => Promise<void> }> => {
  const { dir, postgres, keep } = stage;
  const own = await stage.database('daypass');
  const stock = await stage.database('baseline');
  const idp = keep(await startCorporateIdp());
  const broker = keep(await startBroker({ dir, databaseUrl: own.url, idp, profile }));
  const baseline = keep(await startBaseline(stock.url));
  const rig: Rig = {
    connections,
    servers: { broker, baseline },
    databases: { broker: own.pool, baseline: stock.pool },
    postmaster: postgres.pid,
    load: keep(startLoadGenerator()),
  };
  const scenarios = createScenarios({
    idp,
    users,
    brokerOrigin: broker.origin,
    baselineOrigin: baseline.origin,
  });
  // Before anything else is measured; the stage stops them in any case.
  const stop = async (): Promise<void> => {
    await Promise.all([broker.stop(), baseline.stop()]);
  };
  return { rig, scenarios, stop };
};

/** What is compared: the two that write, and one that only looks something up. */
const SCALED = ['exchange-dpop-opaque', 'introspect-opaque', 'revoke-token'];

export interface Scaled {
  readonly results: readonly ScaleResult[];
  /** Of the full database, indexes included. */
  readonly bytes: number;
}

/** Two brokers, each on a database of its own in one Postgres: next to nothing in one, a great deal in the other. */
export const compareScales = (options: BenchOptions, say: Say): Promise<Scaled> =>
  onStage(async (stage) => {
    const { dir, postgres, keep } = stage;
    const idp = keep(await startCorporateIdp());
    const load = keep(startLoadGenerator());
    const open = async (name: string) => {
      const { url, pool } = await stage.database(name);
      const home = join(dir, name);
      mkdirSync(home);
      const broker = keep(
        await startBroker({ dir: home, databaseUrl: url, idp, profile: undefined }),
      );
      const rig: Rig = {
        connections: options.connections,
        servers: { broker, baseline: broker },
        databases: { broker: pool, baseline: pool },
        postmaster: postgres.pid,
        load,
      };
      const { users } = options;
      const { origin } = broker;
      const scenarios = createScenarios({
        idp,
        users,
        brokerOrigin: origin,
        baselineOrigin: origin,
      });
      return { rig, pool, scenarios };
    };
    say('starting two brokers');
    const empty = await open('daypass');
    const full = await open('filled');
    const { tokens, auditEvents } = options.scale;
    const content = { tokens, ofOneApp: Math.floor(tokens / 10), auditEvents, revocations: 5_000 };
    await fill(full.pool, content, say);
    const { rows } = await full.pool.query<{ bytes: string }>(
      'SELECT pg_database_size(current_database()) AS bytes',
    );
    const find = (scenarios: readonly Scenario[], id: string): Scenario => {
      const found = scenarios.find((scenario) => scenario.id === id);
      if (!found) throw new Error(`there is no scenario ${id}`);
      // Millions of rows are not counted before and after each run.
      return { ...found, records: [] };
    };
    const pairs = SCALED.filter((id) => isAsked(options, id)).map((id) => ({
      empty: find(empty.scenarios, id),
      full: find(full.scenarios, id),
    }));
    const rigs = { empty: empty.rig, full: full.rig };
    const results = await measureScale({ options, pairs, rigs, say });
    return { results, bytes: Number(rows[0]?.bytes) };
  });
