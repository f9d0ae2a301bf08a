/** One request of a load, complete: signed, and with its nonce, before anything is measured. */
export interface LoadRequest {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** What the load generator is told: send these, in turn, from the `first` on. */
export interface LoadOrder {
  readonly origin: string;
  readonly requests: readonly LoadRequest[];
  readonly first: number;
  /** Each is good for one answer: the run ends with the last of them, if its time has not ended before. */
  readonly once: boolean;
  /** What an answer must say, where its status alone proves nothing. */
  readonly answer?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second on a fixed schedule; absent: as many as the connections carry. */
  readonly rate?: number;
}

/** What it found. */
export interface LoadReport {
  /** Answers with a 2xx, that say what they must. */
  readonly answers: number;
  /** Everything else, with the first of it in words. */
  readonly failures: number;
  readonly firstFailure: string | undefined;
  /** Of the requests, how many were sent. */
  readonly sent: number;
  /** From the first request sent to the last answer. */
  readonly seconds: number;
  /** Milliseconds. On a schedule, from the moment a request was due. */
  readonly p50: number;
  readonly p99: number;
}
