import type { Config } from '../config/config.ts';
import { type DemoTokenRequest, demoToken } from '../demo/demo-token.ts';
import { DEMO_PASSWORD } from '../demo/people.ts';
import { loadBundle } from '../policy/cedar/bundle.ts';
import { createCedarEngine } from '../policy/cedar/cedar-engine.ts';
import type { Decision, Question } from '../policy/engine.ts';
import { explain } from '../policy/explain.ts';
import { type GateReport, runGate } from '../policy/gate/gate.ts';
import { type Check, examine } from './examination.ts';
import { POLICIES } from './policies.ts';

/** What the command line does without a broker, with the adapters it does it on. */
export interface Offline {
  /** Daypass's own policies, then each folder on top of them. */
  testPolicies(folders: readonly string[]): readonly NamedReport[];
  /** @throws Error when the policies do not load */
  explain(folders: readonly string[], question: Question): Explained;
  /** @throws Error when the demo IdP does not answer or refuses */
  demoToken(request: Omit<DemoTokenRequest, 'password'> & { password?: string }): Promise<string>;
  examine(config: Config, env: NodeJS.ProcessEnv): Promise<readonly Check[]>;
}

export interface NamedReport extends GateReport {
  readonly folder: string;
}

export interface Explained {
  readonly decision: Decision;
  readonly digest: string;
  /** For a person. */
  readonly lines: readonly string[];
}

export const offline: Offline = {
  testPolicies: (folders) => [
    { folder: POLICIES, ...runGate(POLICIES) },
    ...folders.map((folder) => ({ folder, ...runGate(folder, [POLICIES]) })),
  ],
  explain: (folders, question) => {
    const engine = createCedarEngine(loadBundle([POLICIES, ...folders]));
    const decision = engine.decide(question);
    return { decision, digest: engine.digest, lines: explain(engine, question) };
  },
  demoToken: (request) => demoToken({ password: DEMO_PASSWORD, ...request }),
  examine,
};
