import { afterEach, describe, expect, it } from '@jest/globals';
import { createConfigure } from '../../../src/broker/configure/configure.ts';
import { applyAtStart } from '../../../src/compose/configuration.ts';
import { loadConfig } from '../../../src/config/config.ts';
import type { DeploymentDocument } from '../../../src/config/deployment.ts';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';

let broker: TestDaypass;
afterEach(() => broker?.stop());

const MOVED = 'http://localhost:8091';

const applied = async () => {
  const current = await broker.ledger.configurations.current();
  const document = current?.document as DeploymentDocument | undefined;
  return {
    version: current?.version,
    issuer: document?.issuers?.[0]?.issuer,
    source: current?.source,
  };
};

/** What the next start does, with the demo IdP at another port. */
const startAgain = async (idp = MOVED) => {
  const { configurations, clock } = broker.ledger;
  const configure = createConfigure({ configurations, production: false, now: clock.now });
  await applyAtStart(loadConfig({}), configure, broker.ledger, idp);
  return configure;
};

describe('the demo configuration', () => {
  it('follows its IdP to another port, once', async () => {
    broker = await startTestDaypass();
    const before = await applied();
    await startAgain();
    const moved = { issuer: MOVED, version: (before.version ?? 0) + 1 };
    expect(await applied()).toMatchObject(moved);
    await startAgain();
    expect(await applied()).toMatchObject(moved);
  }, 60_000);

  it('is left alone once somebody has changed it', async () => {
    broker = await startTestDaypass();
    const { document } = (await broker.ledger.configurations.current()) ?? {};
    const { issuer } = await applied();
    const changed = { ...(document as DeploymentDocument), limits: { max_actors: 1 } };
    const configure = await startAgain(issuer);
    await configure.apply(changed, { by: 'sam', source: 'admin API' });
    await startAgain();
    expect(await applied()).toMatchObject({ issuer, source: 'admin API' });
  }, 60_000);
});
