import type { Violation } from '../protocol/oauth-error.ts';
import type { Prover } from './proof.ts';

/** A broker as its HTTP API shows it: one key, one nonce at a time. It knows nothing of a terminal. */
export interface DaypassClient {
  /** The issuer, without trailing slash. */
  readonly server: string;
  /** @throws Refusal, Unreachable */
  send<Answer>(request: ClientRequest): Promise<Answer>;
}

export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly credential: Credential;
  /** Told the `ETag` of what is answered, to send as `If-Match`. */
  readonly onTag?: (tag: string) => void;
}

export interface Credential {
  readonly scheme: 'Bearer' | 'DPoP';
  readonly value: string;
  /** Whether a proof goes with it: always with `DPoP`, and with an ID token to bind what it is exchanged for. */
  readonly proof: boolean;
}

export interface ClientOptions {
  /** The broker's issuer: proofs are made for it, so an alias will not do (RFC 9449 §4.3). */
  readonly server: string;
  readonly prove: Prover;
  readonly fetch: typeof fetch;
  readonly now: () => Date;
}

/** What the broker answered instead. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;
  readonly violations: readonly Violation[];
  readonly requestId: string | undefined;

  constructor(status: number, body: RefusalBody) {
    super(body.error_description ?? `the server answered ${status}`);
    this.status = status;
    this.code = body.error ?? 'unknown';
    this.violations = body.violations ?? [];
    this.requestId = body.request_id;
  }
}

/** Nothing answers there, or not in time. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

interface RefusalBody {
  readonly error?: string;
  readonly error_description?: string;
  readonly violations?: readonly Violation[];
  readonly request_id?: string;
}

/** Milliseconds. No answer of the API takes longer. */
const PATIENCE = 30_000;

export const createDaypassClient = (options: ClientOptions): DaypassClient => {
  const { server, prove, fetch, now } = options;
  let nonce: string | undefined;

  const attempt = async (request: ClientRequest): Promise<Response> => {
    const { method, path, query, body, headers, credential } = request;
    const url = `${server}${path}`;
    const proof =
      credential.proof &&
      prove({
        method,
        url,
        nonce,
        accessToken: credential.scheme === 'DPoP' ? credential.value : undefined,
        now: now(),
      });
    const response = await fetch(`${url}${toQuery(query)}`, {
      method,
      headers: {
        Accept: 'application/json',
        Authorization: `${credential.scheme} ${credential.value}`,
        ...(proof && { DPoP: proof }),
        ...(body && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'error', // a credential goes nowhere but where it was sent
      signal: AbortSignal.timeout(PATIENCE),
    }).catch((cause: unknown) => {
      throw new Unreachable(`no broker answers at ${server}`, { cause });
    });
    nonce = response.headers.get('DPoP-Nonce') ?? nonce;
    return response;
  };

  return {
    server,
    send: async <Answer>(request: ClientRequest): Promise<Answer> => {
      const used = nonce;
      const first = await read(await attempt(request));
      // RFC 9449 §8: once more with the nonce that came with the refusal, and only then.
      const isRetry = first.body.error === 'use_dpop_nonce' && nonce !== used;
      const { status, body, tag } = isRetry ? await read(await attempt(request)) : first;
      if (status >= 400) throw new Refusal(status, body);
      if (tag !== null) request.onTag?.(tag);
      return body as Answer;
    },
  };
};

interface Read {
  readonly status: number;
  readonly body: RefusalBody;
  readonly tag: string | null;
}

const read = async (response: Response): Promise<Read> => {
  const text = await response.text();
  return { status: response.status, body: parse(text), tag: response.headers.get('ETag') };
};

/** A proxy in front may answer with anything. */
const parse = (text: string): RefusalBody => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
};

const toQuery = (query: ClientRequest['query'] = {}): string => {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, value);
  }
  return given.size === 0 ? '' : `?${given}`;
};
