/** How a type is read that can be held against a schema. */
export type TableKind = 'csv' | 'json' | 'lines';

/** @param contentType by its common name */
export const kindOf = (contentType: string): TableKind | undefined => {
  if (contentType === 'text/csv') return 'csv';
  if (contentType === 'application/x-ndjson' || contentType === 'application/jsonl') return 'lines';
  return contentType === 'application/json' || contentType.endsWith('+json') ? 'json' : undefined;
};
