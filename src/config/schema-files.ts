/** Schema files: what do the files say that a configuration names? They become part of it, so that all instances have the same. */
import { spell } from './deployment/finding.ts';
import type { DeploymentDocument } from './deployment/schema.ts';
import { ConfigurationError, type Problem } from './problem.ts';

/**
 * The document with each `validate.schema` that names a file replaced by what the file holds.
 *
 * @param read the text of a file, by the name that is written; throws where there is none.
 * @param lineOf where the document has a part of itself.
 * @throws ConfigurationError with every file that is missing or is no JSON object
 */
export const withSchemaFiles = (
  document: DeploymentDocument,
  read: (name: string) => string,
  source: string,
  lineOf: (path: readonly PropertyKey[]) => number | undefined = () => undefined,
): DeploymentDocument => {
  if (!document.buckets) return document;
  const problems: Problem[] = [];
  const buckets = document.buckets.map((bucket, at) => {
    const { schema } = bucket.validate ?? {};
    if (!schema) return bucket;
    const given = Object.entries(schema).map(([type, named]) => {
      if (typeof named !== 'string') return [type, named] as const;
      const path = ['buckets', at, 'validate', 'schema', type];
      const line = lineOf(path);
      const place = { path: spell(path), ...(line === undefined ? {} : { line }) };
      return [type, load(named, place, read, problems)] as const;
    });
    return { ...bucket, validate: { ...bucket.validate, schema: Object.fromEntries(given) } };
  });
  if (problems.length > 0) throw new ConfigurationError(source, problems);
  return { ...document, buckets };
};

const load = (
  name: string,
  place: Pick<Problem, 'path' | 'line'>,
  read: (name: string) => string,
  problems: Problem[],
): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(read(name));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw new TypeError('it is no JSON object');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    problems.push({
      ...place,
      rule: 'schema_file',
      message: `${name} cannot be used: ${why}`,
      remedy: 'name a JSON Schema file, from the folder that the configuration file lies in',
    });
    return {};
  }
};
