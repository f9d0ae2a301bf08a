/** One request of a load, complete. */
export interface LoadRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the load generator is told: POST these, in turn, from the `first` on. */
export interface LoadOrder {
  readonly origin: string;
  readonly requests: readonly LoadRequest[];
  readonly first: number;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second on a fixed schedule; absent: as many as the connections carry. */
  readonly rate?: number;
}

/** What it found. */
export interface LoadReport {
  /** Answers with a 2xx. */
  readonly answers: number;
  /** Everything else, with the first of it in words. */
  readonly failures: number;
  readonly firstFailure: string | undefined;
  /** From the first request sent to the last answer. */
  readonly seconds: number;
  /** Milliseconds. On a schedule, from the moment a request was due. */
  readonly p50: number;
  readonly p99: number;
}
