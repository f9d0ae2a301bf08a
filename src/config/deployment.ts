/** Deployment: who may ask for what, and where is it kept? It knows the file, and nobody who uses it. */
import { type Circumstances, crossCheck } from './deployment/cross-checks.ts';
import { complete, readDraft } from './deployment/draft.ts';
import { type Finding, spell } from './deployment/finding.ts';
import { readLines } from './deployment/lines.ts';
import type { Deployment, DeploymentDocument } from './deployment/schema.ts';
import { ConfigurationError, type Problem } from './problem.ts';

export type {
  AdminRule,
  App,
  Bucket,
  Deployment,
  DeploymentDocument,
  Grant,
  Issuer,
  Keys,
  Limits,
  ResourceServer,
  Tenant,
} from './deployment/schema.ts';

export interface DeploymentOptions extends Circumstances {
  /** Apps that have expired by then are refused. */
  readonly now: Date;
  /** What is read, for messages: a file name, or `the request`. */
  readonly source: string;
}

export type StoredOptions = Omit<DeploymentOptions, 'now'>;

/** A deployment, and the document it was read from: what the database keeps and the admin API returns. */
export interface ReadDeployment {
  readonly deployment: Deployment;
  readonly document: DeploymentDocument;
  /** Where in the text a part of it stands, counted from 1: for what is found wrong with it afterwards. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined;
}

const freeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
};

const settle = (
  value: unknown,
  options: StoredOptions & Circumstances,
  told: readonly Problem[],
  lineOf: (path: readonly PropertyKey[]) => number | undefined,
): Deployment => {
  const findings: Finding[] = [];
  const draft = readDraft(value, findings);
  findings.push(...crossCheck(draft, options));
  const problems = findings.map(({ path, ...said }): Problem => {
    const line = lineOf(path);
    return { path: spell(path), ...said, ...(line === undefined ? {} : { line }) };
  });
  const { limits, keys } = draft;
  if (told.length + problems.length > 0 || limits === undefined || keys === undefined)
    throw new ConfigurationError(options.source, [...told, ...problems]);
  return freeze(complete(draft, limits, keys));
};

/**
 * Reads daypass.yaml (YAML 1.2) and keeps what was written.
 *
 * @throws ConfigurationError with every problem and its line
 */
export const readDeployment = (text: string, options: DeploymentOptions): ReadDeployment => {
  const { value, problems, lineOf } = readLines(text);
  // Of a text that is not YAML nothing else can be said; a repeated key hides one value only.
  if (problems.some(({ rule }) => rule === 'yaml'))
    throw new ConfigurationError(options.source, problems);
  const deployment = settle(value, options, problems, lineOf);
  return { deployment, document: (value ?? {}) as DeploymentDocument, lineOf };
};

/** {@link readDeployment} for callers that need the deployment only. */
export const parseDeployment = (text: string, options: DeploymentOptions): Deployment =>
  readDeployment(text, options).deployment;

/**
 * Reads the same as a value: JSON of the admin API.
 *
 * @throws ConfigurationError with every problem; `violationsOf` turns it into an answer
 */
export const deploymentFromObject = (value: unknown, options: DeploymentOptions): Deployment =>
  settle(value, options, [], () => undefined);

/**
 * Reads the document that was accepted before, from the database. Time has passed since: an app that
 * expired meanwhile is refused when it asks for something, not by keeping the broker from starting.
 *
 * @throws ConfigurationError
 */
export const storedDeployment = (value: unknown, options: StoredOptions): Deployment =>
  settle(value, options, [], () => undefined);
