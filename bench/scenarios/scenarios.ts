import { dpopScenarios } from './dpop.ts';
import { exchangeScenarios } from './exchange.ts';
import { revocationScenarios } from './revocation.ts';
import type { Scenario, ScenarioParts } from './scenario.ts';
import { stockScenarios } from './stock.ts';
import { uploadScenarios } from './uploads.ts';
import { verifierScenarios } from './verifiers.ts';

/** The stock server, then every exchange, then what a token is used for, and how it ends. */
export const createScenarios = (parts: ScenarioParts): Scenario[] => [
  ...stockScenarios(parts),
  ...exchangeScenarios(parts),
  ...dpopScenarios(parts),
  ...uploadScenarios(parts),
  ...verifierScenarios(parts),
  ...revocationScenarios(parts),
];
