/** Something wrong at a place in the document, before that place has a line. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly rule: string;
  readonly message: string;
  readonly remedy: string;
}

/** `apps[0].grants[1].max_ttl`; `(the file)` for the whole. */
export const spell = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '') || '(the file)';
