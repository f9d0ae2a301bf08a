import { commonName } from './sniff/media-type.ts';
import { kindOf } from './table/kind.ts';
import { compileSchema } from './table/schema.ts';

/** Why a JSON Schema cannot be used for files of a type; undefined where it can. */
export const schemaProblem = (contentType: string, schema: object): string | undefined => {
  const kind = kindOf(commonName(contentType));
  if (kind === undefined)
    return 'is for files that cannot be held against a schema: text/csv, application/json, application/x-ndjson and +json can';
  try {
    compileSchema(kind, schema);
    return undefined;
  } catch (error) {
    return `is no JSON Schema that can be used: ${error instanceof Error ? error.message : 'unknown'}`;
  }
};
