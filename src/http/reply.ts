/** An answer before it is written: routes return one, and know nothing of Koa. */
export interface Reply {
  readonly status: number;
  /** JSON where it is an object; as it is where it is a string. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that holds a credential, or says something of one, is for nobody's cache (RFC 6749 §5.1). */
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const;
