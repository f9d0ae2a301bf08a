import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inspect } from './inspect.ts';
import type { PolicyBundle } from './policy.ts';
import { splitPolicies } from './split.ts';

export const SCHEMA_FILE = 'schema.cedarschema';

export interface PolicyFile {
  /** With the folder, as it was given. */
  readonly name: string;
  readonly text: string;
}

/** Everything wrong with a bundle, at once. */
export class PolicyBundleError extends Error {
  override readonly name = 'PolicyBundleError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the policies cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * The policies in the given folders: the first has the schema and Daypass's own, the others a deployment's additions.
 * A forbid wins wherever it stands, so an addition can permit only what nothing here forbids.
 *
 * @throws {PolicyBundleError} naming every file, id, annotation and type that is wrong, with its line. A bundle that
 *   loads has no policy that fails to evaluate.
 */
export const loadBundle = (dirs: string | readonly string[]): PolicyBundle => {
  const folders = [dirs].flat().map(policyFiles);
  const [schema, ...others] = folders.flat().filter(isSchema);
  if (!(schema && folders[0]?.includes(schema))) {
    throw new PolicyBundleError([`the first folder of policies needs a ${SCHEMA_FILE}`]);
  }
  const split = folders
    .flat()
    .filter((file) => !isSchema(file))
    .map(splitPolicies);
  const inspected = inspect(
    schema,
    split.flatMap(({ fragments }) => fragments),
  );
  const problems = [
    ...others.map(({ name }) => `${name}: only the first folder has a schema`),
    ...split.flatMap((part) => part.problems),
    ...inspected.problems,
  ];
  if (problems.length > 0) throw new PolicyBundleError(problems);
  return { digest: digestOf(folders), schema: schema.text, policies: inspected.policies };
};

/** The schema and the `.cedar` files of a folder, by name; cases and prose are no part of a bundle. */
export const policyFiles = (dir: string): readonly PolicyFile[] =>
  entriesOf(dir)
    .filter((entry) => entry === SCHEMA_FILE || entry.endsWith('.cedar'))
    .sort()
    .map((entry) => ({ name: join(dir, entry), text: readFileSync(join(dir, entry), 'utf8') }));

const entriesOf = (dir: string): readonly string[] => {
  try {
    return readdirSync(dir);
  } catch (cause) {
    throw new PolicyBundleError([`${dir} cannot be read: ${String(cause)}`]);
  }
};

const isSchema = ({ name }: PolicyFile): boolean => basename(name) === SCHEMA_FILE;

/** Where the folders lie does not count, so every instance of a deployment has the same digest. */
const digestOf = (folders: readonly (readonly PolicyFile[])[]): string => {
  const hash = createHash('sha256');
  for (const [index, files] of folders.entries()) {
    for (const { name, text } of files) {
      // Lengths first: no content can pass for a name.
      hash.update(`${index}/${basename(name)} ${Buffer.byteLength(text)}\n`).update(text);
    }
  }
  return `sha256:${hash.digest('hex')}`;
};
